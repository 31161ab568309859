"""When a number may be called, by its own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from offhook import config
from offhook.flow.numbers import time_zones_of
from offhook.session.calling_hours import (
    CallingHours,
    CallingWindow,
    OutsideHours,
    calling_hours,
    days_of,
    zones_of,
)

SINGAPORE = ZoneInfo("Asia/Singapore")


def hours(opens: str = "09:00", closes: str = "21:00", *days: str) -> CallingHours:
    window = config.CallingWindowSection(days=days or ("mon-sun",), opens=opens, closes=closes)
    found = calling_hours([window], OutsideHours.QUEUE)
    assert found is not None
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "at", "expected"),
    [
        ("+6591234567", "2026-11-25T00:59:59", False),  # 08:59:59 in Singapore
        ("+6591234567", "2026-11-25T01:00:00", True),  # 09:00
        ("+6591234567", "2026-11-25T12:59:59", True),  # 20:59:59
        ("+6591234567", "2026-11-25T13:00:00", False),  # 21:00
        ("+12025550100", "2026-11-25T13:59:59", False),  # Washington: 08:59:59, winter
        ("+12025550100", "2026-11-25T14:00:00", True),
        ("+12025550100", "2026-07-01T13:00:00", True),  # 09:00, summer
        ("+18005550100", "2026-11-25T18:00:00", False),  # freephone: 08:00 in Honolulu
        ("+18005550100", "2026-11-25T19:30:00", False),  # 09:30 there, 05:30 on Saipan
        ("+61412345678", "2026-11-25T02:30:00", True),  # a mobile of Australia, Perth 10:30
        ("+61412345678", "2026-11-25T00:30:00", False),  # Perth 08:30, Sydney 11:30
        ("+870773111632", "2026-11-25T12:00:00", False),  # a satellite phone is anywhere
        ("no number", "2026-11-25T12:00:00", False),
    ],
)
def test_a_window_must_be_open_in_every_time_zone_of_the_number(
    number: str, at: str, expected: bool
) -> None:
    assert hours().open_at(zones_of(time_zones_of(number)), utc(at)) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-27T13:30:00", True),  # Friday 21:30 in Singapore
        ("2026-11-27T17:30:00", True),  # Saturday 01:30, still the window of Friday
        ("2026-11-27T18:00:00", False),  # Saturday 02:00
        ("2026-11-28T13:30:00", False),  # Saturday 21:30
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_opens_on(at: str, expected: bool) -> None:
    assert hours("21:00", "02:00", "fri").open_at((SINGAPORE,), utc(at)) is expected


def test_the_whole_day_is_open_to_its_last_second() -> None:
    whole = hours("00:00", "24:00", "sat")
    assert whole.open_at((SINGAPORE,), utc("2026-11-28T15:59:59"))
    assert not whole.open_at((SINGAPORE,), utc("2026-11-28T16:00:00"))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("mon-fri",), (0, 1, 2, 3, 4)),
        (("sat-mon",), (0, 5, 6)),
        (("wed", "sun"), (2, 6)),
        (("mon-sun",), (0, 1, 2, 3, 4, 5, 6)),
    ],
)
def test_days_are_written_as_names_and_ranges(
    days: tuple[str, ...], expected: tuple[int, ...]
) -> None:
    assert days_of(days) == expected


@pytest.mark.parametrize(
    ("zones", "at", "expected"),
    [
        (("Asia/Singapore",), "2026-11-25T05:00:00", "2026-11-25T05:00:00"),
        (("Asia/Singapore",), "2026-11-25T14:00:00", "2026-11-26T01:00:00"),
        (("Asia/Singapore",), "2026-11-27T14:00:00", "2026-11-30T01:00:00"),  # over a weekend
        (("Australia/Perth", "Australia/Sydney"), "2026-11-25T00:00:00", "2026-11-25T01:00:00"),
        (("Europe/Berlin",), "2026-03-28T12:00:00", "2026-03-30T07:00:00"),  # summer time begins
    ],
)
def test_the_next_opening_is_found(zones: tuple[str, ...], at: str, expected: str) -> None:
    found = hours("09:00", "21:00", "mon-fri").next_opening(zones_of(zones), utc(at))
    assert found == utc(expected)


def test_zones_without_a_common_hour_never_open() -> None:
    apart = zones_of(("Pacific/Auckland", "Europe/London"))
    assert hours("09:00", "17:00").next_opening(apart, utc("2026-11-25T00:00:00")) is None


def test_only_the_time_within_the_hours_counts_as_waiting() -> None:
    since = utc("2026-11-25T12:30:00")  # 20:30 in Singapore
    until = utc("2026-11-26T01:10:00")  # 09:10 the next day
    waited = hours().open_seconds((SINGAPORE,), since, until, most=1e9)
    assert waited == timedelta(minutes=40).total_seconds()


def test_counting_ends_at_the_most_that_is_asked_for() -> None:
    since = utc("2026-11-01T00:00:00")
    waited = hours().open_seconds((SINGAPORE,), since, since + timedelta(days=20), most=60)
    assert waited == 60


def test_a_window_without_days_is_open_on_every_day() -> None:
    window = CallingWindow(opens=600, closes=660)
    noons = [datetime(2026, 6, day, 10, 30, tzinfo=UTC) for day in range(1, 8)]
    assert all(window.holds(at) for at in noons)


def test_no_window_means_no_calling_hours() -> None:
    assert calling_hours([], OutsideHours.REFUSE) is None
