"""Finds the configuration file of a command, in the same way for every command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

VARIABLE = "OFFHOOK_CONFIG"
LOCAL = "offhook.toml"
SYSTEM = "/etc/offhook/offhook.toml"


class FoundConfiguration(NamedTuple):
    """The place where a configuration was found."""

    path: str | None
    """None: there is no file, the embedded defaults apply."""
    text: str
    """For the user: ``/etc/offhook/offhook.toml``, ``x.toml (OFFHOOK_CONFIG)``, ``embedded defaults …``."""


def find(
    given: str | None,
    environ: Mapping[str, str] = os.environ,
    *,
    folder: str = "",
    system: str = SYSTEM,
) -> FoundConfiguration:
    """``given`` (``--config``), else ``OFFHOOK_CONFIG``, else ``./offhook.toml``, else the system's file.

    A file that was named is taken even if it is not there: reading it then fails with its name. An empty
    ``OFFHOOK_CONFIG`` counts as unset. ``folder`` stands for the working directory.
    """
    if given is not None:
        return FoundConfiguration(given, given)
    if named := environ.get(VARIABLE):
        return FoundConfiguration(named, f"{named} ({VARIABLE})")
    local = os.path.join(folder, LOCAL)
    if os.path.isfile(local):
        return FoundConfiguration(local, f"./{LOCAL}")
    if os.path.isfile(system):
        return FoundConfiguration(system, system)
    return FoundConfiguration(
        None, f"embedded defaults (no --config, {VARIABLE}, ./{LOCAL} or {system})"
    )
