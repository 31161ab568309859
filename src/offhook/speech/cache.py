"""Prompts kept for the next call that plays them, and made once however many ask at the same time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from offhook.speech.prompt import G711Prompt


class PromptCache:
    """Least recently used prompts leave first; failures are never kept.

    For use on one loop; :meth:`close` there.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        monotonic: Callable[[], float],
        lifetime: float | None = None,
    ) -> None:
        """``lifetime``: seconds after which a prompt is made anew; None: never."""
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._lifetime = lifetime
        self._kept: OrderedDict[Hashable, tuple[G711Prompt, float]] = OrderedDict()
        self._bytes = 0
        self._making: dict[Hashable, asyncio.Task[G711Prompt]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[G711Prompt]]) -> G711Prompt:
        """The prompt of ``key``, made with ``make`` unless it is here or already being made.

        A caller that gives up does not stop the making: others may wait for it. Raises what
        ``make`` raises.
        """
        if (prompt := self._fresh(key)) is not None:
            return prompt
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(key, make))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Stop all making."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[G711Prompt]]) -> G711Prompt:
        try:
            prompt = await make()
            self._keep(key, prompt)
            return prompt
        finally:
            del self._making[key]

    def _fresh(self, key: Hashable) -> G711Prompt | None:
        entry = self._kept.get(key)
        if entry is None:
            return None
        prompt, made = entry
        if self._lifetime is not None and self._monotonic() - made >= self._lifetime:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return prompt

    def _keep(self, key: Hashable, prompt: G711Prompt) -> None:
        size = prompt.size
        if size > self._max_bytes:
            return
        self._kept[key] = (prompt, self._monotonic())
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        prompt, _ = self._kept.pop(key)
        self._bytes -= prompt.size
