"""Time and identifiers. Pure code takes times as arguments; only the outer layers use a :class:`Clock`."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import final

from offhook.random_bits import random_bits


class Clock(ABC):
    """The time source of the outer layers."""

    @abstractmethod
    def now(self) -> datetime:
        """The wall-clock time, aware, in UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds that never go back; only differences are meaningful."""


@final
class SystemClock(Clock):
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def new_id() -> str:
    """A new UUID version 7 (RFC 9562 §5.7), so that ids sort by the millisecond they were made."""
    random = random_bits(80) & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)
    value = (time.time_ns() // 1_000_000 << 80) | random
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def iso_milliseconds(at: datetime) -> str:
    """``2024-07-03T05:59:32.226Z``: the form of times in call events (``spec/webhooks.md``)."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def iso_seconds(at: datetime) -> str:
    """``2024-07-03T05:59:32Z``: the form of times in session summaries (``spec/webhooks.md``)."""
    return at.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"
