"""Speaks texts with espeak-ng: a program of its own, run by its path, that imports nothing of Offhook.

espeak-ng is GPL-3.0; this process separates it from Offhook. It reads requests from standard input and
writes
answers to standard output until the input ends. First come two tables of 65,536 octets that turn 16-bit
samples into µ-law and A-law; when it is ready it sends an empty answer. Then:

    request: length (4 octets, big-endian), JSON {"voice": "gmw/en-US+f2", "rate": 175, "text": "…"}
    answer:  0 and length (4 octets), the sound at 8,000 samples a second: all µ-law, then all A-law
             samples; nothing where the text has no sound
             1 and length, a sentence in UTF-8 that says what went wrong

"rate" is in words a minute. Leading and trailing silence is trimmed, the level made even.
"""

from __future__ import annotations

import ctypes
import json
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence

import espeakng_loader
import numpy as np
import soxr

RATE = 8000
LONGEST = 1800  # seconds of speech in one answer
CPU_SECONDS = 30  # for one request
MAX_REQUEST = 1 << 20
ACTIVE_LEVEL = 10 ** (
    -20 / 20
)  # RMS while speaking, of full scale: -20 dBov, usual for announcements
PEAK = 0.9
FRAME = RATE // 50
SILENCE = 0.005  # RMS of a frame without speech: below -46 dBov
LEAD, TAIL = RATE // 50, RATE // 10  # samples of silence that may stay before and after

SYNCHRONOUS = 2
DONT_EXIT = 0x8000
CHARS_UTF8 = 1
POS_CHARACTER = 1
PARAMETER_RATE = 1

TABLE = 65_536
Table = np.ndarray[tuple[int], np.dtype[np.uint8]]
Samples = np.ndarray[tuple[int], np.dtype[np.float32]]
CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Voice(ctypes.Structure):
    """``espeak_VOICE`` (espeak-ng ``speak_lib.h``)."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class Failed(Exception):
    """The request cannot be spoken; the text is the answer."""


class Library:
    """The library, loaded once; one synthesis at a time."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self._rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, data, DONT_EXIT)
        if self._rate <= 0:
            raise Failed("espeak-ng cannot read its data")
        self._library.espeak_GetCurrentVoice.restype = ctypes.POINTER(Voice)
        self._library.espeak_Synth.argtypes = (
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
            *(ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p),
        )
        self._callback = CALLBACK(self._take)
        self._library.espeak_SetSynthCallback(self._callback)
        self._resampler = soxr.ResampleStream(self._rate, RATE, 1, dtype="float32")
        self._pieces: list[Samples] = []
        self._length = 0

    def speak(self, voice: str, rate: int, text: str) -> Samples:
        """The text as spoken, 8,000 samples a second of -1..1. Raises :class:`Failed`."""
        self._select(voice)
        self._library.espeak_SetParameter(PARAMETER_RATE, rate, 0)
        self._resampler = soxr.ResampleStream(self._rate, RATE, 1, dtype="float32")
        self._pieces, self._length = [], 0
        # Without the SSML and phoneme flags every character is text; controls are the exception
        # (0x01 begins a command, 0x00 ends the text).
        plain = "".join(c if c >= " " else " " for c in text).encode("utf-8", "replace") + b"\0"
        flags = CHARS_UTF8
        if self._library.espeak_Synth(plain, len(plain), 0, POS_CHARACTER, 0, flags, None, None):
            raise Failed("espeak-ng refused the text")
        if self._length > LONGEST * RATE:
            raise Failed(f"the text takes longer than {LONGEST} s to speak")
        self._keep(np.zeros(0, np.float32), last=True)
        return np.concatenate(self._pieces)

    def _select(self, voice: str) -> None:
        """An unknown name or variant leaves another voice speaking: ask which one it is."""
        self._library.espeak_SetVoiceByName(voice.encode())
        current = self._library.espeak_GetCurrentVoice()
        if not current or current.contents.identifier != voice.encode():
            raise Failed(f"espeak-ng has no voice {voice}")

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _: int | None) -> int:
        """``t_espeak_callback``: anything but 0 stops the synthesis."""
        if count > 0:
            raw = ctypes.string_at(samples, count * 2)
            self._keep(np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768))
        return int(self._length > LONGEST * RATE)

    def _keep(self, samples: Samples, *, last: bool = False) -> None:
        piece = self._resampler.resample_chunk(samples, last=last)
        self._pieces.append(piece)
        self._length += len(piece)


def finished(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Trimmed and levelled 16-bit samples; none when there is nothing to hear."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    loudness = np.sqrt(np.mean(np.square(frames), axis=1))
    spoken = np.flatnonzero(loudness > SILENCE)
    if not len(spoken):
        return np.zeros(0, np.int16)
    first = max(0, int(spoken[0]) * FRAME - LEAD)
    last = min(len(samples), (int(spoken[-1]) + 1) * FRAME + TAIL)
    level = float(np.sqrt(np.mean(np.square(loudness[spoken]))))
    gain = min(ACTIVE_LEVEL / level, PEAK / float(np.max(np.abs(samples))))
    return (samples[first:last] * (gain * 32767)).astype(np.int16)


def limit_processor() -> None:
    """The kernel ends this process when the next request takes too much of the processor."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(usage.ru_utime + usage.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def answer(
    speak: Callable[[str, int, str], Samples], tables: Sequence[Table], request: bytes
) -> bytes:
    """The answer to one request, framed."""
    try:
        asked = json.loads(request)
        samples = finished(speak(asked["voice"], asked["rate"], asked["text"])).view(np.uint16)
        return framed(0, b"".join(table[samples].tobytes() for table in tables))
    except Failed as failure:
        return framed(1, str(failure).encode())


def framed(status: int, payload: bytes) -> bytes:
    """An answer with its head."""
    return struct.pack("!BI", status, len(payload)) + payload


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    tables = [np.frombuffer(requests.read(TABLE), np.uint8) for _ in range(2)]
    espeak = Library()
    answers.write(framed(0, b""))
    answers.flush()
    while len(head := requests.read(4)) == 4:
        (length,) = struct.unpack("!I", head)
        if length > MAX_REQUEST:
            return
        limit_processor()
        answers.write(answer(espeak.speak, tables, requests.read(length)))
        answers.flush()


if __name__ == "__main__":
    main()
