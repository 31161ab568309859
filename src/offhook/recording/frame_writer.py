"""Writes the frames of live recordings to their files: one thread of the voice process, four times a second.

The thread of the media engine never waits for a disk, and the event loop has nothing to do with single
packets. What a recording has when its process is killed lacks at most a quarter of a second.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final, final

import msgspec

from offhook.faults import FaultLog
from offhook.media.tap_frames import ends_tap
from offhook.recording.container import Beginning, ChunkKind, ChunkWriter, Ending, Seal
from offhook.session.ports.recording import AudioTap, LiveRecording

log = logging.getLogger(__name__)
faults = FaultLog(log)

EVERY: Final = 0.25
"""Seconds."""
_LAST_FRAMES: Final = 2.0
"""Seconds for the taps of a recording to end."""
_LAST_TURNS: Final = 0.02
"""Seconds between two turns while the thread is about to end."""
MOST_LEGS: Final = 255


class _Leg(msgspec.Struct):
    """A leg that is recorded."""

    number: int
    tap: AudioTap
    ended: bool = False


@final
class WrittenRecording(LiveRecording):
    """One recording and its file. Raises ``OSError`` when even the beginning cannot be written."""

    def __init__(
        self, descriptor: int, beginning: Beginning, seal: Seal | None, wake: Callable[[], None]
    ) -> None:
        self.recording_id = beginning.recording_id
        self._descriptor = descriptor
        self._chunks = ChunkWriter(seal)
        self._legs: list[_Leg] = []
        self._count = 0
        self._wake = wake
        self._end_at: int | None = None
        self._give_up_at = 0.0
        self._lost = 0
        first = self._chunks.chunk(ChunkKind.BEGIN, msgspec.json.encode(beginning))
        _write_all(descriptor, self._chunks.head() + first)

    # The event loop's side.

    def add(self, tap: AudioTap) -> None:
        if self._count < MOST_LEGS and self._end_at is None:
            self._legs.append(_Leg(self._count, tap))
            self._count += 1

    def end(self) -> None:
        if self._end_at is not None:
            return
        now = time.monotonic()
        self._give_up_at = now + _LAST_FRAMES
        self._end_at = int(now * 1e6)
        for leg in self._legs:
            leg.tap.stop()
        self._wake()

    # The writer's side, in its thread.

    def write(self) -> bool:
        """Write what has come; True: the recording is over and its file is closed."""
        ending = self._end_at
        octets = b"".join([self._taken(leg) for leg in self._legs if not leg.ended])
        over = ending is not None and (
            all(leg.ended for leg in self._legs) or time.monotonic() >= self._give_up_at
        )
        if over:
            content = msgspec.json.encode(Ending(at=ending or 0))
            octets += self._chunks.chunk(ChunkKind.END, content)
        if octets:
            self._write(octets)
        if over:
            self._close()
        return over

    def _taken(self, leg: _Leg) -> bytes:
        frames = leg.tap.take()
        if not frames:
            return b""
        leg.ended = ends_tap(frames)
        return self._chunks.chunk(ChunkKind.FRAMES, frames, leg=leg.number)

    def _write(self, octets: bytes) -> None:
        """Write all of it. After a failure the file is as it was before, and lacks these chunks."""
        size = os.fstat(self._descriptor).st_size
        try:
            _write_all(self._descriptor, octets)
        except OSError as error:
            if not self._lost:
                log.error("recording %s cannot be written: %s", self.recording_id, error.strerror)
            self._lost += len(octets)
            os.ftruncate(self._descriptor, size)
            os.lseek(self._descriptor, size, os.SEEK_SET)

    def _close(self) -> None:
        if self._lost:
            log.error("recording %s lacks %d octets", self.recording_id, self._lost)
        try:
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)


def _write_all(descriptor: int, octets: bytes) -> None:
    view = memoryview(octets)
    while view:
        view = view[os.write(descriptor, view) :]


@final
class FrameWriter:
    """The thread, and the recordings that it writes."""

    def __init__(self, ended: Callable[[str], None]) -> None:
        """``ended`` is called in the thread with the id of each recording whose file is complete."""
        self._ended = ended
        self._recordings: list[WrittenRecording] = []
        self._new: list[WrittenRecording] = []
        self._awake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="offhook-recording", daemon=False)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Write now."""
        self._awake.set()

    def take(self, recording: WrittenRecording) -> None:
        """Write this recording as well, until it is over."""
        self._new.append(recording)

    def close(self) -> None:
        """End all recordings, write what they have, and join the thread."""
        for recording in [*self._recordings, *self._new]:
            recording.end()
        self._stopping = True
        self._awake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping or self._recordings or self._new:
            self._awake.wait(_LAST_TURNS if self._stopping else EVERY)
            self._awake.clear()
            while self._new:
                self._recordings.append(self._new.pop(0))
            self._recordings = [each for each in self._recordings if not self._write(each)]

    def _write(self, recording: WrittenRecording) -> bool:
        """Write one recording; True: it is over."""
        try:
            over = recording.write()
        except Exception:
            faults.report(f"writing recording {recording.recording_id}")
            over = True
        if over:
            self._ended(recording.recording_id)
        return over
