"""The clock of the installation: the database's, carried on by the monotonic clock of the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from offhook.clock import Clock, SharedClock

START = datetime(2026, 7, 3, 12, 0, tzinfo=UTC)
HOUR = 3600.0


class MachineClock(Clock):
    """A machine's clocks, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.ahead = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds + self.ahead)

    def monotonic(self) -> float:
        return self.seconds


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def told(clock: SharedClock, machine: MachineClock, time: datetime, took: float = 0.0) -> float:
    """The shared clock says ``time``; asking took so long."""
    asked_at = machine.seconds
    machine.seconds += took
    return clock.follow(time, asked_at)


def test_until_it_is_told_it_is_the_machines_clock() -> None:
    assert SharedClock(MachineClock()).now() == at(100)


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_step_of_the_machines_clock_changes_nothing(step: float) -> None:
    machine = MachineClock()
    clock = SharedClock(machine)
    machine.ahead = step
    machine.seconds += 5
    assert clock.now() == at(105)


@pytest.mark.parametrize("wrong", [-HOUR, -1.5, 1.5, HOUR])
def test_a_machine_whose_clock_is_wrong_takes_over_the_shared_one_at_once(wrong: float) -> None:
    machine = MachineClock()
    clock = SharedClock(machine)
    assert told(clock, machine, at(100 + wrong)) == pytest.approx(wrong)
    assert clock.now() == at(100 + wrong)
    assert clock.monotonic() == 100


@pytest.mark.parametrize("wrong", [-0.9, 0.9])
def test_a_small_difference_is_corrected_in_small_steps(wrong: float) -> None:
    machine = MachineClock()
    clock = SharedClock(machine)
    assert told(clock, machine, at(100 + wrong)) == 0
    assert abs(clock.now() - at(100)) == timedelta(seconds=0.01)
    for _ in range(100):
        told(clock, machine, at(100 + wrong))
    assert abs(clock.now() - at(100 + wrong)) < timedelta(seconds=0.001)


def test_half_of_the_way_is_counted_and_a_slow_answer_tells_nothing() -> None:
    machine = MachineClock()
    clock = SharedClock(machine)
    told(clock, machine, at(2000), took=0.5)
    assert clock.now() == at(2000.25)
    told(clock, machine, at(9000), took=1.1)
    assert clock.now() == at(2001.35)
