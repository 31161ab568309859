"""Tells browsers that something has happened in the session whose page they show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from offhook.aio import end_all, first_of
from offhook.console.console_parts import ConsoleParts

MOST_FOLLOWED = 200
"""Pages of this process that follow their session; others ask every few seconds."""
AT_LEAST_EVERY = 5.0
"""Seconds: bars that last grow, and the fabric may lose news."""
AT_MOST_EVERY = 0.4
"""Seconds: several facts are often stored at once."""
LONGEST = 600.0
"""Seconds of a stream; the browser then asks again, and is let in anew."""


class SessionNews:
    """Streams of one API process."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._open = 0

    def full(self) -> bool:
        """Whether as many follow as may."""
        return self._open >= MOST_FOLLOWED

    async def follow(self, session_id: str) -> AsyncGenerator[bytes, None]:
        """Server-sent events without content: get the page again."""
        clock, changed = self._parts.clock, asyncio.Event()
        self._open += 1
        stopping = asyncio.ensure_future(self._parts.stopping.wait())
        until = clock.monotonic() + LONGEST
        unsubscribe = self._parts.fabric.subscribe(
            f"session.{session_id}.events", lambda _topic, _message: changed.set()
        )
        try:
            while not stopping.done() and clock.monotonic() < until:
                changed.clear()
                yield b"event: changed\ndata:\n\n"
                await first_of(stopping, timeout=AT_MOST_EVERY)
                await first_of(changed.wait(), stopping, timeout=AT_LEAST_EVERY)
        finally:
            self._open -= 1
            unsubscribe()
            await end_all(stopping)
