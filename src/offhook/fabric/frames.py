"""The frames between :class:`~offhook.fabric.local.LocalFabric` and its hub; bytes in, frames out.

A frame is: the length of what follows (4 bytes, big endian), its kind (1 byte), the length of the
topic (1 byte), the topic in ASCII, the message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

MAX_MESSAGE = 1024 * 1024
"""Bytes of a message; the largest that is sent is a session's event, far below."""

_HEAD = struct.Struct(">IBB")


class FrameKind(IntEnum):
    """The kind of a frame."""

    PUBLISH = 1
    SUBSCRIBE = 2
    UNSUBSCRIBE = 3
    PING = 4
    """Answered by PONG once everything before it has been handled."""
    PONG = 5


class Frame(NamedTuple):
    """One frame; the topic is a pattern in SUBSCRIBE and UNSUBSCRIBE."""

    kind: FrameKind
    topic: str = ""
    message: bytes = b""


class FrameError(Exception):
    """The peer sent a malformed frame."""


def encode(frame: Frame) -> bytes:
    """The bytes of a frame. Raises ValueError when the message is over :data:`MAX_MESSAGE`."""
    topic = frame.topic.encode("ascii")
    if len(frame.message) > MAX_MESSAGE:
        raise ValueError(f"message of {len(frame.message)} bytes")
    return (
        _HEAD.pack(2 + len(topic) + len(frame.message), frame.kind, len(topic))
        + topic
        + frame.message
    )


class Decoder:
    """Collects bytes and gives the frames that are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames completed by ``data``. Raises :class:`FrameError`."""
        self._buffer += data
        at = 0
        try:
            while len(self._buffer) - at >= _HEAD.size:
                length, kind, topic_length = _HEAD.unpack_from(self._buffer, at)
                if length > MAX_MESSAGE + 257 or length < 2 + topic_length:
                    raise FrameError(f"a frame of {length} bytes")
                end = at + 4 + length
                if len(self._buffer) < end:
                    break
                body = at + _HEAD.size + topic_length
                try:
                    topic = self._buffer[at + _HEAD.size : body].decode("ascii")
                    frame = Frame(FrameKind(kind), topic, bytes(self._buffer[body:end]))
                except ValueError as error:
                    raise FrameError(str(error)) from error
                at = end
                yield frame
        finally:
            del self._buffer[:at]
