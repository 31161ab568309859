"""Keeps prompts for later calls. Simultaneous requests for one prompt share its making."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final, NamedTuple

from offhook.aio import end_all
from offhook.session.ports.speech import Urgency, Urgent, now
from offhook.speech.prompt import G711Prompt

_MOST_SPARE: Final = 8
"""Prompts that are finished although nobody waits for them."""


Heard = Callable[[G711Prompt], None]
"""Takes a part of a prompt that is being made."""


def not_heard(_part: G711Prompt) -> None:
    """The whole prompt is enough."""


class WhenLeft(Enum):
    """What becomes of a prompt's making when nobody waits for it any more."""

    FINISH = "finish"
    """Later calls find the prompt."""
    STOP = "stop"
    """It is finished only if its first part is there, and when nothing else is to be made."""


class _Waiter(NamedTuple):
    heard: Heard
    urgent: Urgent


class PromptMaking:
    """A prompt that is being made, and who waits for it."""

    def __init__(self) -> None:
        self.task: asyncio.Task[G711Prompt] | None = None
        self.parts: list[G711Prompt] = []
        self._waiters: list[_Waiter] = []

    @property
    def is_wanted(self) -> bool:
        """Whether anybody waits for it."""
        return bool(self._waiters)

    def urgent(self) -> Urgency:
        """As urgent as it is to those who wait for it."""
        return min((waiter.urgent() for waiter in self._waiters), default=Urgency.SPARE)

    def heard(self, part: G711Prompt) -> None:
        """The next part is there."""
        self.parts.append(part)
        for waiter in self._waiters:
            waiter.heard(part)

    @contextmanager
    def waited_for(self, heard: Heard, urgent: Urgent) -> Iterator[None]:
        """Somebody waits, who hears all parts, also those that are there already."""
        for part in self.parts:
            heard(part)
        waiter = _Waiter(heard, urgent)
        self._waiters.append(waiter)
        try:
            yield
        finally:
            self._waiters = [each for each in self._waiters if each is not waiter]


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
        self._making: dict[tuple[str, Hashable], PromptMaking] = {}

    async def get(
        self,
        key: Hashable,
        make: Callable[[PromptMaking], Awaitable[G711Prompt]],
        *,
        owner: str,
        heard: Heard = not_heard,
        urgent: Urgent = now,
        when_left: WhenLeft = WhenLeft.FINISH,
    ) -> G711Prompt:
        """The prompt of ``key``, made with ``make`` unless it is here or already being made.

        ``heard`` gets the parts that ``make`` passes on. A caller that gives up stops nobody else;
        ``when_left`` says what the last one does. Only calls of one owner wait for the same making,
        since it may fail because that owner's share is used up. Raises what ``make`` raises.
        """
        if (prompt := self._fresh(key)) is not None:
            return prompt
        making = self._making.get((owner, key))
        if making is None:
            making = self._making[owner, key] = PromptMaking()
            making.task = asyncio.create_task(self._make(key, make, owner, making))
            making.task.add_done_callback(_seen)
        assert making.task is not None
        try:
            with making.waited_for(heard, urgent):
                return await asyncio.shield(making.task)
        finally:
            if when_left is WhenLeft.STOP and not making.is_wanted:
                self._stop(making, (owner, key))

    def _stop(self, making: PromptMaking, place: tuple[str, Hashable]) -> None:
        """Nobody waits for it: end it, unless it has its first part, and few others are left like it."""
        spare = sum(not each.is_wanted for each in self._making.values())
        if making.task is not None and not (making.parts and spare <= _MOST_SPARE):
            making.task.cancel()
            if self._making.get(place) is making:
                del self._making[place]  # who asks from now on has it made anew

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
        await end_all(*(making.task for making in self._making.values() if making.task))
        self._kept.clear()

    async def _make(
        self,
        key: Hashable,
        make: Callable[[PromptMaking], Awaitable[G711Prompt]],
        owner: str,
        making: PromptMaking,
    ) -> G711Prompt:
        try:
            prompt = await make(making)
            self._keep(key, prompt, owner)
            return prompt
        finally:
            if self._making.get((owner, key)) is making:
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
