"""The kinds of process of an installation."""

from __future__ import annotations

from enum import StrEnum


class ProcessRole(StrEnum):
    """What a process does; the value is its ``--role``."""

    API = "api"
    VOICE = "voice"
    TESTBED = "testbed"
    """The built-in phones."""
    FRONT = "front"
    """Holds the SIP sockets that voice workers share."""
    PHONES = "phones"
    """The gateway of browser phones."""


def process_name(role: ProcessRole, worker: int) -> str:
    """The name of a process in log lines and metrics."""
    return f"voice-{worker}" if role is ProcessRole.VOICE else role.value
