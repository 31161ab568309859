"""The frames that a tapped leg gives: what its peer said and what we said to it, with times. Pure.

A recording is made of these. Any engine can make them, also one in C: a frame is a header of 20 octets,
little-endian, and then its payload.

======  =========  =====================================================================================
octets  field      meaning
======  =========  =====================================================================================
1       kind       :class:`TapFrameKind`
1       codec      :data:`CODEC_NUMBERS`
2       octets     of the payload
4       SSRC       of the stream (RFC 3550 §5.1)
4       timestamp  RTP
8       at         microseconds of the monotonic clock (:class:`TapFrame`)
======  =========  =====================================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from offhook.negotiated import Codec

FRAME_HEADER: Final = struct.Struct("<BBHIIQ")

CODEC_NUMBERS: Final = {Codec.PCMU: 0, Codec.PCMA: 8}
"""By the static payload types (RFC 3551 table 4), whatever was negotiated."""
CODECS: Final = {number: codec for codec, number in CODEC_NUMBERS.items()}


class TapFrameKind(IntEnum):
    """What a frame holds."""

    END = 0
    """The tap is over: the last frame. It has no payload."""
    RECEIVED = 1
    """Audio of the peer, from a packet that passed the checks; a duplicate gives no frame."""
    SENT = 2
    """Audio that we made for this leg: prompts, ringback, tones. Audio relayed from another leg gives no
    frame here (it gave one there), nor does the silence that fills pauses."""


_KINDS: Final = tuple(TapFrameKind)
"""By number: faster than to call the enumeration, and a recording has 50 frames a second."""


class TapFrame(NamedTuple):
    """One frame."""

    kind: TapFrameKind
    codec: Codec
    ssrc: int
    timestamp: int
    at: int
    """Microseconds of the monotonic clock: when a received packet arrived, when a sent one was due."""
    payload: bytes


class BadFrame(ValueError):
    """The octets are no frames."""


def end_frame(at: float) -> bytes:
    """The last frame of a tap, at monotonic seconds ``at``."""
    return FRAME_HEADER.pack(TapFrameKind.END, 0, 0, 0, 0, int(at * 1e6))


def frame(
    kind: TapFrameKind,
    codec: Codec,
    ssrc: int,
    timestamp: int,
    at: float,
    payload: bytes | memoryview,
) -> bytes:
    """A frame; ``at`` in monotonic seconds."""
    number = CODEC_NUMBERS[codec]
    header = FRAME_HEADER.pack(kind, number, len(payload), ssrc, timestamp, int(at * 1e6))
    return header + payload


def frames_of(octets: bytes) -> Iterator[TapFrame]:
    """The frames in ``octets``. Raises :class:`BadFrame` where they are none, or cut off."""
    position, end = 0, len(octets)
    while position < end:
        if end - position < FRAME_HEADER.size:
            raise BadFrame("a frame is cut off")
        kind, codec, size, ssrc, timestamp, at = FRAME_HEADER.unpack_from(octets, position)
        position += FRAME_HEADER.size
        if kind >= len(_KINDS) or codec not in CODECS or position + size > end:
            raise BadFrame("not a frame")
        payload = octets[position : position + size]
        yield TapFrame(_KINDS[kind], CODECS[codec], ssrc, timestamp, at, payload)
        position += size


def ends_tap(octets: bytes) -> bool:
    """Whether the last of these frames, which must be whole, is the last one of its tap."""
    position, kind = 0, int(TapFrameKind.SENT)
    while position < len(octets):
        kind, _, size, *_ = FRAME_HEADER.unpack_from(octets, position)
        position += FRAME_HEADER.size + size
    return kind == TapFrameKind.END
