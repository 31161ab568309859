"""Stores prompts in one memory-mapped file of this process, so that long prompts take no memory.

The file has no name (nothing is left after a crash), one descriptor and one mapping, however many
prompts it holds. A prompt is an extent of it, seen through an array that the prompt and every view of it
keep alive; when the last of them is freed, on any thread, the extent is free again. The kernel keeps the
playing parts in memory, as for any file.

Room is shared like this: an owner may hold as much as is still free. One owner alone reaches half of the
room, two reach a third each, and a new owner always finds some. Prompts that are only cached are dropped
before a request is refused (:mod:`.cache`).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import mmap
import os
import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, final

import numpy as np

from offhook.speech.extents import Extents
from offhook.speech.prompt import G711Prompt

log = logging.getLogger(__name__)

ROOM: Final = 2 << 30
"""Octets: 37 hours of sound. The file is sparse and takes only what it holds."""
_FALLBACK_ROOM: Final = 256 << 20
"""Octets of memory where no file can be made."""
_SHARE_OF_DISK: Final = 0.5
"""Part of the free disk space when the store opens."""
_PIECE: Final = 1 << 18
"""Octets copied at a time, off the loop."""
_SWEEP: Final = 15.0
"""Seconds between two times that mapped pages are given back; a leg plays 120 KB in that time."""


Source = tuple[IO[bytes] | bytes, int]
"""A source of sound, and the number of its octets."""


class NoRoom(Exception):
    """The prompt does not fit; the text says why."""


def usual_folder() -> Path:
    """The folder for large temporary files: not ``/tmp``, which is memory on many systems."""
    folder = Path("/var/tmp")  # noqa: S108  # the file has no name there
    return folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())


@final
class PromptStore:
    """The room for prompts of one process. To be used and closed on one loop."""

    def __init__(self, folder: Path | None = None, *, room: int = ROOM) -> None:
        """Opens the file in ``folder``; falls back to memory, with a warning, where it cannot."""
        self.folder = folder or usual_folder()
        self._file: IO[bytes] | None = None
        self._map = self._open(room)
        self._extents = Extents(len(self._map))
        self._used: dict[str, int] = {}
        self._returned: deque[tuple[str, int, int]] = deque()
        """Extents to free, because their last view was freed: owner, start, size. Appended on any
        thread."""
        self._copying: set[asyncio.Future[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def _open(self, room: int) -> mmap.mmap:
        try:
            free = shutil.disk_usage(self.folder).free
            room = max(1 << 20, min(room, int(free * _SHARE_OF_DISK)))
            self._file = tempfile.TemporaryFile(dir=self.folder, buffering=0)  # noqa: SIM115
            self._file.truncate(room)
            return mmap.mmap(self._file.fileno(), room, access=mmap.ACCESS_READ)
        except OSError as error:
            log.warning("prompts are kept in memory: no file in %s (%s)", self.folder, error)
            if self._file is not None:
                self._file.close()
                self._file = None
            return mmap.mmap(-1, min(room, _FALLBACK_ROOM))

    @property
    def free(self) -> int:
        """Octets."""
        self._reclaim()
        return self._extents.free

    def share(self, owner: str) -> int:
        """Octets that ``owner`` holds, in prompts kept or played."""
        self._reclaim()
        return self._used.get(owner, 0)

    def has_room(self, owner: str, size: int) -> bool:
        """Whether ``owner`` may have ``size`` octets more."""
        return self.share(owner) + size <= self._extents.free - size

    def scratch(self) -> IO[bytes]:
        """An unnamed file for a prompt that is being made. Raises :class:`NoRoom`."""
        try:
            return tempfile.TemporaryFile(dir=self.folder, buffering=0)
        except OSError as error:
            raise NoRoom(f"no file for a prompt can be made: {error.strerror}") from error

    async def keep(self, sources: Sequence[Source], *, owner: str, remark: str = "") -> G711Prompt:
        """A prompt of ``sources``, one after the other: all µ-law samples, then all A-law samples.

        Each source is a file or octets, with how many of its first octets count. Raises
        :class:`NoRoom`.
        """
        size = sum(length for _, length in sources)
        start = self._take(owner, size)
        copying = asyncio.ensure_future(asyncio.to_thread(self._copy_all, sources, start))
        self._copying.add(copying)
        copying.add_done_callback(self._copying.discard)
        try:
            await asyncio.shield(copying)
        except asyncio.CancelledError:
            # The thread still writes: the extent may be used again only when it has finished.
            copying.add_done_callback(lambda _: self._returned.append((owner, start, size)))
            raise
        except OSError as error:
            self._returned.append((owner, start, size))
            raise NoRoom(f"the prompt cannot be stored: {error.strerror}") from error
        octets = np.frombuffer(self._map, np.uint8, count=size, offset=start)
        octets.flags.writeable = False
        weakref.finalize(octets, self._returned.append, (owner, start, size)).atexit = False
        self._sweep_later()
        return G711Prompt(octets.data, remark=remark)

    async def close(self) -> None:
        """Give the file back. Prompts that still play keep the mapping alive, not the file."""
        await asyncio.gather(*self._copying, return_exceptions=True)
        if self._sweep is not None:
            self._sweep.cancel()
        if self._file is not None:
            self._file.close()

    def _take(self, owner: str, size: int) -> int:
        if not self.has_room(owner, Extents.rounded(size)):
            raise NoRoom("the sub-account's share of the room for prompts is used up")
        start = self._extents.take(size)
        if start is None:
            raise NoRoom("the room for prompts is used up")
        self._used[owner] = self._used.get(owner, 0) + Extents.rounded(size)
        return start

    def _copy_all(self, sources: Sequence[Source], start: int) -> None:
        for source, size in sources:
            self._copy(source, start, size)
            start += size

    def _copy(self, source: IO[bytes] | bytes, start: int, size: int) -> None:
        """Runs on a thread. A short source is an error, because the rest of the extent has another
        prompt's old sound."""
        for offset in range(0, size, _PIECE):
            length = min(_PIECE, size - offset)
            if isinstance(source, bytes):
                piece = source[offset : offset + length]
            else:
                piece = os.pread(source.fileno(), length, offset)
            if len(piece) != length:
                raise OSError(errno.EIO, "the sound is shorter than said")
            if self._file is None:
                self._map[start + offset : start + offset + length] = piece
            elif os.pwrite(self._file.fileno(), piece, start + offset) != length:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _reclaim(self) -> None:
        """Free the extents that have no view any longer."""
        while self._returned:
            owner, start, size = self._returned.popleft()
            self._extents.give_back(start, size)
            left = self._used[owner] - Extents.rounded(size)
            if left:
                self._used[owner] = left
            else:
                del self._used[owner]

    def _sweep_later(self) -> None:
        if self._sweep is None and self._file is not None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP, self._give_pages_back)

    def _give_pages_back(self) -> None:
        """Unmap pages that were played. They stay in the kernel's cache and are mapped again when read."""
        self._sweep = None
        if hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)
        if self._used:
            self._sweep_later()
