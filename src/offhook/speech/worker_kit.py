"""What the programs of the speech engines have in common: framing, trimming, level, the laws.

It stands alone, as they do: it imports nothing of Offhook, and they load it by its path, because a
library that they load may be under the GPL. A program reads requests from standard input and writes
answers to standard output until the input ends. First come two tables of 65,536 octets that turn 16-bit
samples into µ-law and A-law, and 4 octets with the rate to speak at: 8,000 or 16,000 samples a second. When
it is ready it sends an empty answer. Then:

    request: length (4 octets, big-endian), octets as the program says, mostly JSON; or only a number
             (4 octets) with one of the two uppermost bits set: 01 asks for the next part of the request of
             that number, the first one 1; 10 drops it, and has no answer
    answer:  0 and length (4 octets), the sound at 8,000 samples a second: all µ-law, then all A-law
             samples, and at the rate of 16,000 behind them the sound itself, 16-bit little-endian; nothing
             where the text has no sound
             1 and length, a sentence in UTF-8 that says what went wrong
             2 and length, a part of the sound. Another request may come first before the next is asked for

Leading and trailing silence is trimmed, the level made even.
"""

from __future__ import annotations

import json
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

RATE = 8000  # of what the laws have
WIDE_RATE = 16_000
CPU_SECONDS = 30  # for one request
MAX_REQUEST = 1 << 20
ACTIVE_LEVEL = 10 ** (
    -20 / 20
)  # RMS while speaking, of full scale: -20 dBov, usual for announcements
PEAK = 0.9
FRAMES = 50  # a second
SILENCE = 0.005  # RMS of a frame without speech: below -46 dBov
LEAD, TAIL = 0.005, 0.1  # seconds of silence that may stay before and after
TABLE = 65_536

Table = np.ndarray[tuple[int], np.dtype[np.uint8]]
Samples = np.ndarray[tuple[int], np.dtype[np.float32]]
Pcm = np.ndarray[tuple[int], np.dtype[np.int16]]
Speak = Callable[[bytes], Samples | Iterator[Samples]]
"""Speaks a request, whole or part by part, as samples of -1..1. Raises :class:`Failed`."""
DONE, FAILED, PART = 0, 1, 2  # what an answer begins with
NEW, GO_ON, DROP = 0, 1, 2  # the upper two bits of a request
KIND = 30  # bits below them


class Failed(Exception):
    """The request cannot be spoken; the text is the answer."""


class Evener:
    """Trims the silence around a sound and evens its level, part by part.

    The first part decides the level. A part is whole frames of 20 ms, without the silence at its end, which
    is kept for when more is heard behind it.
    """

    def __init__(self, rate: int = RATE) -> None:
        self._frame = rate // FRAMES
        self._lead, self._tail = round(LEAD * rate), round(TAIL * rate)
        self._held = np.zeros(0, np.float32)
        self._gain = 0.0

    def part(self, samples: Samples) -> Pcm:
        """What can be heard of it now, and of what was kept."""
        samples = np.concatenate([self._held, samples])
        self._held = samples
        if not self._gain:
            loudness = _rms(samples, self._frame)
            spoken = np.flatnonzero(loudness > SILENCE)
            if not len(spoken):
                return np.zeros(0, np.int16)
            self._gain = ACTIVE_LEVEL / float(np.sqrt(np.mean(np.square(loudness[spoken]))))
            samples = self._held = samples[self._onset(samples, int(spoken[0]) * self._frame) :]
        loudness = _rms(samples, self._frame)
        spoken = np.flatnonzero(loudness > SILENCE)
        if not len(spoken):
            return np.zeros(0, np.int16)
        end = min(len(loudness) * self._frame, (int(spoken[-1]) + 1) * self._frame + self._tail)
        self._held = samples[end:]
        return self._levelled(samples[:end])

    def rest(self) -> Pcm:
        """What is left behind the last part: less than a frame, if that was not silence."""
        if not self._gain or len(self._held) >= self._frame:
            return np.zeros(0, np.int16)
        return self._levelled(self._held)

    def _onset(self, samples: Samples, frame: int) -> int:
        """Where the sound begins, a lead before its first loud moment in the frame that begins there."""
        moments = _rms(samples[frame : frame + self._frame], self._lead)
        return max(0, frame + (int(np.argmax(moments > SILENCE)) - 1) * self._lead)

    def _levelled(self, samples: Samples) -> Pcm:
        gain = min(self._gain, PEAK / max(1e-6, float(np.max(np.abs(samples), initial=0.0))))
        return (samples * (gain * 32767)).astype(np.int16)


def _rms(samples: Samples, size: int) -> Samples:
    """Of each whole stretch of ``size`` samples."""
    stretches = samples[: len(samples) // size * size].reshape(-1, size)
    rms: Samples = np.sqrt(np.mean(np.square(stretches), axis=1))
    return rms


def finished(samples: Samples, rate: int = RATE) -> Pcm:
    """Trimmed and levelled 16-bit samples; none when there is nothing to hear."""
    evener = Evener(rate)
    return np.concatenate([evener.part(samples), evener.rest()])


def limit_processor(seconds: int) -> None:
    """The kernel ends this process when the next request takes more of the processor."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(usage.ru_utime + usage.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


class Halver:
    """Takes half of the samples of a sound, part by part: from 16,000 a second to 8,000.

    A low-pass of 47 taps, flat to 3.4 kHz and 60 dB down from 4.6 kHz; the sound comes out 1.5 ms later.
    """

    _REACH = 23  # taps on either side

    def __init__(self) -> None:
        at = np.arange(-self._REACH, self._REACH + 1)
        taps = np.sinc(at / 2) * np.kaiser(len(at), 5.65)
        self._taps = (taps / taps.sum()).astype(np.float32)
        self._before = np.zeros(2 * self._REACH, np.float32)

    def part(self, pcm: Pcm) -> Pcm:
        """Half as many samples; ``pcm`` has an even number."""
        samples = np.concatenate([self._before, pcm.astype(np.float32)])
        self._before = samples[len(samples) - len(self._before) :]
        halved = np.convolve(samples, self._taps, "valid")[::2][: len(pcm) // 2]
        return np.clip(np.rint(halved), -32768, 32767).astype(np.int16)


class Encoder:
    """Makes the octets of an answer of samples, part by part."""

    def __init__(self, tables: Sequence[Table], rate: int = RATE) -> None:
        self._tables = tables
        self._halver = Halver() if rate == WIDE_RATE else None

    def part(self, pcm: Pcm) -> bytes:
        """In both laws, one after the other, and behind them as it is where the rate is 16,000."""
        if self._halver is None:
            return self._laws(pcm)
        pcm = pcm[: len(pcm) // 2 * 2]
        return self._laws(self._halver.part(pcm)) + pcm.astype("<i2").tobytes()

    def _laws(self, pcm: Pcm) -> bytes:
        return b"".join(table[pcm.view(np.uint16)].tobytes() for table in self._tables)


def answer(
    speak: Speak, tables: Sequence[Table], request: bytes, rate: int = RATE
) -> Iterator[bytes]:
    """The answer to one request, framed, part by part."""
    evener, encoder = Evener(rate), Encoder(tables, rate)
    try:
        sound = speak(request)
        if isinstance(sound, np.ndarray):
            yield framed(DONE, encoder.part(finished(sound, rate)))
            return
        for samples in sound:
            if len(part := evener.part(samples)):
                yield framed(PART, encoder.part(part))
        yield framed(DONE, encoder.part(evener.rest()))
    except Failed as failure:
        yield framed(FAILED, str(failure).encode())


def framed(status: int, payload: bytes) -> bytes:
    """An answer with its head."""
    return struct.pack("!BI", status, len(payload)) + payload


def asked(speak: Callable[[dict[str, Any]], Samples | Iterator[Samples]]) -> Speak:
    """Speaks requests that are JSON objects."""
    return lambda request: speak(json.loads(request))


def serve(
    load: Callable[[int], Speak],
    *,
    cpu_seconds: int = CPU_SECONDS,
    max_request: int = MAX_REQUEST,
) -> None:
    """Serve until standard input ends. ``load`` makes the engine ready to speak at a rate; a request may take
    ``cpu_seconds`` of the processor and have ``max_request`` octets.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    tables = [np.frombuffer(requests.read(TABLE), np.uint8) for _ in range(2)]
    (rate,) = struct.unpack("!I", requests.read(4))
    speak = load(rate)
    answers.write(framed(0, b""))
    answers.flush()
    begun = 0
    going_on: dict[int, Iterator[bytes]] = {}
    while len(head := requests.read(4)) == 4:
        kind, number = divmod(struct.unpack("!I", head)[0], 1 << KIND)
        if kind == DROP:
            going_on.pop(number, None)
            continue
        limit_processor(cpu_seconds)
        if kind == NEW:
            if number > max_request:
                return
            request = requests.read(number)
            begun += 1
            number, going_on[begun] = begun, answer(speak, tables, request, rate)
        part = next(going_on[number])
        if part[0] != PART:
            del going_on[number]
        answers.write(part)
        answers.flush()
