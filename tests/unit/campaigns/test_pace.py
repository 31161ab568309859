"""The pace of a campaign, with time passed in."""

from __future__ import annotations

import pytest

from offhook.campaigns.pace import Pace


def begun_in(seconds: float, rate: float, tick: float) -> int:
    pace, begun = Pace(rate, 0.0), 0
    for step in range(round(seconds / tick) + 1):
        room = pace.room(step * tick)
        pace.begun(room)
        begun += room
    return begun


@pytest.mark.parametrize("rate", [0.1, 1, 3, 25, 333])
@pytest.mark.parametrize("tick", [0.05, 0.13, 0.5])
def test_the_rate_is_kept_whatever_the_ticks(rate: float, tick: float) -> None:
    assert abs(begun_in(100, rate, tick) - 100 * rate) <= 1 + rate * tick


def test_the_first_call_begins_at_once() -> None:
    assert Pace(0.01, 5.0).room(5.0) == 1


def test_a_delay_is_made_up_for_by_a_second_at_the_most() -> None:
    pace = Pace(10, 0.0)
    pace.begun(pace.room(0.0))
    assert pace.room(60.0) == 11
    slow = Pace(0.1, 0.0)
    slow.begun(slow.room(0.0))
    assert slow.room(600.0) == 1


def test_it_says_when_the_next_call_may_begin() -> None:
    pace = Pace(4, 0.0)
    pace.begun(pace.room(0.0))
    assert pace.next_in() == 0.25
    assert pace.room(0.24) == 0
    assert pace.room(0.25) == 1
    assert pace.next_in() == 0.0
