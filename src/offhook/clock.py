"""Time and identifiers. Pure code takes times as arguments; only the outer layers use a :class:`Clock`."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time source of the outer layers."""

    def now(self) -> datetime:
        """The wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences are meaningful."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The time of the machine's clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()


def new_id() -> str:
    """A new UUID version 7 (RFC 9562 §5.7), so that ids sort by the millisecond they were made."""
    try:
        random = _random.pop()
    except IndexError:
        random = _more_random()
    value = (time.time_ns() // 1_000_000 << 80) | random
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_RANDOM_STOCK = 256
_random: list[int] = []
"""The low 80 bits of ids to come, version and variant set: ``os.urandom`` releases the GIL, and under
load each call waits to get it back."""
os.register_at_fork(after_in_child=_random.clear)


def _more_random() -> int:
    fresh = os.urandom(10 * _RANDOM_STOCK)
    for start in range(0, len(fresh), 10):
        bits = int.from_bytes(fresh[start : start + 10], "big")
        _random.append(bits & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62))
    return _random.pop()


def iso_milliseconds(at: datetime) -> str:
    """``2024-07-03T05:59:32.226Z``: the form of times in call events (``spec/webhooks.md``)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def iso_seconds(at: datetime) -> str:
    """``2024-07-03T05:59:32Z``: the form of times in session summaries (``spec/webhooks.md``)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
