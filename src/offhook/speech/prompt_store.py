"""Stores prompts in memory-mapped files, so that long prompts take no memory, and shares out their room.

A prompt with a key goes to the folder that all voice processes share (:mod:`.prompt_disk`), any other to
a file without a name. Either is seen through a mapping that the prompt and every view of it keep alive;
when the last of them is freed, on any thread, the prompt no longer counts. The kernel keeps the playing
parts in memory, as for any file.

Room is shared like this: in this process an owner may hold as much as is still free. One owner alone reaches
half of the room, two reach a third each, and a new owner always finds some. Prompts that are only cached in
memory are dropped before a request is refused (:mod:`.cache`).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import os
import shutil
import tempfile
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeVar, final

from offhook.session.ports.speech import Urgency, Urgent
from offhook.speech.mapped import Mapping, map_file
from offhook.speech.prompt import LAWS, G711Prompt
from offhook.speech.prompt_disk import PromptDisk, StoredPrompt
from offhook.speech.prompt_file import HEAD, MAX_REMARK, Head, Key, checksum, owner_mark, pack

log = logging.getLogger(__name__)

ROOM: Final = 2 << 30
"""Octets of prompts that are played or cached in memory: 37 hours of sound."""
_FALLBACK_ROOM: Final = 256 << 20
"""Octets of memory where no file can be made."""
_SHARE_OF_DISK: Final = 0.5
"""Part of the free disk space when the store opens."""
_LEAST: Final = 1 << 16
"""Octets that a prompt counts at the least: a process may have 65,530 mappings on Linux."""
_PAGE: Final = 4096
_PIECE: Final = 1 << 18
"""Octets copied at a time, off the loop."""
_SWEEP: Final = 15.0
"""Seconds between two times that mapped pages are given back; a leg plays 120 KB in that time."""
_LOOK_AGAIN: Final = 0.02
"""Seconds between two looks whether another process has made a prompt."""
_PATIENCE: Final = 60.0
"""Seconds to wait for another process that makes the same prompt, before it is made here as well."""
_PATIENCE_NOW: Final = 1.0
"""The same where a caller waits for its first words: there it may be the least urgent of many."""

_T = TypeVar("_T")

Source = tuple[IO[bytes] | bytes, int]
"""A source of sound, and the number of its octets."""


def _later() -> Urgency:
    return Urgency.LATER


class NoRoom(Exception):
    """The prompt does not fit; the text says why."""


class PromptDetails(NamedTuple):
    """What a prompt is called and how long it may be used; see :meth:`PromptStore.keep`."""

    key: Key | None = None
    """None: no other call can ask for it."""
    expires: float = math.inf
    """Unix time."""
    remark: str = ""
    codecs: int = len(LAWS)
    """How many of :data:`.prompt.CODECS` the sources are."""


def usual_folder() -> Path:
    """The folder for large temporary files: not ``/tmp``, which is memory on many systems."""
    folder = Path("/var/tmp")  # noqa: S108  # the files have no name there
    return folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())


@final
class PromptStore:
    """The prompts of one process. To be used and closed on one loop."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        room: int = ROOM,
        disk: PromptDisk | None = None,
    ) -> None:
        """Files without a name are made in ``folder``; prompts stay in memory, with a warning, where that
        is impossible. ``disk``, closed here, has the prompts that are shared; None: none are.
        """
        self._disk = disk
        self.folder = folder or usual_folder()
        self._in_memory = False
        self._told = False
        """Whether the log says that prompts are not shared."""
        self._room = self._measured(room)
        self._used: dict[str, int] = {}
        self._returned: deque[tuple[str, int]] = deque()
        """Room that is free, because the last view was freed: owner, octets. Appended on any thread."""
        self._mappings: weakref.WeakSet[Mapping] = weakref.WeakSet()
        self._working: set[asyncio.Future[Any]] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def _measured(self, room: int) -> int:
        try:
            with tempfile.TemporaryFile(dir=self.folder):
                free = shutil.disk_usage(self.folder).free
            return max(1 << 20, min(room, int(free * _SHARE_OF_DISK)))
        except OSError as error:
            log.warning("prompts are kept in memory: no file in %s (%s)", self.folder, error)
            self._in_memory = True
            return min(room, _FALLBACK_ROOM)

    @property
    def free(self) -> int:
        """Octets."""
        self._reclaim()
        return self._room - sum(self._used.values())

    def share(self, owner: str) -> int:
        """Octets that ``owner`` holds, in prompts kept or played."""
        self._reclaim()
        return self._used.get(owner, 0)

    def has_room(self, owner: str, size: int) -> bool:
        """Whether ``owner`` may have a prompt of ``size`` octets more."""
        size = counted(size)
        return self.share(owner) + size <= self.free - size

    def scratch(self) -> IO[bytes]:
        """An unnamed file for a prompt that is being made. Raises :class:`NoRoom`."""
        try:
            return tempfile.TemporaryFile(dir=self.folder, buffering=0)
        except OSError as error:
            raise NoRoom(f"no file for a prompt can be made: {error.strerror}") from error

    @asynccontextmanager
    async def claim(
        self, key: Key, owner: str, urgent: Urgent = _later
    ) -> AsyncIterator[G711Prompt | None]:
        """Look for a prompt; while None is given, no other process makes it for ``owner``.

        Waits for a process that makes it already: a minute at the most, a second where a caller hears
        nothing until it is there. Raises :class:`NoRoom` where the prompt is there and ``owner`` has no
        room for it.
        """
        disk = self._disk
        if disk is None:
            yield None
            return
        began = time.monotonic()
        while True:
            claimed = disk.claim(key, owner)
            # After the claim: the process that had it before has made the prompt.
            try:
                prompt = await self._find(disk, key, owner)
            except BaseException:
                if claimed:
                    disk.release(key, owner)
                raise
            patience = _PATIENCE_NOW if urgent() is Urgency.NOW else _PATIENCE
            if prompt is not None or claimed or time.monotonic() - began >= patience:
                break
            await asyncio.sleep(_LOOK_AGAIN)
        try:
            yield prompt
        finally:
            if claimed:
                disk.release(key, owner)

    async def keep(
        self,
        sources: Sequence[Source],
        *,
        owner: str,
        sound: PromptDetails = PromptDetails(),  # noqa: B008 frozen
    ) -> G711Prompt:
        """A prompt of ``sources``, one after the other: all of each codec of :data:`.prompt.CODECS`.

        Each source is a file or octets, with how many of its first octets count. Raises
        :class:`NoRoom`.
        """
        size = sum(length for _, length in sources)
        self._take(owner, size)
        try:
            found = await self._on_thread(lambda: self._put(sources, owner, size, sound))
        except OSError as error:
            raise NoRoom(f"the prompt cannot be stored: {error.strerror}") from error
        return self._prompt(found)

    async def close(self) -> None:
        """End the work on threads. Prompts that still play keep their mappings."""
        await asyncio.gather(*self._working, return_exceptions=True)
        if self._sweep is not None:
            self._sweep.cancel()
        if self._disk is not None:
            self._disk.close()

    async def _find(self, disk: PromptDisk, key: Key, owner: str) -> G711Prompt | None:
        found = await self._on_thread(lambda: disk.find(key))
        if found is None:
            return None
        size = found.head.sound_octets
        self._take(owner, size)
        self._give_back_with(found.mapping, owner, size)
        return self._prompt(found)

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        """Run ``work`` to its end, also when the caller gives up."""
        running = asyncio.ensure_future(asyncio.to_thread(work))
        self._working.add(running)
        running.add_done_callback(self._worked)
        return await asyncio.shield(running)

    def _worked(self, running: asyncio.Future[Any]) -> None:
        self._working.discard(running)
        if not running.cancelled():
            running.exception()  # retrieved, since the caller may have given up

    def _take(self, owner: str, size: int) -> None:
        """Count a prompt before it is there. Raises :class:`NoRoom`."""
        if not self.has_room(owner, size):
            raise NoRoom("the sub-account's share of the room for prompts is used up")
        self._used[owner] = self._used.get(owner, 0) + counted(size)

    def _give_back_with(self, mapping: Mapping, owner: str, size: int) -> None:
        """Count the prompt no longer once the last view of it is freed."""
        weakref.finalize(mapping, self._returned.append, (owner, size)).atexit = False

    def _prompt(self, found: StoredPrompt) -> G711Prompt:
        self._mappings.add(found.mapping)
        self._sweep_later()
        return G711Prompt(
            found.sound,
            remark=found.remark,
            expires=found.head.expires,
            codecs=found.head.codecs,
        )

    # --- on a thread

    def _put(
        self, sources: Sequence[Source], owner: str, size: int, sound: PromptDetails
    ) -> StoredPrompt:
        try:
            head = Head(0, 0, size, sound.expires, owner_mark(owner), sound.codecs)
            found = self._written(sources, head, sound)
        except BaseException:
            self._returned.append((owner, size))
            raise
        self._give_back_with(found.mapping, owner, size)
        return found

    def _written(self, sources: Sequence[Source], head: Head, sound: PromptDetails) -> StoredPrompt:
        remark = sound.remark.encode()[:MAX_REMARK]
        head = head._replace(remark_octets=len(remark))
        sources = [*sources, (remark, len(remark))]
        if self._disk is not None and sound.key is not None:
            try:
                found = self._shared(self._disk, sources, head, sound.key)
            except OSError as error:
                self._say_not_shared(error)
            else:
                self._told = False
                return found
        return self._private(sources, head)

    def _say_not_shared(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            log.warning("prompts are not shared for now, each worker makes its own: %s", error)

    def _private(self, sources: Sequence[Source], head: Head) -> StoredPrompt:
        """A prompt of this process alone: in a file, or in memory where the disk takes none."""
        if not self._in_memory:
            try:
                with tempfile.TemporaryFile(dir=self.folder, buffering=0) as file:
                    return _write(file, sources, head)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        return StoredPrompt(head, Mapping.of(b"".join([bytes(HEAD), *_pieces(sources)])))

    def _shared(
        self, disk: PromptDisk, sources: Sequence[Source], head: Head, key: Key
    ) -> StoredPrompt:
        """Write a prompt where other processes find it; a full disk loses half of its old ones.

        Raises :class:`OSError` when it stays full.
        """
        for attempt in (1, 2):
            new = disk.create()
            with new.file:
                try:
                    found = _write(new.file, sources, head)
                    disk.publish(new, key, head.file_size)
                    return found
                except OSError as error:
                    disk.discard(new)
                    if error.errno != errno.ENOSPC or attempt == 2:
                        raise
            disk.make_room()
        raise AssertionError("not reached")

    # --- on the loop

    def _reclaim(self) -> None:
        """Free the room of what has no view any longer."""
        while self._returned:
            owner, size = self._returned.popleft()
            left = self._used[owner] - counted(size)
            if left:
                self._used[owner] = left
            else:
                del self._used[owner]

    def _sweep_later(self) -> None:
        if self._sweep is None and not self._in_memory:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP, self._give_pages_back)

    def _give_pages_back(self) -> None:
        self._sweep = None
        if mappings := list(self._mappings):  # holds them, so that none is unmapped meanwhile
            running = asyncio.ensure_future(asyncio.to_thread(_give_back_all, mappings))
            self._working.add(running)
            running.add_done_callback(self._worked)
            self._sweep_later()


def counted(size: int) -> int:
    """The octets of room that a prompt of ``size`` octets takes."""
    return max(_LEAST, -(-size // _PAGE) * _PAGE)


def _give_back_all(mappings: list[Mapping]) -> None:
    while mappings:
        mappings.pop().give_pages_back()


def _pieces(sources: Sequence[Source]) -> Iterator[bytes]:
    """The octets of all sources. A source that is shorter than said raises :class:`OSError`."""
    for source, size in sources:
        for offset in range(0, size, _PIECE):
            length = min(_PIECE, size - offset)
            if isinstance(source, bytes):
                piece = source[offset : offset + length]
            else:
                piece = os.pread(source.fileno(), length, offset)
            if len(piece) != length:
                raise OSError(errno.EIO, "the sound is shorter than said")
            yield piece


def _write(file: IO[bytes], sources: Sequence[Source], head: Head) -> StoredPrompt:
    """Write a prompt's whole file, and map it. Raises :class:`OSError`."""
    behind = 0
    at = HEAD
    for piece in _pieces(sources):
        behind = checksum([piece], behind)
        _write_at(file, piece, at)
        at += len(piece)
    head = head._replace(checksum=behind)
    _write_at(file, pack(head), 0)
    return StoredPrompt(head, map_file(file.fileno(), head.file_size))


def _write_at(file: IO[bytes], octets: bytes, at: int) -> None:
    if os.pwrite(file.fileno(), octets, at) != len(octets):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
