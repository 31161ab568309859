"""The form of a prompt's file: a head of 64 octets, the sound, a remark. Pure.

The head has a checksum of everything, so that a file that a crash or a loss of power has left incomplete is
recognised and made again. Therefore writing needs no ``fsync``, which would slow down the database on the
same disk. Numbers are big-endian.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

HEAD: Final = 64
"""Octets before the sound."""
_MAGIC: Final = b"OFFHOOK1"
_FORM: Final = struct.Struct(">8sIIQd16sB15x")
"""Magic, checksum, octets of the remark, octets of the sound, end of life, owner, codecs."""
MAX_REMARK: Final = 1000
"""Octets."""

Key = bytes
"""32 octets that name a sound; see :func:`key_of`."""


@lru_cache(maxsize=256, typed=True)
def key_of(*parts: str | float) -> Key:
    """The key of the sound that ``parts`` decide. Many calls say the same: it is remembered."""
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).digest()


def owner_mark(owner: str) -> bytes:
    """16 octets that stand for a sub-account."""
    return hashlib.blake2s(owner.encode(), digest_size=16).digest()


class Head(NamedTuple):
    """What a file says about itself."""

    checksum: int
    remark_octets: int
    sound_octets: int
    expires: float
    """Unix time after which the file is not used; infinite: never."""
    owner: bytes
    """The mark of the first sub-account that asked for it."""
    codecs: int = 2
    """In how many codecs the sound is, with as many octets in each."""

    @property
    def file_size(self) -> int:
        """Octets of the whole file."""
        return HEAD + self.sound_octets + self.remark_octets


def checksum(pieces: Iterable[bytes | memoryview], start: int = 0) -> int:
    """The checksum of a file's octets behind its head."""
    for piece in pieces:
        start = zlib.crc32(piece, start)
    return start


def pack(head: Head) -> bytes:
    """The octets of a head with the :func:`checksum` of what is behind it; its own fields are added."""
    plain = _packed(head._replace(checksum=0))
    return _packed(head._replace(checksum=zlib.crc32(plain, head.checksum)))


def _packed(head: Head) -> bytes:
    return _FORM.pack(
        _MAGIC,
        head.checksum,
        head.remark_octets,
        head.sound_octets,
        head.expires,
        head.owner,
        head.codecs,
    )


def unpack(octets: bytes) -> Head | None:
    """The head at the beginning of a file, not yet verified; None: this is no prompt's file."""
    if len(octets) < HEAD:
        return None
    magic, checked, remark, sound, expires, owner, codecs = _FORM.unpack(octets[:HEAD])
    if magic != _MAGIC or remark > MAX_REMARK or not sound or not codecs or sound % codecs:
        return None
    return Head(checked, remark, sound, expires, owner, codecs)


def is_whole(head: Head, behind: bytes | memoryview) -> bool:
    """Whether ``behind``, all octets after the head, are what was written."""
    plain = _packed(head._replace(checksum=0))
    return zlib.crc32(plain, checksum([behind])) == head.checksum
