"""Decodes one audio file of a customer, then ends: ``decode_worker.py OUTPUT-DESCRIPTOR ENCODING``.

A process per file: a hostile file that takes over the decoder gets only a process without other data or
rights (:mod:`.confined`). The file is standard input. The sound is written to the
descriptor OUTPUT-DESCRIPTOR: all µ-law samples, then all A-law samples, 8,000 of each a second. Standard
output gets one line of JSON: ``{"samples": N, "remark": "…"}``, or ``{"problem": "…"}``.

ENCODING is the ``Content-Encoding`` the file came with, or empty.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Final

import miniaudio
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from offhook.media import g711
from offhook.media.audio import SAMPLE_RATE
from offhook.negotiated import Codec
from offhook.net.inflate import inflated
from offhook.speech import mp3, wav

LONGEST: Final = 600.0
"""Seconds of sound (``spec/execution.md``, playFile)."""
SLACK: Final = 0.2
"""Seconds that encoders may add to ten minutes: one or two frames of delay and padding."""
MAX_FILE: Final = 5120 * 1024
RATES: Final = range(1_000, 768_001)
MAX_CHANNELS: Final = 64
BLOCK: Final = 16_384  # frames
WORTH_A_REMARK: Final = 0.1
"""Seconds that may be missing at the end without a remark."""

Block = npt.NDArray[np.float32]


class UnusableFile(Exception):
    """The file cannot be played; the text says why."""


class OneWay(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file read from front to back, without a seek after every block."""

    def seekable(self) -> bool:
        """Do not seek."""
        return False


class Telephone:
    """Converts blocks of any sample rate to G.711 in both laws, ten minutes at the most."""

    def __init__(self) -> None:
        self.ulaw = bytearray()
        self.alaw = bytearray()

    def take(self, rate: int, blocks: Iterator[Block]) -> None:
        """Resample and encode all of ``blocks``. Raises :class:`UnusableFile` past the limit."""
        stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        for block in blocks:
            self._keep(stream.resample_chunk(np.nan_to_num(block, posinf=1.0, neginf=-1.0)))
        self._keep(stream.resample_chunk(np.zeros(0, np.float32), last=True))

    def _keep(self, samples: Block) -> None:
        pcm = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()
        self.ulaw += g711.encode(Codec.PCMU, pcm)
        self.alaw += g711.encode(Codec.PCMA, pcm)
        refuse_long(len(self.ulaw) / SAMPLE_RATE)


def refuse_long(seconds: float) -> None:
    """Raises :class:`UnusableFile` for more than ten minutes."""
    if seconds > LONGEST + SLACK:
        raise UnusableFile(f"the file is longer than {LONGEST:g} s")


def decode(data: bytes) -> tuple[Telephone, str]:
    """The file's sound, and a remark for the session's record. Raises :class:`UnusableFile`."""
    sound = Telephone()
    data = without_id3(data)
    if wav.is_wav(data):
        missing = decode_wav(data, sound)
    elif data[:4] == b"RIFX":
        missing = decode_with_libsndfile(data, sound)
    elif not is_something_else(data) and mp3.is_mpeg(data):
        missing = decode_mpeg(data, sound)
    else:
        raise UnusableFile("not a wav or mp3 file, or a broken one")
    if not sound.ulaw:
        raise UnusableFile("the file holds no sound")
    if missing < WORTH_A_REMARK:
        return sound, ""
    there = len(sound.ulaw) / SAMPLE_RATE
    return sound, f"the file ends early: {there:.1f} of {there + missing:.1f} s are there"


def without_id3(data: bytes) -> bytes:
    """The file behind its ID3v2 tags, which stand before WAV files too."""
    position = 0
    while data.startswith(b"ID3", position) and (size := mp3.tag_size(data, position)):
        position += size
    return data[position:]


def is_something_else(data: bytes) -> bool:
    """Whether the file begins like another known kind: such a file may contain data that looks like
    frames."""
    starts: tuple[bytes, ...] = (
        b"OggS",
        b"fLaC",
        b"FORM",
        b"caff",
        b"#!AMR",
        b"riff",
        b"\x1aE\xdf\xa3",
        b"RIFF",
    )
    starts += (b".snd", b"MThd", b"0&\xb2u", b"PK\x03\x04", b"%PDF", b"\x89PNG", b"GIF8")
    return data.startswith(starts) or data[4:8] == b"ftyp"


def decode_mpeg(data: bytes, sound: Telephone) -> float:
    """Decode MPEG audio; returns seconds that are missing. Raises :class:`UnusableFile`."""
    parts = mp3.parts(data)
    refuse_long(sum(part.samples / part.rate for part in parts))
    broken = 0
    for part in parts:
        try:
            sound.take(part.rate, mpeg_blocks(part))
        except miniaudio.MiniaudioError:
            broken += 1  # frames by their headers, and not one by their content
    if broken == len(parts):
        raise UnusableFile("the mp3 file is broken")
    return parts[-1].missing if parts else 0.0


def mpeg_blocks(part: mp3.Part) -> Iterator[Block]:
    """The sound of one part, without its delay and padding. Raises :class:`miniaudio.DecodeError`."""
    stream = miniaudio.stream_memory(
        part.octets,
        output_format=miniaudio.SampleFormat.FLOAT32,
        nchannels=part.channels,
        sample_rate=part.rate,
        frames_to_read=BLOCK,
    )
    skip, keep = part.skip, part.samples
    for piece in stream:
        block = np.frombuffer(piece, np.float32).reshape(-1, part.channels).mean(axis=1)
        skipped = min(skip, len(block))
        block = block[skipped : skipped + keep]
        skip -= skipped
        keep -= len(block)
        yield block


def decode_wav(data: bytes, sound: Telephone) -> float:
    """Decode a WAV file; returns seconds that are missing. Raises :class:`UnusableFile`."""
    try:
        file = wav.read(data)
    except wav.Unreadable as error:
        raise UnusableFile(str(error)) from error
    if file.is_mpeg:
        return max(decode_mpeg(file.data, sound), file.seconds_missing)
    decode_with_libsndfile(file.rebuilt(), sound)
    return file.seconds_missing


def decode_with_libsndfile(data: bytes, sound: Telephone) -> float:
    """Decode a file with a correct header. Raises :class:`UnusableFile`."""
    try:
        with OneWay(io.BytesIO(data)) as file:
            if file.samplerate not in RATES:
                raise UnusableFile(f"a sample rate of {file.samplerate} Hz cannot be played")
            if not 1 <= file.channels <= MAX_CHANNELS:
                raise UnusableFile(f"{file.channels} channels cannot be played")
            sound.take(file.samplerate, file_blocks(file))
    except soundfile.LibsndfileError as error:
        raise UnusableFile("not a wav or mp3 file, or a broken one") from error
    return 0.0


def file_blocks(file: soundfile.SoundFile) -> Iterator[Block]:
    """All of ``file``, down-mixed; the length in its header is ignored."""
    while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
        yield block.mean(axis=1)


def main() -> None:
    """Decode the one file and write the answer."""
    output, encoding = int(sys.argv[1]), sys.argv[2]
    answer: dict[str, object]
    try:
        data = sys.stdin.buffer.read(MAX_FILE + 1)
        if encoding:
            data = inflated(data, encoding, MAX_FILE)
        if len(data) > MAX_FILE:
            raise UnusableFile(f"the file is longer than {MAX_FILE} bytes")
        sound, remark = decode(data)
        with open(output, "wb", closefd=False) as file:
            file.write(sound.ulaw)
            file.write(sound.alaw)
        answer = {"samples": len(sound.ulaw), "remark": remark}
    except UnusableFile as error:
        answer = {"problem": str(error)}
    except MemoryError:
        answer = {"problem": "it takes too much memory to decode"}
    print(json.dumps(answer), flush=True)
    os._exit(0)  # skips the clean-up code of libraries that have read a hostile file


if __name__ == "__main__":
    main()
