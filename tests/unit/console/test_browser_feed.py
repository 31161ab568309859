"""What the fabric brings for one browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast, final

import pytest

from offhook.clock import SystemClock
from offhook.console import screens
from offhook.console.browser_feed import MOST_WAITING, feed_of
from offhook.console.console_parts import ConsoleParts
from offhook.console.screens import ScreenLines
from offhook.fabric.memory import MemoryFabric
from offhook.session.ports.fabric import Fabric, Listener

SCREEN = "0" * 32


@final
class SlowFabric(Fabric):
    """Takes subscriptions, and says only when it is told that they have arrived."""

    def __init__(self) -> None:
        self._fabric = MemoryFabric()
        self.arrived = asyncio.Event()
        self.asked = asyncio.Event()
        self.subscriptions = 0

    async def start(self) -> None:
        await self._fabric.start()

    def publish(self, topic: str, message: bytes = b"") -> None:
        self._fabric.publish(topic, message)

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        unsubscribe = self._fabric.subscribe(pattern, listener)
        self.subscriptions += 1

        def end() -> None:
            self.subscriptions -= 1
            unsubscribe()

        return end

    async def flush(self) -> None:
        self.asked.set()
        await self.arrived.wait()

    async def close(self) -> None:
        await self._fabric.close()


def parts_of(fabric: Fabric) -> ConsoleParts:
    parts = SimpleNamespace(fabric=fabric, stopping=asyncio.Event(), clock=SystemClock())
    return cast(ConsoleParts, parts)


async def test_a_slow_browser_gets_the_newest_messages() -> None:
    fabric = SlowFabric()
    fabric.arrived.set()
    await fabric.start()
    async with feed_of(parts_of(fabric), "news") as feed:
        for number in range(MOST_WAITING + 3):
            fabric.publish("news", b"%d" % number)
        await asyncio.sleep(0)
        assert await feed.next(10.0) == b"3"


async def test_a_feed_waits_no_longer_once_the_server_stops() -> None:
    fabric = SlowFabric()
    fabric.arrived.set()
    parts = parts_of(fabric)
    async with feed_of(parts, "news") as feed:
        parts.stopping.set()
        assert await feed.next(3600.0) is None
        assert feed.over


async def test_a_browser_that_leaves_while_its_stream_begins_gives_its_place_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(screens, "MOST_SCREENS_HERE", 1)
    fabric = SlowFabric()
    lines = ScreenLines(parts_of(fabric))
    stream = lines.hear(SCREEN, "+12025550101")
    beginning = asyncio.ensure_future(anext(stream))
    await fabric.asked.wait()
    assert lines.full()

    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning

    assert not lines.full()
    assert fabric.subscriptions == 0
