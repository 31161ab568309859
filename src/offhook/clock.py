"""Time and identifiers. Pure code takes times as arguments; only the outer layers use a :class:`Clock`.

The machines of an installation write times into one record and compare them with their own: how long a
session has waited, when a lease is over. So they need one clock. :class:`SharedClock` is the database's,
carried on by the monotonic clock of the machine: a machine whose clock is wrong, or is stepped while calls
run, changes nothing.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
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

    def follow(self, told: datetime, asked_at: float) -> float:
        """Take over the time that the shared clock told; ``asked_at``: monotonic, when it was asked.

        Returns by how many seconds this clock was wrong, if that is more than :data:`TRUSTED`; else 0.
        Most clocks follow nothing.
        """
        return 0.0


@final
class SystemClock(Clock):
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


TRUSTED = 1.0
"""Seconds by which clocks may differ. An answer that took longer tells no time."""
_STEP = 0.01
"""Seconds of a correction that is made without a jump, at most."""


@final
class SharedClock(Clock):
    """The clock that :meth:`follow` is told of; until then, the wall clock of the machine.

    Between two answers the machine's monotonic clock counts. A small difference is corrected in small
    steps, because times of one call are compared; one of over :data:`TRUSTED` at once.
    """

    def __init__(self, own: Clock | None = None) -> None:
        clock = own or SystemClock()
        # A call asks for the time fifty times: without a detour, where the machine's own clock is meant.
        self._monotonic = time.monotonic if isinstance(clock, SystemClock) else clock.monotonic
        self._zero = clock.now().timestamp() - self._monotonic()
        """The time at 0 of the monotonic clock, seconds since 1970."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._zero + self._monotonic(), UTC)

    def monotonic(self) -> float:
        return self._monotonic()

    def follow(self, told: datetime, asked_at: float) -> float:
        took = self._monotonic() - asked_at
        if took > TRUSTED:
            return 0.0
        wrong = (told + timedelta(seconds=took / 2) - self.now()).total_seconds()
        if abs(wrong) > TRUSTED:
            self._zero += wrong
            return wrong
        self._zero += max(-_STEP, min(_STEP, wrong))
        return 0.0


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
