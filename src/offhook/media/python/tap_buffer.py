"""The frames of a tapped leg, between the pacing thread and the code that takes them."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from offhook.media.tap_frames import TapFrameKind, end_frame, frame
from offhook.negotiated import Codec

_log = logging.getLogger(__name__)

_MOST_HELD: Final = 6000
"""Frames: a minute of both directions. They are taken four times a second."""


class TapBuffer:
    """Keeps frames until they are taken. One thread adds, one other takes: a deque needs no lock."""

    __slots__ = ("_frames", "dropped")

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self.dropped = 0
        """Frames that found no room."""

    def add(
        self,
        kind: TapFrameKind,
        codec: Codec,
        ssrc: int,
        timestamp: int,
        at: float,
        payload: bytes | memoryview,
    ) -> None:
        """Keep a frame; ``at`` in monotonic seconds."""
        if len(self._frames) < _MOST_HELD:
            self._frames.append(frame(kind, codec, ssrc, timestamp, at, payload))
        else:
            self.dropped += 1

    def end(self, at: float) -> None:
        """The tap is over."""
        self._frames.append(end_frame(at))
        if self.dropped:
            _log.warning("a recording lacks %d packets: nobody took them in time", self.dropped)

    def take(self) -> bytes:
        """All frames kept, oldest first; they are kept no longer."""
        frames = self._frames
        return b"".join([frames.popleft() for _ in range(len(frames))])
