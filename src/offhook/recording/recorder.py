"""Begins recordings in a voice process (:class:`offhook.session.ports.recording.Recorder`)."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import final

from offhook.clock import new_id
from offhook.recording.container import Beginning, Seal
from offhook.recording.frame_writer import FrameWriter, WrittenRecording
from offhook.recording.storage import RecordingStorage
from offhook.session.ports.recording import LiveRecording, Recorder

log = logging.getLogger(__name__)


@final
class DiskRecorder(Recorder):
    """Writes recordings to a folder. To be started and closed on the loop of its process."""

    def __init__(
        self,
        storage: RecordingStorage,
        *,
        seal: Seal | None,
        begun: Callable[[Beginning], None],
        ended: Callable[[], None],
    ) -> None:
        """``begun`` is called with each new recording, ``ended`` when the file of one is complete."""
        self._storage = storage
        self._seal = seal
        self._begun = begun
        self._loop = asyncio.get_running_loop()
        self._ended = ended
        self._writer = FrameWriter(self._tell)

    def start(self) -> None:
        """Start to write."""
        self._writer.start()

    async def close(self) -> None:
        """End all recordings; their files are complete on return."""
        await asyncio.to_thread(self._writer.close)

    def begin(self, session_id: str, sub_account_id: str, at: datetime) -> LiveRecording | None:
        beginning = Beginning(
            recording_id=new_id(),
            session_id=session_id,
            sub_account_id=sub_account_id,
            started_at=at,
            base=int(time.monotonic() * 1e6),
        )
        try:
            descriptor = self._storage.create(beginning.recording_id)
        except OSError as error:
            log.error("session %s cannot be recorded: %s", session_id, error)
            return None
        try:
            recording = WrittenRecording(descriptor, beginning, self._seal, self._writer.wake)
        except OSError as error:
            os.close(descriptor)
            log.error("session %s cannot be recorded: %s", session_id, error)
            return None
        self._writer.take(recording)
        self._begun(beginning)
        return recording

    def _tell(self, _recording_id: str) -> None:
        """Called in the writer's thread."""
        try:
            self._loop.call_soon_threadsafe(self._ended)
        except RuntimeError:
            return  # the loop is closed; the next process finds the file
