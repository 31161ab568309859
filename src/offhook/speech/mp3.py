"""The frames of an MPEG audio file, found one by one. Pure.

A player does not trust a file's headers: it looks for frames and plays them.
Decoders that start from the first header stop where it says (a file joined with ``cat``), or refuse what
does not begin with a frame (an ICY line, zeros, an APE tag, half a frame). So the frames are found here,
tags and junk are left out, and the decoder gets only frames.

A frame counts when the next one, where its own header says that it begins, fits to it: four octets of
junk look like a header every few kilobytes, two fitting ones in the right distance do not. Xing, Info and
VBRI headers (frames without sound that describe the others) are taken out; what they say about
encoder delay and padding is cut from the sound, as players do, and how many frames there should be tells
whether the file ends early.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_BITRATES = {
    # (MPEG-1, layer): kbit/s of the indices 1..14 (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)
_DIVISORS = {0: 4, 2: 2, 3: 1}
"""Of the sample rate, by the version's two bits: MPEG-2.5, MPEG-2, MPEG-1."""
_THIRD = b"".join(
    re.escape(bytes([b])) for b in range(256) if 1 <= b >> 4 <= 14 and b >> 2 & 3 != 3
)
_CANDIDATE = re.compile(rb"\xff[\xe2-\xe7\xf2-\xff][" + _THIRD + rb"]|ID3|APETAGEX|TAG")
_DECODER_DELAY = 529
"""Delay of a layer III decoder in samples (528 and 1); LAME's own figures leave it out."""
_STAYS_AWAY = 16_384
"""Octets of junk after which the same stream is not expected to continue."""
_FIRST_RUN = 3
"""Frames in a row that make a file MPEG audio, unless it ends before."""


class Header(NamedTuple):
    """The fields of a frame's header."""

    size: int
    """Octets, the header included."""
    rate: int
    channels: int
    samples: int
    """Of each channel."""
    kind: int
    """Version and layer: frames of one stream have the same."""


class Part(NamedTuple):
    """Frames of one rate and channel count, to be decoded one after another."""

    octets: bytes
    rate: int
    channels: int
    skip: int
    """Samples at the beginning that are encoder and decoder delay."""
    samples: int
    """Samples of each channel to keep after them."""
    missing: float
    """Seconds that its own header promises and that are not there."""


class _Frame(NamedTuple):
    start: int
    header: Header


class _Info(NamedTuple):
    """The fields of a Xing or VBRI header."""

    frames: int
    """0: it does not say."""
    delay: int
    """-1: it does not say."""
    padding: int


def is_mpeg(data: bytes) -> bool:
    """Whether players take ``data`` for MPEG audio: it holds a few fitting frames in a row."""
    run = 0
    end = -1
    for frame in _frames(data):
        run = run + 1 if frame.start == end else 1
        end = frame.start + frame.header.size
        if run == _FIRST_RUN:
            return True
    return run > 0


def parts(data: bytes) -> list[Part]:
    """All sound of ``data``, in order; empty: it holds no frame."""
    found: list[Part] = []
    frames: list[_Frame] = []
    info: _Info | None = None
    for frame in _frames(data):
        described = _info(data, frame)
        changes = bool(frames) and _stream(frames[-1].header) != _stream(frame.header)
        if described is not None or changes:
            if frames:
                found.append(_part(data, frames, info))
            frames, info = [], described
        if described is None:
            frames.append(frame)
    if frames:
        found.append(_part(data, frames, info))
    return found


def _stream(header: Header) -> tuple[int, int, int]:
    return header.rate, header.channels, header.kind


def _part(data: bytes, frames: list[_Frame], info: _Info | None) -> Part:
    header = frames[0].header
    total = len(frames) * header.samples
    skip, keep, missing = 0, total, 0.0
    if info is not None:
        if info.delay >= 0:
            skip = min(info.delay + _DECODER_DELAY, total)
            keep = total - skip
            if info.frames == len(frames):
                keep = min(keep, max(0, total - info.delay - info.padding))
        if info.frames > len(frames):
            missing = (info.frames - len(frames)) * header.samples / header.rate
    octets = b"".join(data[start:end] for start, end in _ranges(frames))
    return Part(octets, header.rate, header.channels, skip, keep, missing)


def _ranges(frames: list[_Frame]) -> Iterator[tuple[int, int]]:
    """Frames that touch each other, as one range."""
    start = end = frames[0].start
    for frame in frames:
        if frame.start != end:
            yield start, end
            start = frame.start
        end = frame.start + frame.header.size
    yield start, end


def _frames(data: bytes) -> Iterator[_Frame]:
    """Every whole frame, tags and junk left out."""
    position: int | None = 0
    last: Header | None = None
    while position is not None and position + 4 <= len(data):
        tag = tag_size(data, position)
        if tag:
            position += tag
            continue
        header = _header(data, position)
        goes_on = header is not None and last is not None and _stream(last) == _stream(header)
        if header is not None and (goes_on or _is_followed(data, position + header.size, header)):
            if position + header.size > len(data):
                return
            yield _Frame(position, header)
            last = header
            position += header.size
        else:
            position = _next_place(data, position + 1, last)


def _next_place(data: bytes, position: int, last: Header | None) -> int | None:
    """Where to continue after junk: at the next frame of the same stream, else at any tag or header.

    A steady tone's frames repeat, and with them what looks like headers inside them: another stream is
    accepted only when the one before does not continue.
    """
    if last is not None:
        for found in _CANDIDATE.finditer(data, position, position + _STAYS_AWAY):
            header = _header(data, found.start())
            if header is not None and _stream(header) == _stream(last):
                if _is_followed(data, found.start() + header.size, header):
                    return found.start()
            elif header is None and tag_size(data, found.start()):
                return found.start()
    first = _CANDIDATE.search(data, position)
    return None if first is None else first.start()


def _is_followed(data: bytes, position: int, header: Header) -> bool:
    """Whether a frame is followed by a frame of its kind, a tag, or the end."""
    if position >= len(data):
        return position == len(data)
    following = _header(data, position)
    if following is not None:
        return _stream(following) == _stream(header)
    return tag_size(data, position) > 0


def _header(data: bytes, position: int) -> Header | None:
    octets = data[position : position + 4]
    if len(octets) < 4 or octets[0] != 0xFF:
        return None
    return _read_header(octets[1], octets[2], octets[3] >> 6)


@cache
def _read_header(second: int, third: int, mode: int) -> Header | None:
    """Read a frame header from three octets (ISO/IEC 11172-3 §2.4.1.3); None: not a header."""
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    index, rate_index, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if second & 0xE0 != 0xE0 or version == 1 or layer == 4 or index in (0, 15) or rate_index == 3:
        return None
    first = version == 3
    bitrate = _BITRATES[first, layer][index - 1] * 1000
    rate = _RATES[rate_index] // _DIVISORS[version]
    if layer == 1:
        samples, size = 384, (12 * bitrate // rate + padding) * 4
    else:
        samples = 1152 if first or layer == 2 else 576
        size = samples // 8 * bitrate // rate + padding
    return Header(size, rate, 1 if mode == 3 else 2, samples, version << 2 | layer)


def tag_size(data: bytes, position: int) -> int:
    """Octets of the tag that begins here: ID3v2, APEv2, ID3v1; 0: none does."""
    start = data[position : position + 32]
    match start[:1]:
        case b"I" if start.startswith(b"ID3") and len(start) >= 10:
            sizes = start[6:10]
            if max(sizes) < 0x80 and start[3] < 0xFF:
                size = sizes[0] << 21 | sizes[1] << 14 | sizes[2] << 7 | sizes[3]
                return 10 + size + (10 if start[5] & 0x10 else 0)
        case b"A" if start.startswith(b"APETAGEX") and len(start) == 32:
            (size,) = struct.unpack("<I", start[12:16])
            # Writers disagree whether the size counts 32 octets more; a frame behind it proves it.
            return 32 + size if _header(data, position + 32 + size) is not None else 0
        case b"T" if start.startswith(b"TAG"):
            return min(128, len(data) - position)
    return 0


def _info(data: bytes, frame: _Frame) -> _Info | None:
    """The Xing, Info or VBRI header in this frame; None: it is a frame with sound."""
    header, start = frame.header, frame.start
    if header.kind & 3 != 3:
        return None
    if data[start + 36 : start + 40] == b"VBRI":
        return _Info(int.from_bytes(data[start + 50 : start + 54], "big"), -1, 0)
    first = header.kind >> 2 == 3
    side = (17 if header.channels == 1 else 32) if first else (9 if header.channels == 1 else 17)
    at = start + 4 + side
    if data[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(data[at + 4 : at + 8], "big")
    frames = int.from_bytes(data[at + 8 : at + 12], "big") if flags & 1 else 0
    lame = at + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1)
    lame += 4 * (flags >> 3 & 1)
    end = start + header.size
    if lame + 24 > end or not data[lame : lame + 4].isalnum():
        return _Info(frames, -1, 0)
    both = int.from_bytes(data[lame + 21 : lame + 24], "big")
    return _Info(frames, both >> 12, both & 0xFFF)
