"""When a voice process collects garbage: while no session runs, or when its sessions do not explain the
growth."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Iterator

import pytest
from tests.support.virtual import in_virtual_time

from offhook.aio import end_all
from offhook.processes.collector import (
    LOOK_EVERY,
    MOST_SPARE,
    PER_SESSION,
    QUIET_LOOKS,
    WORTHWHILE,
    Moments,
    in_quiet_moments,
)


class Knot:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.enable()


def test_a_moment_is_quiet_after_looks_without_a_session() -> None:
    moments = Moments()
    looks = [moments.good(0, WORTHWHILE) for _ in range(QUIET_LOOKS)]
    assert looks == [False] * (QUIET_LOOKS - 1) + [True]
    assert not moments.good(1, WORTHWHILE)
    assert not moments.good(0, WORTHWHILE), "the count of quiet looks begins again"


def test_a_collection_that_would_find_little_is_left_out() -> None:
    moments = Moments()
    assert not any(moments.good(0, WORTHWHILE - 1) for _ in range(100))


@pytest.mark.parametrize("sessions", [1, 40, 2000])
def test_sessions_are_interrupted_only_for_growth_that_they_do_not_explain(sessions: int) -> None:
    explained = MOST_SPARE + sessions * PER_SESSION
    assert not Moments().good(sessions, explained - 1)
    assert Moments().good(sessions, explained)


@in_virtual_time
async def test_garbage_waits_for_the_end_of_the_last_session() -> None:
    running = 1
    collecting = asyncio.create_task(in_quiet_moments(lambda: running))
    await asyncio.sleep(LOOK_EVERY)
    knots = [Knot() for _ in range(WORTHWHILE)]
    one = weakref.ref(knots[0])
    knots.clear()
    await asyncio.sleep(60)
    assert one() is not None
    running = 0
    await asyncio.sleep((QUIET_LOOKS + 1) * LOOK_EVERY)
    assert one() is None
    await end_all(collecting)
    assert gc.isenabled()


@in_virtual_time
async def test_a_collection_that_interrupts_sessions_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("offhook.processes.collector.MOST_SPARE", 1_000)
    monkeypatch.setattr("offhook.processes.collector.PER_SESSION", 0)
    collecting = asyncio.create_task(in_quiet_moments(lambda: 3))
    await asyncio.sleep(0)
    gc.collect()
    knots = [Knot() for _ in range(2_000)]
    one = weakref.ref(knots[0])
    knots.clear()
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(2 * LOOK_EVERY)
    assert one() is None
    assert "interrupt 3 sessions" in caplog.text
    await end_all(collecting)
