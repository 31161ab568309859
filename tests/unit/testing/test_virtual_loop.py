"""The loop whose clock is ours."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offhook.testing import loop as loop_module
from offhook.testing.loop import NothingEverHappens, VirtualClock, VirtualLoop


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        runner.run(main(loop))


def test_sleeping_for_a_day_takes_no_time_and_keeps_the_order() -> None:
    order: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append(name)

    async def main(loop: VirtualLoop) -> None:
        await asyncio.gather(sleeper("b", 86_400), sleeper("a", 86_399.5), sleeper("c", 86_401))
        assert loop.time() == pytest.approx(86_401)

    began = time.monotonic()
    run(main)
    assert time.monotonic() - began < 3600
    assert order == ["a", "b", "c"]


def test_after_a_timer_its_time_has_come_however_sums_are_rounded() -> None:
    async def main(loop: VirtualLoop) -> None:
        for number in range(2000):
            deadline = loop.time() + 0.1 * (1 + number % 7)
            await asyncio.sleep(deadline - loop.time())
            assert loop.time() >= deadline

    run(main)


def test_the_wall_clock_goes_with_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        clock = VirtualClock(loop, start)
        await asyncio.sleep(90)
        assert clock.now() - start >= timedelta(seconds=90)
        assert clock.monotonic() == loop.time()

    run(main)


def test_what_can_never_end_is_an_error() -> None:
    async def main(loop: VirtualLoop) -> None:
        await loop.create_future()

    loop = VirtualLoop()
    task = loop.create_task(main(loop))
    with pytest.raises(NothingEverHappens):
        loop.run_until_complete(task)
    task.cancel()
    loop.run_until_complete(asyncio.wait({task}))
    loop.close()


def test_time_stands_still_for_the_outside_world() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def answer() -> None:
        time.sleep(0.1)
        theirs.sendall(b"hello")

    async def main(loop: VirtualLoop) -> None:
        fired: list[float] = []
        loop.call_later(5, fired.append, 5.0)
        thread = threading.Thread(target=answer)
        thread.start()
        with loop.outside():
            assert await loop.sock_recv(ours, 10) == b"hello"
        thread.join()
        assert loop.time() == 0
        assert fired == []
        await asyncio.sleep(6)
        assert fired == [5.0]

    run(main)
    ours.close()
    theirs.close()


def test_patience_with_the_outside_world_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "PATIENCE", 0.05)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def main(loop: VirtualLoop) -> None:
        with loop.outside(), pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await loop.sock_recv(ours, 10)
        assert loop.time() == pytest.approx(10)

    run(main)
    ours.close()
    theirs.close()


def test_what_is_left_behind_is_named() -> None:
    async def main(loop: VirtualLoop) -> None:
        task = loop.create_task(asyncio.sleep(1), name="forgotten")
        timer = loop.call_later(2, print)
        await asyncio.sleep(0)
        left = loop.left_behind()
        assert any("forgotten" in text for text in left)
        assert any("print" in text for text in left)
        timer.cancel()
        await task
        assert loop.left_behind() == []

    run(main)
