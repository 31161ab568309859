"""Audio ready to be played."""

from __future__ import annotations

from offhook.media import g711

SAMPLE_RATE = 8000
"""Samples a second of everything on the telephone."""


class Prompt:
    """Mono audio at 8,000 samples a second; serves :class:`offhook.session.ports.speech.Prompt`.

    Immutable and shared by all calls that play it: each codec is encoded once.
    """

    __slots__ = ("_encoded", "_pcm")

    def __init__(self, pcm: bytes) -> None:
        """``pcm``: 16-bit little-endian signed samples. Raises :class:`ValueError` for a half."""
        if len(pcm) % 2:
            raise ValueError("16-bit samples take an even number of octets")
        self._pcm = pcm
        self._encoded: dict[str, bytes] = {}

    @property
    def pcm(self) -> bytes:
        """16-bit little-endian signed samples."""
        return self._pcm

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self._pcm) / 2 / SAMPLE_RATE

    def encoded(self, codec: str) -> bytes:
        """The samples as ``PCMU`` or ``PCMA``, one octet each. Raises :class:`KeyError`."""
        octets = self._encoded.get(codec)
        if octets is None:
            octets = self._encoded[codec] = g711.encode(codec, self._pcm)
        return octets
