"""Keeps prompts for later calls. Simultaneous requests for one prompt share its making."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple

from offhook.speech.prompt import G711Prompt


class _Kept(NamedTuple):
    prompt: G711Prompt
    owner: str


class PromptCache:
    """Prompts that stay mapped. Failures are never kept. For use on one loop; :meth:`close` there.

    When it is full, the cache drops the least recently used prompt of the owner that holds the most: one
    owner's thousands of texts displace each other, not another owner's.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        """``clock``: Unix time, for prompts that expire."""
        self._max_bytes = max_bytes
        self._clock = clock
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes: dict[str, int] = {}
        """Of each owner."""
        self._making: dict[tuple[str, Hashable], asyncio.Task[G711Prompt]] = {}

    async def get(
        self, key: Hashable, make: Callable[[], Awaitable[G711Prompt]], *, owner: str
    ) -> G711Prompt:
        """The prompt of ``key``, made with ``make`` unless it is here or already being made.

        A caller that gives up does not stop the making, because other callers may wait for it. Only calls
        of one owner
        wait for the same making, since it may fail because that owner's share is used up. Raises what
        ``make``
        raises.
        """
        if (prompt := self._fresh(key)) is not None:
            return prompt
        task = self._making.get((owner, key))
        if task is None:
            task = asyncio.create_task(self._make(key, make, owner))
            task.add_done_callback(_seen)
            self._making[owner, key] = task
        return await asyncio.shield(task)

    def known(self, key: Hashable) -> G711Prompt | None:
        """The prompt of ``key`` when it is here."""
        return self._fresh(key)

    def drop_oldest(self, owner: str | None = None) -> bool:
        """Drop one prompt of ``owner``, or of the owner with most; False: there is none. Its room is free
        once no call plays it.
        """
        if owner is None:
            owner = max(self._bytes, key=self._bytes.__getitem__, default=None)
        for key, kept in self._kept.items():
            if kept.owner == owner:
                self._drop(key)
                return True
        return False

    async def close(self) -> None:
        """Stop all making."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()

    async def _make(
        self, key: Hashable, make: Callable[[], Awaitable[G711Prompt]], owner: str
    ) -> G711Prompt:
        try:
            prompt = await make()
            self._keep(key, prompt, owner)
            return prompt
        finally:
            del self._making[owner, key]

    def _fresh(self, key: Hashable) -> G711Prompt | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._clock() >= kept.prompt.expires:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.prompt

    def _keep(self, key: Hashable, prompt: G711Prompt, owner: str) -> None:
        if key in self._kept:
            self._drop(key)
        if prompt.size > self._max_bytes:
            return
        self._kept[key] = _Kept(prompt, owner)
        self._bytes[owner] = self._bytes.get(owner, 0) + prompt.size
        while sum(self._bytes.values()) > self._max_bytes:
            self.drop_oldest()

    def _drop(self, key: Hashable) -> None:
        kept = self._kept.pop(key)
        left = self._bytes[kept.owner] - kept.prompt.size
        if left:
            self._bytes[kept.owner] = left
        else:
            del self._bytes[kept.owner]


def _seen(task: asyncio.Task[G711Prompt]) -> None:
    """Retrieve the exception, so that asyncio does not report a failure that no caller waits for."""
    if not task.cancelled():
        task.exception()
