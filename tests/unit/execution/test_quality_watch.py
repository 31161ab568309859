"""The quality of a leg over time, in steps that grow with the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import cast

import pytest

from offhook.execution.quality_watch import EVERY, MOST, QualityWatch
from offhook.session.ports.telephony import Call
from offhook.session.session import CallQuality

AT = datetime(2026, 7, 3, tzinfo=UTC)


class MeasuredCall:
    """Gives one value after the other."""

    call_id = "A"

    def __init__(self, values: Iterator[CallQuality | None]) -> None:
        self._values = values

    def quality_lately(self) -> CallQuality | None:
        return next(self._values)


class Timers:
    """Keeps what is to be called, for a test to call it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits: list[float] = []
        self._next: Callable[[], None] | None = None
        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", self._later, raising=False)

    def _later(self, delay: float, callback: Callable[[], None]) -> Timers:
        self.waits.append(delay)
        self._next = callback
        return self

    def cancel(self) -> None:
        self._next = None

    def fire(self) -> None:
        """The time has come."""
        assert self._next is not None
        self._next()


def good(mos: float) -> CallQuality:
    return CallQuality(mos=mos, packet_loss_rate=0.0, jitter=1)


async def test_a_leg_is_measured_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    timers = Timers(monkeypatch)
    values = iter((good(4.4), None, good(3.0)))
    watch = QualityWatch(cast(Call, MeasuredCall(values)))
    for _ in range(3):
        timers.fire()
    told = watch.end(AT)
    assert told is not None
    assert (told.every, told.mos, told.jitter) == (EVERY, (4.4, None, 3.0), (1, None, 1))


async def test_a_short_or_silent_leg_has_no_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    timers = Timers(monkeypatch)
    assert QualityWatch(cast(Call, MeasuredCall(iter(())))).end(AT) is None
    watch = QualityWatch(cast(Call, MeasuredCall(iter((None,)))))
    timers.fire()
    assert watch.end(AT) is None


async def test_a_long_leg_has_longer_steps_and_never_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timers = Timers(monkeypatch)
    watch = QualityWatch(cast(Call, MeasuredCall(good(float(n)) for n in range(10_000))))
    for _ in range(MOST + 1):
        timers.fire()
    told = watch.end(AT)
    assert told is not None
    assert told.every == 2 * EVERY
    assert len(told.mos) == MOST // 2 + 1
    assert told.mos[:2] == (1.0, 3.0), "each value stands for the end of its step"
    assert timers.waits[-1] == 2 * EVERY
