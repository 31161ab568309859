"""G.711 µ-law and A-law: octets to 16-bit samples, back, and from one law to the other. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from offhook.negotiated import Codec

SILENCE: Final = {Codec.PCMU: 0xFF, Codec.PCMA: 0xD5}
"""The octet of a sample of zero (A-law has none: the smallest positive one)."""


def _ulaw_levels() -> npt.NDArray[np.int16]:
    """The sample of each µ-law octet (ITU-T G.711 table 2), scaled to 16 bits."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return np.where(code & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)


def _alaw_levels() -> npt.NDArray[np.int16]:
    """The sample of each A-law octet (ITU-T G.711 table 1), scaled to 16 bits."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    mantissa = ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment > 0, (mantissa + 0x100) << np.maximum(segment - 1, 0), mantissa)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encoder(levels: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """The octet of the nearest level for each 16-bit sample, indexed by the sample modulo 2^16."""
    order = np.argsort(levels, kind="stable")
    ascending = levels[order].astype(np.int32)
    thresholds = (ascending[1:] + ascending[:-1]) / 2
    samples = np.arange(65536, dtype=np.uint16).view(np.int16)
    # A sample on a threshold goes away from zero, as in the ITU-T G.191 reference.
    upper = np.searchsorted(thresholds, samples, side="right")
    lower = np.searchsorted(thresholds, samples, side="left")
    return order[np.where(samples >= 0, upper, lower)].astype(np.uint8)


_LEVELS: Final = {Codec.PCMU: _ulaw_levels(), Codec.PCMA: _alaw_levels()}
_FLOATS: Final = {codec: levels.astype(np.float32) for codec, levels in _LEVELS.items()}
_ENCODERS: Final = {codec: _encoder(levels) for codec, levels in _LEVELS.items()}

_LOW: Final = {
    codec: levels.astype("<i2").view(np.uint8)[0::2].tobytes() for codec, levels in _LEVELS.items()
}
_HIGH: Final = {
    codec: levels.astype("<i2").view(np.uint8)[1::2].tobytes() for codec, levels in _LEVELS.items()
}

ULAW_TO_ALAW: Final = _ENCODERS[Codec.PCMA][_LEVELS[Codec.PCMU].view(np.uint16)].tobytes()
"""A table for :meth:`bytes.translate`."""
ALAW_TO_ULAW: Final = _ENCODERS[Codec.PCMU][_LEVELS[Codec.PCMA].view(np.uint16)].tobytes()
"""A table for :meth:`bytes.translate`."""


def decode(codec: Codec, octets: bytes | bytearray | memoryview) -> bytes:
    """16-bit little-endian samples of ``PCMU`` or ``PCMA`` octets."""
    data = bytes(octets)
    samples = bytearray(2 * len(data))
    samples[0::2] = data.translate(_LOW[codec])
    samples[1::2] = data.translate(_HIGH[codec])
    return bytes(samples)


def levels(codec: Codec, octets: bytes | bytearray | memoryview) -> npt.NDArray[np.float32]:
    """The samples of ``PCMU`` or ``PCMA`` octets, in the 16-bit range, for arithmetic."""
    return _FLOATS[codec][np.frombuffer(octets, np.uint8)]


def encode(codec: Codec, pcm: bytes | bytearray | memoryview) -> bytes:
    """``PCMU`` or ``PCMA`` octets of 16-bit little-endian samples.

    Raises :class:`ValueError` for half a sample.
    """
    samples = np.frombuffer(pcm, dtype="<u2")
    octets: bytes = _ENCODERS[codec][samples].tobytes()
    return octets


def encoder_table(codec: Codec) -> bytes:
    """65,536 octets: that of each 16-bit sample, indexed by the sample modulo 2^16.

    For programs that encode in a process of their own.
    """
    return _ENCODERS[codec].tobytes()


def transcoder(source: Codec, target: Codec) -> bytes | None:
    """The table for :meth:`bytes.translate` from one law to the other; None when they are equal."""
    if source == target:
        return None
    return ULAW_TO_ALAW if source is Codec.PCMU else ALAW_TO_ULAW
