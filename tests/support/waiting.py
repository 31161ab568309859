"""Waiting for a condition without sleeping: look again whenever something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """Something that says when it has changed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Let those who wait look again."""
        self._changed.set()

    async def wait_for(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until ``condition`` holds. Raises ``TimeoutError``."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()
