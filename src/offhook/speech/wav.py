"""The chunks of a WAV file, read as players read them. Pure.

Programs that stream write the header before they know the length: 0, 0xFFFFFFFF, 0x7FFFFFFF and
2,000,000,000 are all seen. Players then play to the end of the file; libsndfile stops at 0. So the sound
is found here, and the decoder gets a file with a correct header.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_FORMS = (b"RIFF", b"RF64", b"BW64")
_NOT_A_LENGTH = 1 << 30
"""Octets: a header with a greater length means "not known yet"."""
_EXTENSIBLE = 0xFFFE
_PCM, _FLOAT, _ALAW, _ULAW = 1, 3, 6, 7
_WIDTHS = frozenset({1, 2, 3, 4, 8})
"""Octets of a sample."""
_MPEG = frozenset({0x50, 0x55})


class Unreadable(Exception):
    """The file says it is WAV, and its chunks do not hold what WAV needs; the text says what."""


class Wav(NamedTuple):
    """The parts of a WAV file that are used."""

    encoding: int
    """The format tag; of WAVE_FORMAT_EXTENSIBLE the one inside its GUID."""
    channels: int
    rate: int
    format: bytes
    """The ``fmt`` chunk."""
    fact: bytes
    """The ``fact`` chunk, or nothing."""
    data: bytes
    octets_missing: int
    """How many octets the header promises beyond the end of the file."""
    octets_per_second: int

    @property
    def is_mpeg(self) -> bool:
        """Whether the sound is MPEG audio in a WAV file."""
        return self.encoding in _MPEG

    @property
    def seconds_missing(self) -> float:
        """Seconds of sound that the header promises beyond the end of the file."""
        return self.octets_missing / self.octets_per_second if self.octets_per_second else 0.0

    def rebuilt(self) -> bytes:
        """The same sound with the chunks it needs and their true lengths."""
        chunks = b"fmt " + _sized(self.format)
        if self.fact:
            chunks += b"fact" + _sized(self.fact)
        chunks += b"data" + struct.pack("<I", len(self.data))
        size = 4 + len(chunks) + len(self.data)
        return b"RIFF" + struct.pack("<I", size) + b"WAVE" + chunks + self.data


def is_wav(data: bytes) -> bool:
    """Whether the file says that it is WAV."""
    return data[:4] in _FORMS and data[8:12] == b"WAVE"


def read(data: bytes) -> Wav:
    """The parts of a WAV file. Raises :class:`Unreadable`."""
    found: dict[bytes, bytes] = {}
    sound: list[bytes] = []
    missing = 0
    position = 12
    while position + 8 <= len(data):
        name = data[position : position + 4]
        (size,) = struct.unpack_from("<I", data, position + 4)
        start = position + 8
        if name == b"data":
            if size == 0xFFFF_FFFF and len(found.get(b"ds64", b"")) >= 16:
                (size,) = struct.unpack_from("<Q", found[b"ds64"], 8)
            rest = len(data) - start
            if size == 0 or size > rest:
                missing = size - rest if rest < size < _NOT_A_LENGTH else 0
                size = rest
            sound.append(data[start : start + size])
        else:
            found.setdefault(name, data[start : start + size])
        position = _next_chunk(data, start + size)
    if b"fmt " not in found or not sound:
        raise Unreadable("the wav file has no fmt or no data chunk")
    return _described(found, b"".join(sound), missing)


def _next_chunk(data: bytes, end: int) -> int:
    """Chunks begin at even places; some programs forget the octet that fills an odd one up."""
    if end % 2 and not _is_name(data[end + 1 : end + 5]) and _is_name(data[end : end + 4]):
        return end
    return end + end % 2


def _is_name(octets: bytes) -> bool:
    return len(octets) == 4 and all(0x20 <= octet < 0x7F for octet in octets)


def _described(found: dict[bytes, bytes], sound: bytes, missing: int) -> Wav:
    form = found[b"fmt "]
    if len(form) < 14:
        raise Unreadable("the wav file's fmt chunk is too short")
    encoding, channels, rate, per_second, block = struct.unpack_from("<HHIIH", form)
    bits = struct.unpack_from("<H", form, 14)[0] if len(form) >= 16 else 8
    if encoding == _EXTENSIBLE and len(form) >= 26:
        (encoding,) = struct.unpack_from("<H", form, 24)
    if encoding in (_PCM, _FLOAT, _ALAW, _ULAW) and channels:
        # Samples take whole octets for any value of "bits" (12 bits are kept in 16, 20 in 24).
        width = block // channels if block and not block % channels else (bits + 7) // 8
        per_second = rate * channels * width
        if width in _WIDTHS and per_second <= 0xFFFF_FFFF and channels * width <= 0xFFFF:
            form = struct.pack(
                "<HHIIHH", encoding, channels, rate, per_second, channels * width, width * 8
            )
    return Wav(
        encoding=encoding,
        channels=channels,
        rate=rate,
        format=form,
        fact=found.get(b"fact", b""),
        data=sound,
        octets_missing=missing,
        octets_per_second=per_second,
    )


def _sized(chunk: bytes) -> bytes:
    return struct.pack("<I", len(chunk)) + chunk + b"\0" * (len(chunk) % 2)
