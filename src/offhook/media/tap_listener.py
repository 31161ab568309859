"""Listens to what the peer of a leg says, while it says it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from offhook.media.audio_recorder import AudioRecorder
from offhook.media.engine import MediaLeg
from offhook.media.tap_frames import TapFrameKind, frames_of

_EVERY: Final = 0.1
"""Seconds between two looks at the tap."""


class TapListener:
    """Gives a sink the peer's audio as 16-bit little-endian samples, 8,000 a second, with silence in gaps.

    It uses the leg's tap, so a leg that is recorded has no listener. The sink is called on the loop.
    """

    def __init__(self, leg: MediaLeg, sink: Callable[[bytes], None]) -> None:
        self._leg = leg
        self._recorder: AudioRecorder | None = AudioRecorder(sink, time.monotonic())
        leg.start_tap()
        self._task: asyncio.Task[None] | None = asyncio.get_running_loop().create_task(
            self._listen()
        )

    def close(self) -> None:
        """Give the sink the rest, up to now."""
        recorder, self._recorder = self._recorder, None
        # A cancelled task keeps its frame, and that keeps this object.
        task, self._task = self._task, None
        if recorder is not None and task is not None:
            task.cancel()
            self._leg.stop_tap()
            self._take(recorder)
            recorder.finish(time.monotonic())

    async def _listen(self) -> None:
        while self._recorder is not None:
            await asyncio.sleep(_EVERY)
            if self._recorder is not None:
                self._take(self._recorder)
                self._recorder.advance(time.monotonic())

    def _take(self, recorder: AudioRecorder) -> None:
        for frame in frames_of(self._leg.take_frames()):
            if frame.kind is TapFrameKind.RECEIVED:
                recorder.packet(
                    frame.codec, frame.ssrc, frame.timestamp, frame.payload, frame.at / 1e6
                )
