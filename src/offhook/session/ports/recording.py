"""What a session needs of recordings: to begin one, to add its legs, to end it; and what the store keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import final

import msgspec

from offhook.session.ports.record import OutboxEntry


class AudioTap(ABC):
    """The audio of one leg, as frames (:mod:`offhook.media.tap_frames`)."""

    @abstractmethod
    def take(self) -> bytes:
        """The frames since the last call. From any thread."""

    @abstractmethod
    def stop(self) -> None:
        """Take no more audio; the frames end with an END frame."""


class LiveRecording(ABC):
    """A recording of a session that runs."""

    recording_id: str

    @abstractmethod
    def add(self, tap: AudioTap) -> None:
        """Record a leg as well; leg A first."""

    @abstractmethod
    def end(self) -> None:
        """The recording is over. Never blocks and never fails; what was recorded is mixed later."""


class Recorder(ABC):
    """Begins recordings."""

    @abstractmethod
    def begin(self, session_id: str, sub_account_id: str, at: datetime) -> LiveRecording | None:
        """Begin a recording at ``at``, which is now; None: it cannot be, and the log says why."""


@final
class NoRecorder(Recorder):
    """Where nothing is recorded."""

    def begin(self, session_id: str, sub_account_id: str, at: datetime) -> None:
        return None


class RecordingState(StrEnum):
    """Where a recording stands."""

    LIVE = "live"
    """The session runs, or its audio waits to be mixed."""
    WAITING = "waiting"
    """Mixed; to be uploaded, or uploading."""
    KEPT = "kept"
    """Mixed, and served from our disk: there is nowhere to upload it to."""
    UPLOADED = "uploaded"
    FAILED = "failed"
    """Its upload was given up; it stays on our disk."""
    UNUSABLE = "unusable"
    """It could not be mixed."""


class RecordingRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the store keeps of a recording."""

    recording_id: str
    session_id: str
    sub_account_id: str
    started_at: datetime
    state: RecordingState
    storage: str
    """The folder that holds it, by the id in the folder: processes that see the folder take care of it."""
    file_name: str = ""
    """``{recordingId}_{start}.mp3``."""
    duration: float = 0.0
    """Seconds."""
    octets: int = 0
    """Of the file."""
    location: str = ""
    """Where it was uploaded to."""
    detail: str = ""
    """Why the last attempt failed; what is odd about the recording."""
    attempts: int = 0
    next_at: datetime | None = None
    """When a WAITING one is to be tried, or its lease is over."""
    give_up_at: datetime | None = None
    progress: str = ""
    """What the next attempt needs to go on with an upload that was cut off."""

    @property
    def path(self) -> str:
        """``{sessionId}/{recordingId}_{start}.mp3``: the name for the customer (``spec/api.md``)."""
        return f"{self.session_id}/{self.file_name}"


class RecordedFile(ABC):
    """A finished recording, open for reading. Its functions block: call them in a thread."""

    size: int
    """Octets."""

    @abstractmethod
    def read(self, position: int, count: int) -> bytes:
        """``count`` octets from ``position`` on, fewer at the end. Raises ``OSError``."""

    @abstractmethod
    def close(self) -> None:
        """Close the file."""


class RecordingFiles(ABC):
    """The finished recordings on the disk of this machine. All of it blocks: call it in a thread."""

    @abstractmethod
    def open(self, record: RecordingRecord) -> RecordedFile | None:
        """The file; None: it is not on this machine."""

    @abstractmethod
    def erase(self, record: RecordingRecord) -> bool:
        """Delete the file; False: it is not on this machine. Raises ``OSError``."""

    @abstractmethod
    def signature(self, recording_id: str, expires: int) -> str:
        """What a link to a recording must carry; ``expires`` in seconds since 1970."""


@final
class NoRecordingFiles(RecordingFiles):
    """Where no recordings are."""

    def open(self, record: RecordingRecord) -> None:
        return None

    def erase(self, record: RecordingRecord) -> bool:
        return False

    def signature(self, recording_id: str, expires: int) -> str:
        return ""


class RecordingStore(ABC):
    """The part of the store for recordings."""

    @abstractmethod
    async def put_recording(
        self, record: RecordingRecord, outbox: Sequence[OutboxEntry] = ()
    ) -> None:
        """Create or replace a recording, with its webhooks in the same transaction."""

    @abstractmethod
    async def add_recording(self, record: RecordingRecord) -> None:
        """Create a recording; one that is there stays as it is."""

    @abstractmethod
    async def recordings(self, sub_account_id: str, session_id: str) -> Sequence[RecordingRecord]:
        """The recordings of a session, oldest first."""

    @abstractmethod
    async def recording(self, recording_id: str) -> RecordingRecord | None:
        """One recording."""

    @abstractmethod
    async def lease_recordings(
        self, storage: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[RecordingRecord]:
        """WAITING recordings of a storage that are due, leased for ``lease`` seconds.

        From each sub-account at most a few at a time: a dead receiver does not delay others.
        """

    @abstractmethod
    async def recordings_due(self, sub_account_id: str, now: datetime) -> None:
        """Let all WAITING recordings of a sub-account fall due: its push configuration has changed."""

    @abstractmethod
    async def old_recordings(
        self, storage: str, before: datetime, *, limit: int
    ) -> Sequence[RecordingRecord]:
        """Recordings of a storage that began before ``before`` and are not LIVE, oldest first."""

    @abstractmethod
    async def delete_recording(self, recording_id: str) -> bool:
        """False: there was none."""
