"""Turns the frames of a recording into sound: leg A on the left, everybody and everything else on the right.

What the peer of leg A says is left; what the peers of the other legs say, and what we play, is right. A
mono recording has the sum of both. Every voice stands in it once, where it was received: a bridge relays it
to the other leg, but gives no frames for that.

The file is read twice: first for the times of all frames, from which :mod:`.placement` finds their places,
then for their sound. Memory holds a few seconds of sound and some octets per packet, whatever the length.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import IO, Final, NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from offhook.media import g711
from offhook.media.tap_frames import BadFrame, TapFrame, TapFrameKind, frames_of
from offhook.recording.container import (
    BadRecording,
    Beginning,
    ChunkKind,
    Ending,
    Seal,
    chunks_of,
)
from offhook.recording.placement import RATE, Arrivals, Join, Placed, places

BLOCK: Final = RATE
"""Samples per block that is written."""
_HELD: Final = 8 * RATE
"""Samples of the mix that may still change: packets are delayed by less."""
_EDGE: Final = 16
"""Samples (2 ms) over which sound begins or ends at a gap, so that it does not click."""
_FADE: Final = 80
"""Samples (10 ms) at the beginning and at the end of the recording."""
LEFT, RIGHT = 0, 1

_BEFORE: Final = int(Join.BEFORE)
_AFTER: Final = int(Join.AFTER)
_BOTH: Final = _BEFORE | _AFTER
_END: Final = TapFrameKind.END

Samples = npt.NDArray[np.float32]


class StreamKey(NamedTuple):
    """One stream of the recording."""

    leg: int
    kind: TapFrameKind
    ssrc: int

    @property
    def channel(self) -> int:
        """Where it is heard."""
        return LEFT if self.leg == 0 and self.kind is TapFrameKind.RECEIVED else RIGHT


class RecordingContents(NamedTuple):
    """What the first reading finds."""

    beginning: Beginning
    length: int
    """Samples from the beginning to the end."""
    complete: bool
    """Whether the recording was ended in order; else a crash cut it off."""
    streams: dict[StreamKey, Placed]


def survey(file: IO[bytes], seal: Seal | None = None) -> RecordingContents:
    """Read the times of all frames. Raises :class:`BadRecording`."""
    file.seek(0)
    chunks = chunks_of(file, seal)
    first = next(chunks, None)
    if first is None or first.kind is not ChunkKind.BEGIN:
        raise BadRecording("the recording holds nothing")
    beginning = _decoded(first.content, Beginning)
    columns: dict[StreamKey, tuple[array[int], array[int], array[int]]] = {}
    ended: int | None = None
    last = 0
    for chunk in chunks:
        if chunk.kind is ChunkKind.END:
            ended = _position(_decoded(chunk.content, Ending).at, beginning)
            continue
        for key, frame in _streams_of(chunk.leg, chunk.content):
            at, samples = _position(frame.at, beginning), len(frame.payload)
            stamps = columns.setdefault(key, (array("q"), array("q"), array("q")))
            for column, value in zip(stamps, (at, frame.timestamp, samples), strict=True):
                column.append(value)
            last = max(last, at + samples)
    streams = {key: places(Arrivals(*stamps)) for key, stamps in columns.items()}
    length = max(0, last if ended is None else ended)
    return RecordingContents(beginning, length, ended is not None, streams)


def mix(
    file: IO[bytes],
    contents: RecordingContents,
    write: Callable[[npt.NDArray[np.int16]], None],
    *,
    channels: int,
    seal: Seal | None = None,
) -> None:
    """Write the sound, in blocks of ``channels`` (1 or 2) columns."""
    file.seek(0)
    console = _MixingConsole(contents.length, write, channels)
    counters = dict.fromkeys(contents.streams, 0)
    for chunk in chunks_of(file, seal):
        if chunk.kind is not ChunkKind.FRAMES:
            continue
        for key, frame in _streams_of(chunk.leg, chunk.content):
            number = counters[key]
            counters[key] = number + 1
            placed = contents.streams[key]
            start, samples = int(placed.starts[number]), int(placed.samples[number])
            sound = _sound(frame, samples, int(placed.joins[number]))
            console.add(key.channel, start, sound)
    console.finish()


class _MixingConsole:
    """Sums the streams of both channels over a window that moves on."""

    def __init__(
        self, length: int, write: Callable[[npt.NDArray[np.int16]], None], channels: int
    ) -> None:
        self._length = length
        self._write = write
        self._channels = channels
        self._begin = 0
        """The sample at which the window begins."""
        self._window = np.zeros((2 * _HELD, 2), np.float32)

    def add(self, channel: int, start: int, sound: Samples) -> None:
        """Add sound; what lies before the window, or outside of the recording, is cut off."""
        end = min(start + len(sound), self._length)
        while end > self._begin + len(self._window):
            self._move()
        first = max(start, self._begin, 0)
        if first < end:
            part = slice(first - self._begin, end - self._begin)
            self._window[part, channel] += sound[first - start : end - start]

    def finish(self) -> None:
        """Write the rest."""
        while self._begin < self._length:
            self._move()

    def _move(self) -> None:
        """Write the first block of the window and move on behind it."""
        count = min(BLOCK, self._length - self._begin)
        block = self._window[:count].copy()
        self._fade(block)
        mixed = block if self._channels == 2 else block.sum(axis=1, keepdims=True)
        self._write(np.clip(np.rint(mixed), -32768, 32767).astype(np.int16))
        self._window[:-BLOCK] = self._window[BLOCK:]
        self._window[-BLOCK:] = 0
        self._begin += count

    def _fade(self, block: Samples) -> None:
        """Let the recording begin and end softly."""
        index = np.arange(self._begin, self._begin + len(block))
        gain = np.clip(np.minimum(index, self._length - 1 - index) / _FADE, 0.0, 1.0)
        block *= gain.astype(np.float32)[:, np.newaxis]


_RISING: Final = np.arange(1, _EDGE + 1, dtype=np.float32) / (_EDGE + 1)


def _sound(frame: TapFrame, samples: int, joins: int) -> Samples:
    """The samples of a frame, ``samples`` long, soft where it does not join another one."""
    pcm = g711.levels(frame.codec, frame.payload)
    if samples != len(pcm) and len(pcm) > 1:
        at = np.linspace(0, len(pcm) - 1, samples)
        pcm = np.interp(at, np.arange(len(pcm)), pcm).astype(np.float32)
    if joins != _BOTH and len(pcm) >= 2 * _EDGE:
        if not joins & _BEFORE:
            pcm[:_EDGE] *= _RISING
        if not joins & _AFTER:
            pcm[-_EDGE:] *= _RISING[::-1]
    return pcm


def _streams_of(leg: int, octets: bytes) -> Iterator[tuple[StreamKey, TapFrame]]:
    """The frames with sound in a chunk, each with its stream."""
    try:
        for frame in frames_of(octets):
            if frame.kind is not _END and frame.payload:
                yield StreamKey(leg, frame.kind, frame.ssrc), frame
    except BadFrame as error:
        raise BadRecording(str(error)) from error


def _position(at: int, beginning: Beginning) -> int:
    """The sample of a monotonic time in microseconds."""
    return round((at - beginning.base) * RATE / 1_000_000)


T = TypeVar("T")


def _decoded(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise BadRecording(f"the recording is damaged: {error}") from error
