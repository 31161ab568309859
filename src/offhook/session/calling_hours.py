"""When a sub-account may call a number: windows in the callee's own time zone.

Pure. A number may have several time zones (a freephone number, a mobile of a large country): it may be
called only while a window is open in all of them. A number whose zone nobody knows (a satellite phone) is
never within calling hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from offhook import config

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_LOOK = timedelta(days=8)
"""Windows repeat every week: what does not open within it never opens."""
_LONGEST_WAIT = timedelta(days=31)
"""How far back waiting is counted."""


class OutsideHours(StrEnum):
    """What happens to a callflow outside of the calling hours."""

    QUEUE = "queue"
    """It waits for the next window."""
    REFUSE = "refuse"
    """Its session ends ``ERROR`` -2010 without dialling."""


class CallingWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of some days of the week, in minutes since the callee's midnight."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """0 is Monday."""
    opens: int
    """0..1439."""
    closes: int
    """1..1440; at or before ``opens``: on the next day."""

    def holds(self, local: datetime) -> bool:
        """Whether the window is open at this wall-clock time."""
        minute = local.hour * 60 + local.minute
        if self.closes > self.opens:
            return local.weekday() in self.days and self.opens <= minute < self.closes
        today = local.weekday() in self.days and minute >= self.opens
        return today or ((local.weekday() - 1) % 7 in self.days and minute < self.closes)


class CallingHours(msgspec.Struct, frozen=True, kw_only=True):
    """The windows of a sub-account, any of which may be open."""

    windows: tuple[CallingWindow, ...]
    outside: OutsideHours = OutsideHours.QUEUE

    def open_at(self, zones: Sequence[ZoneInfo], at: datetime) -> bool:
        """Whether a window is open in every zone; False without a zone."""
        return bool(zones) and all(self._open_in(zone, at) for zone in zones)

    def next_opening(self, zones: Sequence[ZoneInfo], at: datetime) -> datetime | None:
        """The first time from ``at`` on when a window is open in every zone; None: never."""
        if self.open_at(zones, at):
            return at
        edges = self._edges(zones, at, at + _LONGEST_LOOK)
        return next((edge for edge in edges if self.open_at(zones, edge)), None)

    def open_seconds(
        self, zones: Sequence[ZoneInfo], since: datetime, until: datetime, *, most: float
    ) -> float:
        """Seconds between two times during which a call was allowed; counted up to ``most``."""
        total, start = 0.0, max(since, until - _LONGEST_WAIT)
        for edge in (*self._edges(zones, start, until), until):
            if self.open_at(zones, start):
                total += (edge - start).total_seconds()
                if total >= most:
                    return most
            start = edge
        return total

    def _open_in(self, zone: ZoneInfo, at: datetime) -> bool:
        local = at.astimezone(zone)
        return any(window.holds(local) for window in self.windows)

    def _edges(self, zones: Sequence[ZoneInfo], since: datetime, until: datetime) -> list[datetime]:
        """Every time in between, in order, at which a window may open or close in some zone."""
        minutes = {minute for window in self.windows for minute in (window.opens, window.closes)}
        first = since.astimezone(UTC).date() - timedelta(days=1)
        days = (until.astimezone(UTC).date() - first).days + 2
        edges = {
            _instant(first + timedelta(days=n), minute, zone)
            for n in range(days)
            for minute in minutes
            for zone in zones
        }
        return sorted(edge for edge in edges if since < edge < until)


def zones_of(names: Sequence[str]) -> tuple[ZoneInfo, ...]:
    """The time zones with these names of the IANA database; empty where one is not known."""
    try:
        return tuple(_zone(name) for name in names)
    except (ZoneInfoNotFoundError, ValueError):
        return ()


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """A wall-clock time of a day as UTC; one that the clock skips counts by the time before."""
    local = datetime.combine(day, time(0)) + timedelta(minutes=minute)
    return local.replace(tzinfo=zone).astimezone(UTC)


def minute_of(text: str) -> int:
    """``09:30`` as minutes since midnight; ``24:00`` is the end of the day."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def clock_time(minute: int) -> str:
    """The inverse of :func:`minute_of`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def days_of(names: Sequence[str]) -> tuple[int, ...]:
    """``("mon-fri", "sun")`` as numbers, Monday 0; a range may go over Sunday (``sat-mon``)."""
    found: set[int] = set()
    for name in names:
        first, _, last = name.partition("-")
        start = DAYS.index(first)
        length = (DAYS.index(last or first) - start) % 7
        found |= {(start + n) % 7 for n in range(length + 1)}
    return tuple(sorted(found))


def calling_hours(
    windows: Sequence[config.CallingWindowSection], outside: OutsideHours
) -> CallingHours | None:
    """The calling hours that an operator has written; None: there are none."""
    if not windows:
        return None
    return CallingHours(
        windows=tuple(
            CallingWindow(
                days=days_of(window.days),
                opens=minute_of(window.opens),
                closes=minute_of(window.closes),
            )
            for window in windows
        ),
        outside=outside,
    )
