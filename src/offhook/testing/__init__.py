"""Test callflows and the server that steers them without a call, in milliseconds (``docs/testing.md``).

With pytest the fixture ``offhook`` is there once Offhook is installed; :class:`Offhook` is the same thing
for any other way to test. The names are imported when they are first used: pytest loads this package for
every run, whether it tests callflows or not.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offhook.testing.errors import (
        CallflowRejected,
        Runaway,
        ScriptNotFollowed,
        SimulationError,
    )
    from offhook.testing.phone import Phone
    from offhook.testing.result import PhoneCall, SimulatedSession
    from offhook.testing.simulation import Offhook
    from offhook.testing.timeline import Moment
    from offhook.testing.vca_script import Answer

__all__ = [
    "Answer",
    "CallflowRejected",
    "Moment",
    "Offhook",
    "Phone",
    "PhoneCall",
    "Runaway",
    "ScriptNotFollowed",
    "SimulatedSession",
    "SimulationError",
]

_HOMES = {
    "Answer": "vca_script",
    "Moment": "timeline",
    "Offhook": "simulation",
    "Phone": "phone",
    "PhoneCall": "result",
    "SimulatedSession": "result",
}
"""The modules of the names; the others are in ``errors``."""


logging.getLogger("offhook").addHandler(logging.NullHandler())
"""What a server logs is no output of a test; pytest shows it where a test fails all the same."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
