"""Decodes one audio file of a stranger: standard input to standard output, then ends.

A process per file: what a hostile file does to the decoder, it does to a process that holds nothing
else, under limits of memory and processor time. The answer is one octet and the rest: 0 and samples
(8 kHz mono s16le), or 1 and a sentence in UTF-8 that says what is wrong with the file.
"""

from __future__ import annotations

import contextlib
import io
import resource
import signal
import sys

import numpy as np
import soundfile
import soxr

RATE = 8000
LONGEST = 1800  # seconds of sound
CPU_SECONDS = 10
MEMORY = 512 << 20
MAX_FILE = 8 << 20
FORMATS = ("WAV", "WAVEX", "RF64", "MP3")
RATES = range(1_000, 768_001)
MAX_CHANNELS = 64
BLOCK = 16_384  # frames


class Unusable(Exception):
    """The file cannot be played; the text says why."""


class OneWay(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file read from front to back.

    ``SoundFile.read`` seeks to where it already is after every block; an mp3 decoder forgets then
    what it carried over, and the sound breaks at every seam.
    """

    def seekable(self) -> bool:
        """Do not seek."""
        return False


def decode(data: bytes) -> bytes:
    """The file's sound, down-mixed and resampled. Raises :class:`Unusable`."""
    try:
        with OneWay(io.BytesIO(data)) as file:
            check(file.format, file.samplerate, file.channels)
            return resampled(file)
    except soundfile.LibsndfileError as error:
        raise Unusable("not a wav or mp3 file, or a broken one") from error


def check(format_: str, rate: int, channels: int) -> None:
    """Whether a file that says this of itself is worth decoding. Raises :class:`Unusable`."""
    if format_ not in FORMATS:
        raise Unusable(f"the file is {format_}, not wav or mp3")
    if rate not in RATES:
        raise Unusable(f"a sample rate of {rate} Hz cannot be played")
    if not 1 <= channels <= MAX_CHANNELS:
        raise Unusable(f"{channels} channels cannot be played")


def resampled(file: soundfile.SoundFile) -> bytes:
    """All of ``file``, block by block: what it claims of its own length is not believed."""
    stream = soxr.ResampleStream(file.samplerate, RATE, 1, dtype="float32")
    sound = bytearray()
    while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
        mono = np.nan_to_num(block.mean(axis=1), posinf=1.0, neginf=-1.0)
        sound += as_pcm(stream.resample_chunk(mono))
        if len(sound) > LONGEST * RATE * 2:
            raise Unusable(f"the file is longer than {LONGEST} s")
    sound += as_pcm(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    if not sound:
        raise Unusable("the file holds no sound")
    return bytes(sound)


def as_pcm(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    """Samples of -1..1 as s16le, clipped."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()


def limit_resources() -> None:
    """What a decoder may take; the kernel refuses or ends what wants more."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing a file then fails like any other call
    limits = (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    )
    for which, value in limits:
        with contextlib.suppress(ValueError, OSError):  # not every system has every limit
            resource.setrlimit(which, (value, value))


def main() -> None:
    """Answer for the one file."""
    limit_resources()
    try:
        answer = b"\0" + decode(sys.stdin.buffer.read(MAX_FILE))
    except (Unusable, MemoryError) as error:
        answer = b"\1" + (str(error) or "it takes too much memory to decode").encode()
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
