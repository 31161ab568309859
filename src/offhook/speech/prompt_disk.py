"""The folder with prompts that all voice processes of a machine share.

Theory of operation. A prompt is a file that never changes, named by the key of its sound. It is written
under another name and then renamed, so that a reader sees a whole file or none; its checksum is verified
before it is first played (:mod:`.prompt_file`). Two processes that write the same prompt do no harm: the
later one replaces the file, and who plays the earlier one keeps its mapping. To make a prompt only once, a
process claims it first: a lock on one octet of a file, at a place that the key and the owner give. The
kernel releases the lock when the process dies.

When the folder is over its limit, one process sweeps: it deletes what a crash has left, and then the least
recently used files of the sub-account that has most, as the caches in memory do. A deleted file that still
plays lives on until its last view is freed.

All methods block for as long as the disk takes: call them on a thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import secrets
import shutil
import stat
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple, final

from offhook.speech.mapped import Mapping, map_file
from offhook.speech.prompt_file import HEAD, Head, Key, is_whole, owner_mark, unpack

_SHARE_OF_DISK: Final = 0.5
"""Part of the free disk space, when the folder is opened, that its files may have at the most."""
_SWEEP_EVERY: Final = 32
"""A process looks for too many files whenever it has written this part of the limit."""
_SWEEP_TO: Final = 0.9
"""Part of the limit that is left after a sweep."""
_LEFT_OVER: Final = 600.0
"""Seconds after which an unfinished file counts as left over; to write one takes less than a second."""
_WRITING: Final = ".new"
_SWEEPING: Final = 0
"""The octet that the process locks which sweeps."""


class StoredPrompt(NamedTuple):
    """A prompt's file, mapped and verified."""

    head: Head
    mapping: Mapping

    @property
    def sound(self) -> memoryview:
        """Read-only."""
        return self.mapping.octets[HEAD : HEAD + self.head.sound_octets]

    @property
    def remark(self) -> str:
        """As :attr:`offhook.session.ports.speech.Prompt.remark`."""
        octets = self.mapping.octets[HEAD + self.head.sound_octets :]
        return bytes(octets).decode("utf-8", "replace")


class NewFile(NamedTuple):
    """A file that is being written."""

    file: IO[bytes]
    path: Path


class _File(NamedTuple):
    used: float
    size: int
    path: str


@final
class PromptDisk:
    """One folder. Several objects, in one or in several processes, may have the same one."""

    def __init__(self, folder: Path, *, limit: int, clock: Callable[[], float] = time.time) -> None:
        """Makes the folder when it is not there. ``limit``: octets of all files in it.

        Raises :class:`OSError` when it cannot be used, or when others could write to it.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_foreign(folder)
        self.folder = folder
        self.limit = min(limit, int(shutil.disk_usage(folder).free * _SHARE_OF_DISK))
        self._clock = clock
        self._locks = os.open(folder / "locks", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._written = self.limit  # so that the first prompt looks for what earlier processes left

    def close(self) -> None:
        """Give up the claims."""
        os.close(self._locks)

    def find(self, key: Key) -> StoredPrompt | None:
        """The prompt of ``key``; None: it is not there. A damaged or expired file is deleted."""
        path = self._path(key)
        try:
            with path.open("rb", buffering=0) as file:
                head = unpack(file.read(HEAD))
                found = self._mapped(file, head) if head is not None else None
            if found is None:
                path.unlink(missing_ok=True)
            else:
                os.utime(path)
        except OSError:
            return None
        return found

    def create(self) -> NewFile:
        """A new file to write a prompt to; pass it to :meth:`publish`. Raises :class:`OSError`."""
        path = self.folder / f"{os.getpid()}-{secrets.token_hex(8)}{_WRITING}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        return NewFile(open(descriptor, "r+b", buffering=0), path)

    def publish(self, new: NewFile, key: Key, size: int) -> None:
        """Let others find a file of ``size`` octets that is written. Raises :class:`OSError`."""
        path = self._path(key)
        try:
            os.rename(new.path, path)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            os.rename(new.path, path)
        self._written += size
        if self._written >= self.limit // _SWEEP_EVERY:
            self._written = 0
            self.sweep()

    def discard(self, new: NewFile) -> None:
        """A file of :meth:`create` is not wanted."""
        with contextlib.suppress(OSError):
            os.unlink(new.path)

    def claim(self, key: Key, owner: str) -> bool:
        """Try to become the one that makes this prompt for ``owner``; False: another process does.

        Within one process it must be asked once only until :meth:`release`.
        """
        return _lock(self._locks, _place(key, owner), fcntl.F_WRLCK)

    def release(self, key: Key, owner: str) -> None:
        """Undo :meth:`claim`."""
        _lock(self._locks, _place(key, owner), fcntl.F_UNLCK)

    def sweep(self) -> None:
        """Delete what was left over, then what is over the limit."""
        with self._sweeping() as files:
            if sum(file.size for file in files) > self.limit:
                _reduce(files, int(self.limit * _SWEEP_TO))

    def make_room(self) -> None:
        """The disk is full: delete half of the files."""
        with self._sweeping() as files:
            _reduce(files, sum(file.size for file in files) // 2)

    @contextlib.contextmanager
    def _sweeping(self) -> Iterator[list[_File]]:
        """All files; none where another process sweeps."""
        if not _lock(self._locks, _SWEEPING, fcntl.F_WRLCK):
            yield []
            return
        try:
            yield list(self._files())
        finally:
            _lock(self._locks, _SWEEPING, fcntl.F_UNLCK)

    def _path(self, key: Key) -> Path:
        name = key.hex()
        return self.folder / name[:2] / name[2:]

    def _mapped(self, file: IO[bytes], head: Head) -> StoredPrompt | None:
        if head.file_size != os.fstat(file.fileno()).st_size or self._is_over(head):
            return None
        found = StoredPrompt(head, map_file(file.fileno(), head.file_size))
        return found if is_whole(head, found.mapping.octets[HEAD:]) else None

    def _is_over(self, head: Head) -> bool:
        return not self._clock() < head.expires

    def _files(self) -> Iterator[_File]:
        """All finished files; what a crash has left is deleted on the way."""
        now = time.time()
        for folder in (self.folder, *self.folder.iterdir()):
            if not folder.is_dir():
                continue
            with os.scandir(folder) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        if not stat.S_ISREG(status.st_mode) or entry.name == "locks":
                            continue
                        if not entry.name.endswith(_WRITING):
                            yield _File(status.st_mtime, status.st_size, entry.path)
                        elif now - status.st_mtime > _LEFT_OVER:
                            os.unlink(entry.path)


def _refuse_foreign(folder: Path) -> None:
    """Raises :class:`PermissionError` for a folder to which another user could write."""
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{folder} belongs to another user, or others may write to it")


def _reduce(files: list[_File], limit: int) -> None:
    """Delete files until those that are left take ``limit`` octets."""
    total = sum(file.size for file in files)
    for file in _by_turns(files):
        if total <= limit:
            return
        with contextlib.suppress(OSError):
            os.unlink(file.path)
        total -= file.size


def _by_turns(files: list[_File]) -> Iterator[_File]:
    """The files in the order in which they are deleted: always the oldest of the largest owner."""
    of_owner: dict[bytes, list[_File]] = {}
    for file in sorted(files, reverse=True):
        of_owner.setdefault(_owner_of(file), []).append(file)
    heap = [(-sum(file.size for file in own), owner) for owner, own in of_owner.items()]
    heapq.heapify(heap)
    while heap:
        size, owner = heapq.heappop(heap)
        file = of_owner[owner].pop()
        yield file
        if of_owner[owner]:
            heapq.heappush(heap, (size + file.size, owner))


def _owner_of(file: _File) -> bytes:
    with contextlib.suppress(OSError), open(file.path, "rb") as opened:
        head = unpack(opened.read(HEAD))
        if head is not None:
            return head.owner
    return b""


def _place(key: Key, owner: str) -> int:
    """The octet of the lock file that stands for a prompt that an owner makes; never 0."""
    mixed = bytes(a ^ b for a, b in zip(key[:8], owner_mark(owner)[:8], strict=True))
    return 1 + (int.from_bytes(mixed, "big") >> 2)


def _lock(descriptor: int, place: int, kind: int) -> bool:
    """Lock or unlock one octet without waiting; False: another process or object has it."""
    # Locks of the open file, where there are any: others also end when the process closes some other
    # descriptor of the same file.
    try:
        if hasattr(fcntl, "F_OFD_SETLK"):
            request = struct.pack("hhqqi4x", kind, os.SEEK_SET, place, 1, 0)
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, request)
        else:
            how = fcntl.LOCK_UN if kind == fcntl.F_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB
            fcntl.lockf(descriptor, how, 1, place)
    except (BlockingIOError, PermissionError):
        return False
    return True
