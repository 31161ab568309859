"""G.722 and Opus outside of the engine, and what a sound is made of."""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]
RATE = 16_000
LEVEL = 8_000
"""Of the tones: their largest sample."""


def wide_tone(hertz: float, seconds: float, rate: int = RATE) -> Pcm:
    """A tone."""
    at = np.arange(round(seconds * rate)) / rate
    pcm: Pcm = np.rint(LEVEL * np.sin(2 * np.pi * hertz * at)).astype(np.int16)
    return pcm


class Heard(NamedTuple):
    """The strongest tone of a sound."""

    hertz: float
    level: float
    """Its largest sample."""
    purity: float
    """Its part of the whole power."""


def strongest(pcm: Pcm, rate: int) -> Heard:
    """Judged by one spectrum of the whole."""
    samples = pcm.astype(float) * np.hanning(len(pcm))
    power = np.abs(np.fft.rfft(samples)) ** 2
    at = int(np.argmax(power))
    near = slice(max(0, at - 3), at + 4)
    total = float(power[1:].sum())
    level = 2 * np.sqrt(float(power[near].sum()) / (np.hanning(len(pcm)) ** 2).sum() / len(pcm))
    return Heard(at * rate / len(pcm), float(level), float(power[near].sum()) / total)


def _ffmpeg(arguments: Sequence[str], source: bytes) -> bytes:
    command = [str(shutil.which("ffmpeg")), "-v", "error", "-nostdin", *arguments]
    done = subprocess.run(command, input=source, capture_output=True, timeout=60, check=True)
    return done.stdout


def decode_g722(octets: bytes) -> Pcm:
    """By ffmpeg: 16,000 samples a second."""
    return np.frombuffer(
        _ffmpeg(["-f", "g722", "-i", "-", "-f", "s16le", "-"], octets), dtype="<i2"
    )


def encode_g722(pcm: Pcm) -> bytes:
    """By ffmpeg."""
    raw = ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-"]
    return _ffmpeg([*raw, "-f", "g722", "-"], pcm.astype("<i2").tobytes())


class OpusLibrary:
    """libopus by itself, mono, packets of 20 ms; an encoder and a decoder."""

    def __init__(self, rate: int = RATE) -> None:
        self._library = ctypes.CDLL(ctypes.util.find_library("opus") or "libopus.so.0")
        self._library.opus_encoder_create.restype = ctypes.c_void_p
        self._library.opus_decoder_create.restype = ctypes.c_void_p
        error = ctypes.c_int()
        self._encoder = ctypes.c_void_p(
            self._library.opus_encoder_create(rate, 1, 2048, ctypes.byref(error))
        )
        self._decoder = ctypes.c_void_p(
            self._library.opus_decoder_create(rate, 1, ctypes.byref(error))
        )
        self.frame = rate // 50

    def encode(self, pcm: Pcm) -> list[bytes]:
        """Whole packets only."""
        packets = []
        room = ctypes.create_string_buffer(1500)
        for at in range(0, len(pcm) - self.frame + 1, self.frame):
            part = np.ascontiguousarray(pcm[at : at + self.frame], dtype="<i2").tobytes()
            size = self._library.opus_encode(self._encoder, part, self.frame, room, 1500)
            packets.append(room.raw[:size])
        return packets

    def decode(self, packets: Iterable[bytes]) -> Pcm:
        """The sound of the packets, one after the other."""
        room = ctypes.create_string_buffer(2 * 6 * self.frame)
        found = b""
        for packet in packets:
            count = self._library.opus_decode(
                self._decoder, bytes(packet), len(packet), room, 6 * self.frame, 0
            )
            assert count > 0
            found += room.raw[: 2 * count]
        return np.frombuffer(found, dtype="<i2")

    def close(self) -> None:
        """Free both."""
        self._library.opus_encoder_destroy(self._encoder)
        self._library.opus_decoder_destroy(self._decoder)
