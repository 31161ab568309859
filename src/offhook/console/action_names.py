"""The names of actions: facts of a session have those of ``lastAction``, callflows their own."""

from __future__ import annotations

from offhook.flow.actions import LAST_ACTION_NAMES, SayAndCapture

_WRITTEN = {name: str(kind.__struct_config__.tag) for kind, name in LAST_ACTION_NAMES.items()}
CAPTURES = LAST_ACTION_NAMES[SayAndCapture]


def written(name: str) -> str:
    """``SAY_AND_CAPTURE`` as a callflow writes it: ``sayAndCapture``."""
    return _WRITTEN.get(name, name)
