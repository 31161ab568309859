"""Operation: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

from offhook.client.open_set import OpenSet

__all__ = ["Health", "ProcessHealth", "Readiness"]


class Readiness(OpenSet):
    """Why new callflows are accepted and served, or why not; the first that holds."""

    DRAINING = "draining"
    STARTING = "starting"
    NO_DATABASE = "no database"
    DATABASE_CANNOT_BE_WRITTEN = "database cannot be written"
    NO_VOICE_NODE = "no voice node"
    READY = "ready"


class ProcessHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """State of the process, and of what it needs."""

    status: str
    """``ok`` as long as it answers at all; of ``/readyz`` ``ready``, or the reason why not."""
    readiness: Readiness
    """What ``/readyz`` says."""


class Health(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """State of the process in a word."""

    status: str
    """``ok`` as long as it answers at all; of ``/readyz`` ``ready``, or the reason why not."""
