"""The folder of recordings: files with frames while calls run, finished files after.

::

    {directory}/storage-id                                       an id of this folder, made once
    {directory}/link.key                                         the key of signed links, made once
    {directory}/live/{recordingId}.frames                        locked (flock) while a process writes it
    {directory}/files/{subAccountId}/{sessionId}/{recordingId}_{start}.mp3

A file with frames that nobody has locked belongs to a recording that is over, in order or by a crash of its
process: any process that sees the folder may mix it. So nothing is searched for in the database after a
crash, and recordings survive also when the database is away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from offhook.clock import new_id
from offhook.session.ports.recording import RecordingRecord

_FRAMES: Final = ".frames"
_PART: Final = ".part"


class RecordingStorage:
    """One folder of recordings. Its functions block: call them in a thread, but for the small ones."""

    def __init__(self, directory: Path) -> None:
        """The folder is made when the first recording begins."""
        self.directory = directory
        self._live = directory / "live"
        self._files = directory / "files"
        self._id: str | None = None

    def exists(self) -> bool:
        """Whether anything was ever recorded here."""
        return self._live.is_dir()

    @property
    def storage_id(self) -> str:
        """The id of the folder. Raises ``OSError``."""
        if self._id is None:
            self._make()
            self._id = _once(self.directory / "storage-id", new_id().encode()).decode()
        return self._id

    def _make(self) -> None:
        for folder in (self.directory, self._live, self._files):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def link_key(self) -> bytes:
        """The key of signed links."""
        self._make()
        return _once(self.directory / "link.key", secrets.token_bytes(32))

    # --- while calls run

    def create(self, recording_id: str) -> int:
        """A descriptor of a new, locked file for frames. Raises ``OSError``."""
        self._make()
        path = self._live / (recording_id + _FRAMES)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def left(self) -> list[Path]:
        """The files with frames, oldest first; some may be in use."""
        return sorted(self._live.glob(f"*{_FRAMES}"))

    @contextlib.contextmanager
    def claimed(self, path: Path) -> Iterator[IO[bytes] | None]:
        """The file with frames, locked for this process while it is mixed; None: another one has it."""
        try:
            file = path.open("r+b")
        except FileNotFoundError:
            yield None
            return
        with file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield None
                return
            # Another process may have finished it between the opening and the lock.
            yield file if path.exists() else None

    def discard(self, path: Path) -> None:
        """The frames are mixed: delete them."""
        path.unlink(missing_ok=True)

    def put_aside(self, path: Path) -> None:
        """The frames cannot be mixed: keep them where nobody tries again."""
        path.rename(path.with_suffix(".bad"))

    # --- finished files

    def size_of(self, record: RecordingRecord) -> int:
        """Octets of the finished file."""
        return self.path_of(record).stat().st_size

    def path_of(self, record: RecordingRecord) -> Path:
        """Where the finished file stands."""
        return self._files / record.sub_account_id / record.session_id / record.file_name

    def part_of(self, record: RecordingRecord) -> Path:
        """Where it is made; its folder is there then."""
        path = self.path_of(record)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path.with_name(path.name + _PART)

    def keep(self, record: RecordingRecord) -> None:
        """The part is complete: make it the file, durably."""
        part, path = self.part_of(record), self.path_of(record)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)

    def erase(self, record: RecordingRecord) -> bool:
        """Delete the finished file, and its folder if that is empty then; False: it is not there."""
        path = self.path_of(record)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        for folder in (path.parent, path.parent.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()
        return True


def file_name(recording_id: str, started_at: datetime, extension: str) -> str:
    """``{recordingId}_{start time}.mp3`` (``spec/api.md``), the time in ISO 8601's basic form, UTC."""
    return f"{recording_id}_{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}.{extension}"


def _once(path: Path, made: bytes) -> bytes:
    """What the file holds; ``made`` if it was not there. All processes get the same."""
    if not path.exists():
        own = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(made)
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_bytes()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
