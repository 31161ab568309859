"""Finished recordings: opened, erased, and signed for (:class:`.RecordingFiles`)."""

from __future__ import annotations

import base64
import hmac
from typing import IO, final

from offhook.recording.container import Seal
from offhook.recording.storage import RecordingStorage
from offhook.session.ports.recording import RecordedFile, RecordingFiles, RecordingRecord


@final
class PlainFile(RecordedFile):
    """A file that is not encrypted."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, 2)

    def read(self, position: int, count: int) -> bytes:
        self._file.seek(position)
        return self._file.read(count)

    def close(self) -> None:
        self._file.close()


@final
class Shelf(RecordingFiles):
    """The finished files of one folder."""

    def __init__(self, storage: RecordingStorage, seal: Seal | None) -> None:
        self._storage = storage
        self._seal = seal

    def open(self, record: RecordingRecord) -> RecordedFile | None:
        """As :meth:`.RecordingFiles.open`. Raises :class:`.BadRecording` for one with another key."""
        try:
            file = self._storage.path_of(record).open("rb")
        except FileNotFoundError:
            return None
        if self._seal is None:
            return PlainFile(file)
        from offhook.recording.sealing import SealedFile

        try:
            return SealedFile(file, self._seal)
        except BaseException:
            file.close()
            raise

    def erase(self, record: RecordingRecord) -> bool:
        return self._storage.erase(record)

    def signature(self, recording_id: str, expires: int) -> str:
        text = f"{recording_id}\n{expires}".encode()
        digest = hmac.digest(self._storage.link_key(), text, "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
