"""Time and identifiers. Pure code takes times as arguments; only shells ask a :class:`Clock`."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the outer layers read the time."""

    def now(self) -> datetime:
        """The wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """See :meth:`Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See :meth:`Clock.monotonic`."""
        return time.monotonic()


def new_id() -> str:
    """A new UUID version 7 (RFC 9562 §5.7), so that ids sort by the millisecond they were made."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def iso_milliseconds(at: datetime) -> str:
    """``2024-07-03T05:59:32.226Z``: the form of times in call events (``spec/webhooks.md``)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def iso_seconds(at: datetime) -> str:
    """``2024-07-03T05:59:32Z``: the form of times in session summaries (``spec/webhooks.md``)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
