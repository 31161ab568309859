"""Texts that are made piece by piece, and played as the pieces come.

A long text is cut (:meth:`offhook.session.ports.speech.Speech.cut`), and its first sentence sounds before
the last is synthesised. Each piece is a prompt of its own; the next one is queued on the line while one
plays, so that nothing is heard of the joins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, final

from offhook.aio import end_all
from offhook.execution.failures import SessionFailure
from offhook.session.ports.speech import Prompt, PromptError
from offhook.session.ports.telephony import Playback, PlaybackResult
from offhook.speech.making import silence

Make = Callable[[], Awaitable[Prompt]]
"""Makes the prompt of one piece."""
Play = Callable[[Prompt, int], Playback]
"""Queues a prompt on the line, so many times."""

REPETITION_PAUSE: Final = 0.5
"""Seconds between two repetitions (``spec/execution.md``, say)."""


class Saying:
    """The prompts of one text or file, made one after the other.

    They are made behind those of the saying ``after``: what is played first is made first.
    """

    def __init__(self, makes: Sequence[Make], after: Saying | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._pieces: list[asyncio.Future[Prompt]] = [loop.create_future() for _ in makes]
        self._task = loop.create_task(self._make(makes, after))

    @property
    def count(self) -> int:
        """Of pieces."""
        return len(self._pieces)

    async def piece(self, number: int) -> Prompt:
        """Wait for a piece. Raises :class:`SessionFailure` with -2005 or -2006."""
        future = self._pieces[number]
        try:
            return await asyncio.shield(future)
        except PromptError as error:
            raise SessionFailure(error.code, error.detail) from error.with_traceback(None)
        finally:
            del future  # the error's traceback holds this frame, and the future holds the error

    def give_up(self) -> asyncio.Task[None] | None:
        """The prompts are no longer needed; the task that is being cancelled, if there is one."""
        return self._task if self._task.cancel() else None

    async def _make(self, makes: Sequence[Make], after: Saying | None) -> None:
        try:
            if after is not None:
                await asyncio.wait([after._task])
                del after
            for future, make in zip(self._pieces, makes, strict=True):
                future.set_result(await make())
        except PromptError as error:
            # Without its traceback: that holds this frame, and so everything that waits for the pieces.
            self._fail(error.with_traceback(None))
        except Exception as error:
            self._fail(error)
        except asyncio.CancelledError:
            for future in self._pieces:
                future.cancel()
            raise

    def _fail(self, error: Exception) -> None:
        """The piece that is made cannot be had, so neither can those behind it."""
        for future in self._pieces:
            if not future.done():
                future.set_exception(error)
                future.exception()  # retrieved: perhaps the call ends before it is played


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

    async def ready(self) -> Prompt:
        """Wait for the first piece. Raises :class:`SessionFailure`."""
        return await self._saying.piece(0)

    def begin(self, first: Prompt) -> None:
        """Queue the first piece; the others follow."""
        if self._saying.count == 1:
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
                for number in range(self._saying.count):
                    if round_ or number:
                        self._queued.append(self._play(await self._saying.piece(number), 1))
        except SessionFailure as failure:
            if not self._all_queued.done():
                self._all_queued.set_exception(failure)
                self._all_queued.exception()
        else:
            if not self._all_queued.done():
                self._all_queued.set_result(None)
