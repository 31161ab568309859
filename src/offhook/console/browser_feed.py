"""What the fabric brings for one browser, while its stream is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal

from offhook.aio import end_all, first_of
from offhook.console.console_parts import ConsoleParts

MOST_WAITING: Final = 50
"""Messages that wait for a slow browser; the oldest are dropped."""
SHORTEST_WAIT: Final = 0.05
"""Seconds."""


class BrowserFeed:
    """The messages of one topic, and whether the server stops."""

    def __init__(self, stopping: asyncio.Task[Literal[True]]) -> None:
        self._stopping = stopping
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)

    @property
    def over(self) -> bool:
        """Whether the server stops."""
        return self._stopping.done()

    def put(self, _topic: str, message: bytes) -> None:
        """Keep a message for the browser."""
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(message)

    async def next(self, timeout: float) -> bytes | None:
        """The next message; None: none came within ``timeout`` seconds, or the server stops."""
        timeout = max(SHORTEST_WAIT, timeout)
        got = await first_of(self._waiting.get(), self._stopping, timeout=timeout)
        if got is None or got.place != 0:
            return None
        message: bytes = got.result
        return message


@asynccontextmanager
async def feed_of(parts: ConsoleParts, topic: str) -> AsyncIterator[BrowserFeed]:
    """Hear a topic; what is published once this has begun is heard."""
    stopping = asyncio.ensure_future(parts.stopping.wait())
    feed = BrowserFeed(stopping)
    unsubscribe = parts.fabric.subscribe(topic, feed.put)
    try:
        await parts.fabric.flush()
        yield feed
    finally:
        unsubscribe()
        await end_all(stopping)
