"""Texts that are made piece by piece, and played as the pieces come.

A long text is cut (:meth:`offhook.session.ports.speech.Speech.cut`), and its first sentence sounds before
the last is synthesised. Each piece is a prompt of its own; the next one is queued on the line while one
plays, so that nothing is heard of the joins.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, final

from offhook.aio import end_all
from offhook.execution.failures import SessionFailure
from offhook.session.ports.speech import Prompt, PromptError, Urgency, Urgent
from offhook.session.ports.telephony import Playback, PlaybackResult
from offhook.speech.making import silence

Make = Callable[[Urgent], AsyncIterator[Prompt]]
"""Makes the prompts of one piece, the earlier the more urgent they are."""
Play = Callable[[Prompt, int], Playback]
"""Queues a prompt on the line, so many times."""

REPETITION_PAUSE: Final = 0.5
"""Seconds between two repetitions (``spec/execution.md``, say)."""


class Saying:
    """The prompts of one text or file, made one after the other.

    They are made behind those of the saying ``after``: what is played first is made first, unless the
    other one was stopped and a caller waits for this one.
    """

    def __init__(self, makes: Sequence[Make], after: Saying | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._urgency = Urgency.LATER
        self._has_begun = False
        """Whether its first piece is made."""
        self._waited_for: asyncio.Future[None] = loop.create_future()
        self._made: list[Prompt] = []
        self._failure: Exception | None = None
        self._over = False
        self._change: asyncio.Future[None] = loop.create_future()
        self._task = loop.create_task(self._make(makes, after))

    @property
    def is_one(self) -> bool:
        """Whether it is known to be one prompt."""
        return self._over and self._failure is None and len(self._made) == 1

    def needed(self, urgency: Urgency) -> None:
        """How urgent it is from now on."""
        self._urgency = urgency
        if urgency is Urgency.NOW and not self._waited_for.done():
            self._waited_for.set_result(None)

    @property
    def first(self) -> Prompt | None:
        """The first prompt, if it is made."""
        return self._made[0] if self._made else None

    def _urgent(self) -> Urgency:
        """Behind its first piece the others follow what plays."""
        return max(self._urgency, Urgency.SOON) if self._has_begun else self._urgency

    async def piece(self, number: int) -> Prompt | None:
        """Wait for a prompt; None: there are not so many.

        Raises :class:`SessionFailure` with -2005 or -2006.
        """
        while number >= len(self._made) and not self._over:
            await asyncio.shield(self._change)
        if number < len(self._made):
            return self._made[number]
        match self._failure:
            case None:
                return None
            case PromptError(code=code, detail=detail):
                raise SessionFailure(code, detail)
            case failure:
                raise failure

    def give_up(self) -> asyncio.Task[None] | None:
        """The prompts are no longer needed; the task that is being cancelled, if there is one."""
        return self._task if self._task.cancel() else None

    async def _make(self, makes: Sequence[Make], after: Saying | None) -> None:
        try:
            if after is not None:
                ready = [after._task, self._waited_for]
                await asyncio.wait(ready, return_when=asyncio.FIRST_COMPLETED)
                del after, ready
            for make in makes:
                async for prompt in make(self._urgent):
                    self._made.append(prompt)
                    self._changed()
                self._has_begun = True
        except PromptError as error:
            # Without its traceback: that holds this frame, and so everything that waits for the pieces.
            self._failure = error.with_traceback(None)
        except Exception as error:
            self._failure = error
        except asyncio.CancelledError:
            self._change.cancel()
            raise
        self._over = True
        self._changed()

    def _changed(self) -> None:
        change, self._change = self._change, asyncio.get_running_loop().create_future()
        if not change.done():
            change.set_result(None)


@final
class SayingPlayback(Playback):
    """A saying on its way to the phone: its pieces are queued on the line as they come."""

    def __init__(self, saying: Saying, play: Play, *, repetition: int) -> None:
        self._saying = saying
        self._play = play
        self._repetition = repetition
        self._queued: list[Playback] = []
        self._all_queued: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def first_now(self) -> Prompt | None:
        """The first piece, if it is made. It is played now, so the others are urgent."""
        self._saying.needed(Urgency.NOW)
        return self._saying.first

    async def ready(self, urgency: Urgency = Urgency.NOW) -> Prompt:
        """Wait for the first piece. Raises :class:`SessionFailure`."""
        self._saying.needed(urgency)
        first = await self._saying.piece(0)
        assert first is not None, "every text and every file has a prompt"
        return first

    def begin(self, first: Prompt) -> None:
        """Queue the first piece; the others follow."""
        if self._saying.is_one:
            self._queued.append(self._play(first, self._repetition))
            self._all_queued.set_result(None)
            return
        self._queued.append(self._play(first, 1))
        self._task = asyncio.get_running_loop().create_task(self._queue_others())

    async def all_queued(self) -> None:
        """Wait until the last piece is on the line, so that another prompt may follow it.

        Raises :class:`SessionFailure`.
        """
        await asyncio.shield(self._all_queued)

    async def finished(self) -> PlaybackResult:
        """Raises :class:`SessionFailure` when a piece could not be made."""
        await self.all_queued()
        return await self._queued[-1].finished()

    async def close(self) -> None:
        """Stop, and end what still queues pieces."""
        self.stop()
        if self._task is not None:
            await end_all(self._task)

    def stop(self) -> None:
        self._saying.needed(Urgency.LATER)
        if self._task is not None:
            self._task.cancel()
        for playback in self._queued:
            playback.stop()
        if not self._all_queued.done():
            self._all_queued.set_result(None)

    async def _queue_others(self) -> None:
        try:
            for round_ in range(self._repetition):
                if round_:
                    self._queued.append(self._play(silence(REPETITION_PAUSE), 1))
                number = 0 if round_ else 1  # the first one was queued by begin()
                while (prompt := await self._saying.piece(number)) is not None:
                    self._queued.append(self._play(prompt, 1))
                    number += 1
        except SessionFailure as failure:
            if not self._all_queued.done():
                self._all_queued.set_exception(failure)
                self._all_queued.exception()
        else:
            if not self._all_queued.done():
                self._all_queued.set_result(None)
