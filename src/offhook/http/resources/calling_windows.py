"""The calling hours of a sub-account, as the operator's API takes and shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from offhook import config
from offhook.http.refusals import INVALID, Refused
from offhook.http.resources.session_views import View
from offhook.session.calling_hours import (
    DAYS,
    CallingHours,
    OutsideHours,
    calling_hours,
    clock_time,
)


class CallingWindowBody(View, frozen=True, kw_only=True):
    """Hours in which the sub-account may call, in the callee's own time zone."""

    days: Annotated[list[config.WeekDays], msgspec.Meta(min_length=1, max_length=7)] = (
        msgspec.field(default_factory=lambda: ["mon-sun"])
    )
    """Days and ranges of days: `["mon-fri", "sun"]`; absent: every day."""
    opens: config.ClockTime
    closes: config.ClockTime
    """At or before ``opens``: on the next day."""


def hours_of(windows: Sequence[CallingWindowBody], outside: OutsideHours) -> CallingHours | None:
    """The hours that a request sets. Raises a 422 :class:`.Refused`."""
    if any(window.opens == "24:00" for window in windows):
        raise Refused(INVALID, "callingHours: opens must be before 24:00")
    wanted = [
        config.CallingWindowSection(days=tuple(each.days), opens=each.opens, closes=each.closes)
        for each in windows
    ]
    return calling_hours(wanted, outside)


def windows_of(hours: CallingHours | None) -> list[CallingWindowBody]:
    """The windows of a sub-account as they are shown."""
    if hours is None:
        return []
    return [
        CallingWindowBody(
            days=[DAYS[day] for day in window.days],
            opens=clock_time(window.opens),
            closes=clock_time(window.closes),
        )
        for window in hours.windows
    ]
