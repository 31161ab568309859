"""Waiting: who wins a race, what becomes of the losers, and what a timeout is."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.virtual import in_virtual_time

from offhook.aio import Winner, end_all, first_of, wait_or


class Contender:
    """Sleeps, and remembers how it ended."""

    def __init__(self, seconds: float, *, result: object = None) -> None:
        self.canceled = self.cleaned_up = False
        self._seconds = seconds
        self._result = result

    async def run(self) -> object:
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.canceled = True
            await asyncio.sleep(0.5)
            self.cleaned_up = True
            raise
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


@in_virtual_time
async def test_the_first_contender_wins() -> None:
    slow, fast = Contender(2.0, result="slow"), Contender(1.0, result="fast")
    assert await first_of(slow.run(), fast.run()) == Winner(1, "fast")


@in_virtual_time
async def test_losers_are_canceled_and_over_when_the_race_is() -> None:
    loser = Contender(2.0)
    await first_of(loser.run(), Contender(1.0).run())
    assert loser.canceled
    assert loser.cleaned_up
    assert len(asyncio.all_tasks()) == 1


@in_virtual_time
async def test_of_two_that_are_done_the_one_named_first_wins() -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ready.set_result("ready")
    assert await first_of(ready, Contender(0.0).run()) == Winner(0, "ready")


@in_virtual_time
async def test_a_future_is_only_watched() -> None:
    """It belongs to the caller, who may watch it in the next race again."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert await first_of(future, Contender(1.0, result="work").run()) == Winner(1, "work")
    assert not future.done()


@in_virtual_time
async def test_a_race_may_end_without_a_winner() -> None:
    loser = Contender(2.0)
    assert await first_of(loser.run(), timeout=1.0) is None
    assert loser.cleaned_up


@in_virtual_time
async def test_what_the_winner_raises_is_raised() -> None:
    loser = Contender(2.0)
    with pytest.raises(ValueError, match="no"):
        await first_of(loser.run(), Contender(1.0, result=ValueError("no")).run())
    assert loser.cleaned_up


@in_virtual_time
async def test_a_canceled_race_ends_its_contenders() -> None:
    contender = Contender(2.0)
    race = asyncio.ensure_future(first_of(contender.run()))
    await asyncio.sleep(1.0)
    race.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race
    assert contender.cleaned_up


@in_virtual_time
async def test_wait_or_says_whether_it_happened() -> None:
    assert await wait_or(Contender(1.0).run(), 2.0) is True
    late = Contender(2.0)
    assert await wait_or(late.run(), 1.0) is False
    assert late.cleaned_up
    assert await wait_or(Contender(1.0).run(), None) is True


@in_virtual_time
async def test_a_timeout_of_what_is_waited_for_is_not_ours() -> None:
    with pytest.raises(TimeoutError, match="its own"):
        await wait_or(Contender(1.0, result=TimeoutError("its own")).run(), 2.0)


@in_virtual_time
async def test_end_all_waits_for_the_end() -> None:
    contenders = [Contender(1.0), Contender(2.0)]
    tasks = [asyncio.ensure_future(contender.run()) for contender in contenders]
    await asyncio.sleep(0)
    await end_all(*tasks)
    assert all(contender.cleaned_up for contender in contenders)


@in_virtual_time
async def test_end_all_does_not_report_what_its_tasks_raised() -> None:
    task = asyncio.ensure_future(Contender(0.0, result=ValueError("no")).run())
    await asyncio.sleep(0.1)
    await end_all(task)
    await end_all()
