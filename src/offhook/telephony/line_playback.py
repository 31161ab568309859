"""What plays on a leg, and what listens to it."""

from __future__ import annotations

import asyncio
from typing import final

from offhook.media.engine import MediaLeg
from offhook.session.ports.recording import AudioTap
from offhook.session.ports.telephony import Playback, PlaybackResult


@final
class LinePlayback(Playback):
    """A playback of the media engine that can be awaited."""

    def __init__(self, media: MediaLeg, done: asyncio.Future[PlaybackResult]) -> None:
        self._media = media
        self._done = done
        self.number: int | None = None

    async def finished(self) -> PlaybackResult:
        return await asyncio.shield(self._done)

    def stop(self) -> None:
        if self.number is not None and not self._done.done():
            self._media.stop(self.number)

    def resolve(self, result: PlaybackResult) -> None:
        """The engine, or the end of the call, has decided."""
        if not self._done.done():
            self._done.set_result(result)


@final
class LegTap(AudioTap):
    """The tap of a media leg."""

    def __init__(self, media: MediaLeg) -> None:
        self._media = media
        media.start_tap()

    def move(self, media: MediaLeg) -> None:
        """The call has got another media leg, before any sound."""
        self._media = media
        media.start_tap()

    def take(self) -> bytes:
        return self._media.take_frames()

    def stop(self) -> None:
        self._media.stop_tap()
