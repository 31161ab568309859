"""Makes the frames of recordings with tones, and listens to what comes out."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import IO

import msgspec
import numpy as np
import numpy.typing as npt

from offhook.media import g711
from offhook.media.tap_frames import TapFrameKind, end_frame, frame
from offhook.negotiated import Codec
from offhook.recording.container import Beginning, ChunkKind, ChunkWriter, Ending, Seal
from offhook.recording.mixdown import mix, survey

RATE = 8000
BASE = 50.0
"""Monotonic seconds at which recordings begin."""
LEVEL = 8000
"""Of the tones: their largest sample."""

Sound = npt.NDArray[np.int16]


@functools.cache
def tone(frequency: float, samples: int = 160) -> bytes:
    """PCMU octets of a tone. A packet holds whole waves of a multiple of 50 Hz, so packets join."""
    at = np.arange(samples) / RATE
    pcm = np.rint(LEVEL * np.sin(2 * np.pi * frequency * at)).astype("<i2").tobytes()
    return g711.encode(Codec.PCMU, pcm)


class Tape:
    """The file of a recording, made as a voice process makes it."""

    def __init__(self, seal: Seal | None = None, sub_account_id: str = "acme") -> None:
        self.beginning = Beginning(
            recording_id="0193-rec",
            session_id="0193-ses",
            sub_account_id=sub_account_id,
            started_at=datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC),
            base=int(BASE * 1e6),
        )
        self._seal = seal
        self._packets: list[tuple[float, int, bytes]] = []
        self._ending: Ending | None = None

    def says(
        self,
        leg: int,
        frequency: float,
        begin: float,
        end: float,
        *,
        kind: TapFrameKind = TapFrameKind.RECEIVED,
        ssrc: int = 1,
        delays: Iterable[float] = (),
        lost: frozenset[int] = frozenset(),
        clock: float = 1.0,
    ) -> None:
        """A tone from ``begin`` to ``end`` (seconds of true time) as packets of 20 ms.

        ``delays`` of the network, one per packet; ``clock``: the sender's seconds per true second.
        """
        count = round((end - begin) * clock / 0.02)
        waits = [*delays][:count] + [0.0] * count
        for number in range(count):
            if number not in lost:
                true = begin + number * 0.02 / clock
                stamp = round(begin * RATE) + 160 * number
                octets = tone(frequency)
                at = BASE + true + waits[number]
                made = frame(kind, Codec.PCMU, ssrc, stamp & 0xFFFFFFFF, at, octets)
                self._packets.append((at, leg, made))

    def end(self, at: float) -> None:
        """The recording ends in order."""
        self._packets.append((BASE + at, 0, end_frame(BASE + at)))
        self._ending = Ending(at=int((BASE + at) * 1e6))

    def octets(self) -> bytes:
        """The file's content: chunks of a quarter of a second of each leg."""
        chunks = ChunkWriter(self._seal)
        made = [chunks.head(), chunks.chunk(ChunkKind.BEGIN, msgspec.json.encode(self.beginning))]
        turns: dict[tuple[int, int], list[bytes]] = {}
        for at, leg, octets in sorted(self._packets):
            turns.setdefault((int((at - BASE) / 0.25), leg), []).append(octets)
        for (_, leg), frames in sorted(turns.items()):
            made.append(chunks.chunk(ChunkKind.FRAMES, b"".join(frames), leg=leg))
        if self._ending is not None:
            made.append(chunks.chunk(ChunkKind.END, msgspec.json.encode(self._ending)))
        return b"".join(made)

    @property
    def file(self) -> IO[bytes]:
        """The file."""
        return io.BytesIO(self.octets())


def mixed(recording: Tape | bytes, *, channels: int = 2, seal: Seal | None = None) -> Sound:
    """The sound of a recording, one column per channel."""
    file = io.BytesIO(recording) if isinstance(recording, bytes) else recording.file
    contents = survey(file, seal)
    blocks: list[Sound] = []
    mix(file, contents, blocks.append, channels=channels, seal=seal)
    return np.concatenate(blocks) if blocks else np.zeros((0, channels), np.int16)


def level(sound: Sound, frequency: float) -> float:
    """The amplitude of a frequency in a sound."""
    at = np.arange(len(sound)) / RATE
    wave = np.exp(-2j * np.pi * frequency * at)
    return float(2 * abs(np.mean(sound.astype(np.float64) * wave)))


def heard(sound: Sound, frequency: float, *, window: float = 0.02) -> list[tuple[float, float]]:
    """When a tone is heard: begin and end in seconds, to within 2.5 ms; pauses under 30 ms count as none."""
    step, width = RATE // 400, round(window * RATE)
    padded = np.concatenate([np.zeros(width // 2), sound.astype(np.float64), np.zeros(width)])
    # Whole hertz repeat each second.
    wave = np.resize(np.exp(-2j * np.pi * round(frequency) * np.arange(RATE) / RATE), len(padded))
    sums = np.concatenate([[0], np.cumsum(padded * wave)])
    starts = np.arange(0, len(sound), step)
    loud = 2 * np.abs(sums[starts + width] - sums[starts]) / width > LEVEL / 2
    spans: list[tuple[float, float]] = []
    begin: int | None = None
    for index, is_loud in enumerate([*loud.tolist(), False]):
        if is_loud and begin is None:
            begin = index
        elif not is_loud and begin is not None:
            first, last = begin * step / RATE, index * step / RATE
            if spans and first - spans[-1][1] < 0.03:
                spans[-1] = (spans[-1][0], last)
            else:
                spans.append((first, last))
            begin = None
    return spans
