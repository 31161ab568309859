"""Plays prompts to one simulated phone, one after the other, in the loop's own time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import final

from offhook.aio import end_all, wait_or
from offhook.session.ports.speech import Prompt
from offhook.session.ports.telephony import Playback, PlaybackResult
from offhook.testing.timeline import OFFHOOK, Timeline, TimelineEar, Utterance

HEARD_AGAIN = 1.0
"""Seconds after the last relayed word until the background sound is heard again."""


@final
class SimulatedPlayback(Playback):
    """One queued or playing prompt (:class:`offhook.session.ports.telephony.Playback`)."""

    def __init__(self, prompt: Prompt, repetition: int, pause: float) -> None:
        self.prompt = prompt
        self.repetition = repetition
        self.pause = pause
        self.over = asyncio.Event()
        self.result = PlaybackResult.FINISHED
        self.on_stop: Callable[[], None] = lambda: None

    async def finished(self) -> PlaybackResult:
        await self.over.wait()
        return self.result

    def stop(self) -> None:
        if not self.over.is_set():
            self.on_stop()
            self.resolve(PlaybackResult.STOPPED)

    def resolve(self, result: PlaybackResult) -> None:
        """The playback is over; only the first call counts."""
        if not self.over.is_set():
            self.result = result
            self.over.set()


class SimulatedPlayer:
    """The playbacks to one phone. Prompts may be queued only after it is connected."""

    def __init__(self, ear: TimelineEar, timeline: Timeline) -> None:
        self.spoken: list[str] = []
        """The texts that Offhook began to say, in full."""
        self._ear = ear
        self._timeline = timeline
        self._queue: deque[SimulatedPlayback] = deque()
        self._current: tuple[SimulatedPlayback, ...] = ()
        self._task: asyncio.Task[None] | None = None
        self._below: asyncio.Task[None] | None = None
        self._was_below: list[asyncio.Task[None]] = []
        """Canceled, perhaps not over yet."""
        self._relayed = 0
        """Pieces of speech that are relayed to this phone now."""
        self._relay_changed = asyncio.Event()

    def play_below(self, prompt: Prompt | None, pause: float) -> None:
        """Repeat ``prompt`` while nothing else is heard."""
        if self._below is not None:
            self._below.cancel()
            self._was_below.append(self._below)
            self._below = None
        if prompt is not None:
            self._below = asyncio.get_running_loop().create_task(self._repeat(prompt, pause))

    @contextmanager
    def relaying(self) -> Iterator[None]:
        """Speech of another phone is heard while the block runs."""
        self._relayed += 1
        self._relay_changed.set()
        try:
            yield
        finally:
            self._relayed -= 1
            self._relay_changed.set()

    @property
    def busy(self) -> bool:
        """Whether a prompt plays or is queued."""
        return any(not playback.over.is_set() for playback in (*self._current, *self._queue))

    @property
    def waiting(self) -> int:
        """Playbacks after the playing one."""
        return len(self._queue)

    def queue(self, playback: SimulatedPlayback) -> None:
        """Play the prompt after the ones queued before."""
        self._queue.append(playback)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._play_queue())

    def end(self) -> None:
        """The call is over: end all playbacks."""
        queue, self._queue = self._queue, deque()
        for playback in queue:
            playback.resolve(PlaybackResult.CALL_ENDED)
        if self._task is not None:
            self._task.cancel()
        self.play_below(None, 0.0)
        for utterance in self._ear.utterances[-1:]:
            self._ear.cut(utterance)

    async def close(self) -> None:
        """Wait until all playbacks are over."""
        await end_all(*self._was_below)
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _repeat(self, prompt: Prompt, pause: float) -> None:
        while True:
            self._relay_changed.clear()
            utterance = self._ear.begins("(ringback)", prompt.duration, ringback=True)
            try:
                relayed = await wait_or(self._relay_changed.wait(), prompt.duration + pause)
            finally:
                self._ear.cut(utterance)
            while relayed:
                self._relay_changed.clear()
                silence = None if self._relayed else HEARD_AGAIN
                relayed = await wait_or(self._relay_changed.wait(), silence)

    async def _play_queue(self) -> None:
        while self._queue:
            playback = self._queue.popleft()
            self._current = (playback,)
            try:
                await self._play(playback)
                playback.resolve(PlaybackResult.FINISHED)
            finally:
                playback.resolve(PlaybackResult.CALL_ENDED)
            self._ear.changed.set()

    async def _play(self, playback: SimulatedPlayback) -> None:
        prompt = playback.prompt
        text = str(getattr(prompt, "text", "(audio)"))
        for number in range(playback.repetition):
            if playback.over.is_set() or (
                number and await wait_or(playback.over.wait(), playback.pause)
            ):
                return
            utterance = self._ear.begins(text, prompt.duration)
            self.spoken.append(text)
            self._timeline.add(OFFHOOK, "says", repr(text))
            playback.on_stop = partial(self._cut, utterance)
            if await wait_or(playback.over.wait(), prompt.duration):
                return

    def _cut(self, utterance: Utterance) -> None:
        """The playback of ``utterance`` is stopped."""
        self._ear.cut(utterance)
        if utterance.heard != utterance.text:
            self._timeline.add(OFFHOOK, "is interrupted", f"after {utterance.heard!r}")
