"""What the programs of the speech engines have in common: framing, trimming, level, the laws.

It stands alone, as they do: it imports nothing of Offhook, and they load it by its path, because a
library that they load may be under the GPL. A program reads requests from standard input and writes
answers to standard output until the input ends. First come two tables of 65,536 octets that turn 16-bit
samples into µ-law and A-law; when it is ready it sends an empty answer. Then:

    request: length (4 octets, big-endian), octets as the program says, mostly JSON
    answer:  0 and length (4 octets), the sound at 8,000 samples a second: all µ-law, then all A-law
             samples; nothing where the text has no sound
             1 and length, a sentence in UTF-8 that says what went wrong

Leading and trailing silence is trimmed, the level made even.
"""

from __future__ import annotations

import json
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

RATE = 8000
CPU_SECONDS = 30  # for one request
MAX_REQUEST = 1 << 20
ACTIVE_LEVEL = 10 ** (
    -20 / 20
)  # RMS while speaking, of full scale: -20 dBov, usual for announcements
PEAK = 0.9
FRAME = RATE // 50
SILENCE = 0.005  # RMS of a frame without speech: below -46 dBov
LEAD, TAIL = RATE // 50, RATE // 10  # samples of silence that may stay before and after
TABLE = 65_536

Table = np.ndarray[tuple[int], np.dtype[np.uint8]]
Samples = np.ndarray[tuple[int], np.dtype[np.float32]]
Speak = Callable[[bytes], Samples]
"""Speaks a request, as 8,000 samples a second of -1..1. Raises :class:`Failed`."""


class Failed(Exception):
    """The request cannot be spoken; the text is the answer."""


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


def limit_processor(seconds: int) -> None:
    """The kernel ends this process when the next request takes more of the processor."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(usage.ru_utime + usage.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def answer(speak: Speak, tables: Sequence[Table], request: bytes) -> bytes:
    """The answer to one request, framed."""
    try:
        samples = finished(speak(request)).view(np.uint16)
        return framed(0, b"".join(table[samples].tobytes() for table in tables))
    except Failed as failure:
        return framed(1, str(failure).encode())


def framed(status: int, payload: bytes) -> bytes:
    """An answer with its head."""
    return struct.pack("!BI", status, len(payload)) + payload


def asked(speak: Callable[[dict[str, Any]], Samples]) -> Speak:
    """Speaks requests that are JSON objects."""
    return lambda request: speak(json.loads(request))


def serve(
    load: Callable[[], Speak], *, cpu_seconds: int = CPU_SECONDS, max_request: int = MAX_REQUEST
) -> None:
    """Serve until standard input ends. ``load`` makes the engine ready to speak; a request may take
    ``cpu_seconds`` of the processor and have ``max_request`` octets.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    tables = [np.frombuffer(requests.read(TABLE), np.uint8) for _ in range(2)]
    speak = load()
    answers.write(framed(0, b""))
    answers.flush()
    while len(head := requests.read(4)) == 4:
        (length,) = struct.unpack("!I", head)
        if length > max_request:
            return
        limit_processor(cpu_seconds)
        answers.write(answer(speak, tables, requests.read(length)))
        answers.flush()
