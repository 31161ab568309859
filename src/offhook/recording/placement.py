"""Places the frames of one stream in true time. Pure.

Theory of operation. A frame says when it arrived, and by its RTP timestamp how far it is from the other
frames of its stream. Arrival is true time plus the delay of the network, which changes from packet to
packet; the timestamps are even, but count by the sender's clock, which is a little fast or slow, and some
senders let them stand still in pauses or jump.

The *offset* of a frame is its arrival minus its timestamp, in samples. Over some seconds the smallest offset
belongs to the packets with the least delay: it moves only with the drift of the clocks, and is taken as the
truth (:func:`_truth`). An offset that rises by more than 200 ms and stays there, or falls by more
than that from one packet to the next, is a sender that counts anew: there a new segment begins.

Packets that follow each other keep following each other, sample by sample. When they are 5 ms off the truth,
each packet is stretched or squeezed by one sample (0.6 %, inaudible) until the difference is gone; after a
gap the next packet simply stands where it belongs.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

RATE: Final = 8000
_JUMP: Final = 1600
"""Samples (200 ms) by which an offset must change for a new segment."""
_STAYS: Final = 50
"""Packets (1 s) that a risen offset must last."""
_WINDOW: Final = 100
"""Packets (2 s) before and after a packet whose smallest offset is the truth for it."""
_TOLERATED: Final = 40
"""Samples (5 ms) off the truth that are left as they are."""
_CLOSE: Final = 4
"""Samples at which a correction is over."""


class Arrivals(NamedTuple):
    """What the places of a stream's frames depend on: one number per frame, in order of arrival."""

    at: Sequence[int]
    """Samples since the beginning of the recording."""
    timestamps: Sequence[int]
    """RTP, 32 bits."""
    samples: Sequence[int]


class Join(IntFlag):
    """Where a frame meets its neighbours without a gap."""

    BEFORE = 1
    AFTER = 2


# As plain numbers: 50 frames a second are counted with them.
_BEFORE: Final = int(Join.BEFORE)
_AFTER: Final = int(Join.AFTER)


class Placed(NamedTuple):
    """Where the frames of a stream stand, in the same order."""

    starts: npt.NDArray[np.int64]
    """The first sample of each."""
    samples: npt.NDArray[np.int32]
    """The length there; another one than its own when a frame is stretched or squeezed."""
    joins: npt.NDArray[np.uint8]
    """:class:`Join`."""


def places(frames: Arrivals) -> Placed:
    """The places of the frames of one stream (one SSRC in one direction)."""
    count = len(frames.at)
    placed = Placed(np.zeros(count, np.int64), np.zeros(count, np.int32), np.zeros(count, np.uint8))
    if count:
        stamps = _unwrapped(frames.timestamps)
        offsets = np.asarray(frames.at, dtype=np.int64) - stamps
        end = -(1 << 62)
        for first, last in _segments(offsets):
            end = _place_segment(_Segment(frames, stamps, offsets, first, last), end, placed)
    return placed


class _Segment(NamedTuple):
    """The frames ``first`` to ``last`` - 1, which count from the same beginning."""

    frames: Arrivals
    stamps: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    first: int
    last: int

    def order(self) -> list[int]:
        """The frames by their timestamps."""
        by_time = np.argsort(self.stamps[self.first : self.last], kind="stable")
        order: list[int] = (self.first + by_time).tolist()
        return order


def _unwrapped(timestamps: Sequence[int]) -> npt.NDArray[np.int64]:
    stamps = np.array(timestamps, dtype=np.int64)
    steps = np.diff(stamps)
    steps = (steps + (1 << 31)) % (1 << 32) - (1 << 31)
    return np.concatenate(([stamps[0]], stamps[0] + np.cumsum(steps)))


def _segments(offsets: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last plus one of each run of frames that count from the same beginning."""
    cuts = [0]
    steps = np.diff(offsets)
    for index in (np.flatnonzero(np.abs(steps) > _JUMP) + 1).tolist():
        if index <= cuts[-1]:
            continue
        before = int(np.min(offsets[max(cuts[-1], index - _STAYS) : index]))
        after = int(np.min(offsets[index : index + _STAYS]))
        if abs(after - before) > _JUMP // 2:
            cuts.append(index)
    return list(zip(cuts, [*cuts[1:], len(offsets)], strict=True))


def _truth(offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The smallest offset around each frame."""
    padded = np.pad(offsets, _WINDOW, mode="edge")
    if len(offsets) <= 2 * _WINDOW:
        return np.full(len(offsets), np.min(offsets))
    # The smallest of each window of 2 n + 1, by doubling: minima of 1, 2, 4 … neighbours.
    width, smallest = 1, padded
    while 2 * width <= 2 * _WINDOW + 1:
        smallest = np.minimum(smallest[:-width], smallest[width:])
        width *= 2
    rest = 2 * _WINDOW + 1 - width
    smallest = np.minimum(smallest[: len(smallest) - rest], smallest[rest:])
    return smallest[: len(offsets)]


def _place_segment(segment: _Segment, not_before: int, placed: Placed) -> int:
    """Place the frames of a segment; returns where the last of them ends."""
    truth = _truth(segment.offsets[segment.first : segment.last]).tolist()
    offset, correcting, end = truth[0], False, not_before
    previous, follows_at = -1, -1
    for index in segment.order():
        stamp, samples = int(segment.stamps[index]), segment.frames.samples[index]
        wanted, length = truth[index - segment.first], samples
        follows = previous >= 0 and stamp == follows_at
        if follows:
            off = wanted - offset
            correcting = abs(off) > (_CLOSE if correcting else _TOLERATED)
            if correcting:
                length += 1 if off > 0 else -1
        else:
            offset, correcting = wanted, False
        start = max(stamp + offset, end)
        if follows and start == end:
            placed.joins[previous] |= _AFTER
            placed.joins[index] |= _BEFORE
        placed.starts[index], placed.samples[index] = start, length
        offset = start - stamp + length - samples
        end = start + length
        previous, follows_at = index, stamp + samples
    return end
