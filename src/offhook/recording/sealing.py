"""Encryption of recordings on the disk: AES-256-GCM."""

from __future__ import annotations

import os
import struct
from typing import IO, Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from offhook.recording.container import BadRecording, Seal
from offhook.session.ports.recording import RecordedFile

KEY_SIZE: Final = 32
SEALED_MAGIC: Final = b"OFFHOOK-SEALED-1\n"
_SALT_SIZE: Final = 8
_PIECE: Final = 65_536
_TAG: Final = 16
_HEAD: Final = len(SEALED_MAGIC) + _SALT_SIZE


@final
class AesSeal(Seal):
    """Seals with one key."""

    def __init__(self, key: bytes) -> None:
        """``key`` has 32 octets."""
        self._cipher = AESGCM(key)

    def close(self, nonce: bytes, content: bytes) -> bytes:
        return self._cipher.encrypt(nonce, content, None)

    def open(self, nonce: bytes, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise BadRecording("the key is not the one it was encrypted with") from None


def seal_file(plain: IO[bytes], target: IO[bytes], seal: Seal) -> None:
    """Write ``plain`` sealed: pieces of 64 KiB, each with its number, the last one marked as the last.

    So no piece can be left out, moved or cut off at the end without being noticed.
    """
    salt = os.urandom(_SALT_SIZE)
    target.write(SEALED_MAGIC + salt)
    number, piece = 0, plain.read(_PIECE)
    while True:
        following = plain.read(_PIECE)
        target.write(seal.close(_nonce(salt, number, last=not following), piece))
        if not following:
            return
        number, piece = number + 1, following


@final
class SealedFile(RecordedFile):
    """Reads a sealed file from any position."""

    def __init__(self, file: IO[bytes], seal: Seal) -> None:
        """Raises :class:`BadRecording` when it is none."""
        head = file.read(_HEAD)
        if not head.startswith(SEALED_MAGIC) or len(head) < _HEAD:
            raise BadRecording("the file is not encrypted as it should be")
        self._file = file
        self._seal = seal
        self._salt = head[len(SEALED_MAGIC) :]
        sealed = file.seek(0, os.SEEK_END) - _HEAD
        self._pieces = -(-sealed // (_PIECE + _TAG))
        self.size = sealed - self._pieces * _TAG

    def read(self, position: int, count: int) -> bytes:
        """As :meth:`.RecordedFile.read`. Raises :class:`BadRecording` for a file that was changed."""
        end = min(position + count, self.size)
        if position >= end:
            return b""
        first, last = position // _PIECE, (end - 1) // _PIECE
        plain = b"".join([self._piece(number) for number in range(first, last + 1)])
        begin = position - first * _PIECE
        return plain[begin : begin + end - position]

    def close(self) -> None:
        self._file.close()

    def _piece(self, number: int) -> bytes:
        self._file.seek(_HEAD + number * (_PIECE + _TAG))
        sealed = self._file.read(_PIECE + _TAG)
        return self._seal.open(_nonce(self._salt, number, last=number == self._pieces - 1), sealed)


def _nonce(salt: bytes, number: int, *, last: bool) -> bytes:
    return salt + struct.pack("<I", number << 1 | last)
