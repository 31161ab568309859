"""The file of a recording while the call runs: chunks that a crash can only cut off at the end. Pure.

A file is :data:`MAGIC`, eight octets that are random in each file, and then chunks. A chunk is a header of
16 octets, little-endian, and its content.

======  =======  ===================================================================================
octets  field    meaning
======  =======  ===================================================================================
4       size     of the content
1       kind     :class:`ChunkKind`
1       leg      number of the leg, in the order in which legs were added
2                zero
4       number   of the chunk in the file, from 0
4       CRC-32   of size, kind, leg, number and content
======  =======  ===================================================================================

A reader stops at the first chunk that is cut off or has a wrong CRC. A number may be missing: the disk was
full at that moment. With a key the content of every chunk is sealed (AES-256-GCM; the nonce is the eight
octets of the file and the number of the chunk).
"""

from __future__ import annotations

import os
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum
from typing import IO, Final, NamedTuple

import msgspec

MAGIC: Final = b"OFFHOOK-RECORDING-1\n"
SALT_SIZE: Final = 8
_HEADER: Final = struct.Struct("<IBBHII")
_LONGEST: Final = 4 << 20


class ChunkKind(IntEnum):
    """What a chunk holds."""

    BEGIN = 0
    """:class:`Beginning` as JSON: the first chunk."""
    FRAMES = 1
    """Frames of one leg (:mod:`offhook.media.tap_frames`)."""
    END = 2
    """:class:`Ending` as JSON: the last chunk of a recording that was ended in order."""


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when a recording begins."""

    recording_id: str
    session_id: str
    sub_account_id: str
    started_at: datetime
    """Wall-clock time of the first sample."""
    base: int
    """The same moment in microseconds of the monotonic clock."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording ended."""

    at: int
    """Microseconds of the monotonic clock."""


class Chunk(NamedTuple):
    """One chunk as it was written."""

    kind: ChunkKind
    leg: int
    content: bytes


class BadRecording(ValueError):
    """The file is no recording, or its key is another one."""


class Seal(ABC):
    """Seals the content of chunks, and opens them."""

    @abstractmethod
    def close(self, nonce: bytes, content: bytes) -> bytes:
        """The sealed content; ``nonce`` has 12 octets and is used once."""

    @abstractmethod
    def open(self, nonce: bytes, sealed: bytes) -> bytes:
        """The content. Raises :class:`BadRecording` when it was not sealed with this key."""


class ChunkWriter:
    """Makes the octets of a file, one piece after the other."""

    def __init__(self, seal: Seal | None = None) -> None:
        self._seal = seal
        self._salt = os.urandom(SALT_SIZE)
        self._number = 0

    def head(self) -> bytes:
        """The first octets of the file."""
        return MAGIC + self._salt

    def chunk(self, kind: ChunkKind, content: bytes, *, leg: int = 0) -> bytes:
        """The next chunk of the file."""
        number = self._number
        self._number += 1
        if self._seal is not None:
            content = self._seal.close(_nonce(self._salt, number), content)
        check = _check(kind, leg, number, content)
        return _HEADER.pack(len(content), kind, leg, 0, number, check) + content


def chunks_of(file: IO[bytes], seal: Seal | None = None) -> Iterator[Chunk]:
    """The chunks of a file that are whole. Raises :class:`BadRecording`."""
    head = file.read(len(MAGIC) + SALT_SIZE)
    if len(head) < len(MAGIC) + SALT_SIZE or not head.startswith(MAGIC):
        raise BadRecording("not a recording")
    salt = head[len(MAGIC) :]
    number = 0
    while len(header := file.read(_HEADER.size)) == _HEADER.size:
        size, kind, leg, _, written, check = _HEADER.unpack(header)
        if size > _LONGEST or kind > ChunkKind.END or written < number:
            return
        content = file.read(size)
        if len(content) < size or check != _check(kind, leg, written, content):
            return
        if seal is not None:
            content = seal.open(_nonce(salt, written), content)
        yield Chunk(ChunkKind(kind), leg, content)
        number = written + 1


def _nonce(salt: bytes, number: int) -> bytes:
    return salt + struct.pack("<I", number)


def _check(kind: int, leg: int, number: int, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(struct.pack("<IBBI", len(content), kind, leg, number)))
