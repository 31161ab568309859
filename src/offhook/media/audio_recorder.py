"""Records the audio that a leg received or sent, in real time. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from offhook.media import g711, rtp
from offhook.negotiated import Codec

_RATE: Final = 8000
_HOLD_BACK: Final = 480
"""Samples (60 ms) for which a gap is kept open for a reordered packet."""
_MOST_PENDING: Final = 4
_MOST_ASTRAY: Final = 1600
"""Samples (200 ms) by which the sender's clock may differ from the arrival times before it is aligned
again."""
_SILENCE: Final = bytes(2 * _RATE)
"""A second of it: gaps are written in pieces of at most this."""


class AudioRecorder:
    """Turns packets into one continuous stream of 16-bit little-endian samples, 8,000 a second.

    Sample ``n`` was heard ``n / 8000`` seconds after the start. Within a talkspurt the RTP
    timestamps place the packets; they are aligned with the arrival time at its beginning, and again when
    the two have drifted apart. So false timestamps cannot make the stream longer than the elapsed time
    plus one packet.
    """

    def __init__(self, sink: Callable[[bytes], None], started: float) -> None:
        """``started``: monotonic seconds of sample 0."""
        self._sink = sink
        self._started = started
        self._written = 0
        self._ssrc: int | None = None
        self._offset: int | None = None
        self._pending: list[tuple[int, bytes, Codec]] = []

    def packet(
        self,
        codec: Codec,
        ssrc: int,
        timestamp: int,
        payload: bytes | memoryview,
        arrival: float,
    ) -> None:
        """Octets of ``codec`` that came at ``arrival``; another source begins a new count."""
        wall = self._position(arrival)
        if ssrc != self._ssrc:
            self._ssrc, self._offset = ssrc, None
        index = self._place(timestamp, wall)
        if index < self._written:
            skip = self._written - index
            payload, index = payload[skip:], self._written
        if not payload:
            return
        if index == self._written and not self._pending:
            self._write(payload, codec)
            return
        self._pending.append((index, bytes(payload), codec))
        self._pending.sort()
        self._settle(wall - _HOLD_BACK)

    def advance(self, now: float) -> None:
        """Write the samples up to ``now`` that cannot change any more, with silence in the gaps."""
        certain = self._position(now) - _HOLD_BACK
        self._settle(certain)
        if not self._pending:
            self._silence_until(certain)

    def finish(self, now: float) -> None:
        """Write all samples up to ``now``."""
        self._settle(1 << 62)
        self._silence_until(self._position(now))

    def _position(self, at: float) -> int:
        return round((at - self._started) * _RATE)

    def _place(self, timestamp: int, wall: int) -> int:
        """The index of a packet's first sample; ``wall`` is where its arrival would put it."""
        if self._offset is not None:
            index = wall + rtp.timestamp_distance(timestamp, (wall + self._offset) & 0xFFFFFFFF)
            if abs(index - wall) <= _MOST_ASTRAY:
                return index
        index = max(wall, self._written)
        self._offset = (timestamp - index) & 0xFFFFFFFF
        return index

    def _settle(self, certain: int) -> None:
        """Write the pending packets that have no gap before them, or a gap that stays empty."""
        while self._pending:
            index, payload, codec = self._pending[0]
            if index > self._written and index > certain and len(self._pending) <= _MOST_PENDING:
                return
            self._pending.pop(0)
            self._silence_until(index)
            self._write(payload[max(0, self._written - index) :], codec)

    def _write(self, payload: bytes | memoryview, codec: Codec) -> None:
        if payload:
            self._written += len(payload)
            self._sink(g711.decode(codec, payload))

    def _silence_until(self, index: int) -> None:
        while self._written < index:
            samples = min(index - self._written, _RATE)
            self._written += samples
            self._sink(_SILENCE[: 2 * samples])
