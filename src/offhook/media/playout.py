"""What a leg has to say: a queue of playbacks cut into packets, without a gap between them. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

PACKET_OCTETS: Final = 160
"""20 ms of G.711."""


class Playback:
    """Octets on their way out: ``repetition`` passes with ``pause_octets`` of silence between."""

    __slots__ = ("number", "passes_left", "pause_octets", "samples", "started")

    def __init__(
        self, number: int, samples: bytes | memoryview, repetition: int, pause_octets: int
    ) -> None:
        self.number = number
        self.samples = memoryview(samples)
        self.passes_left = repetition if samples else 0
        self.pause_octets = pause_octets
        self.started = False


class PlayQueue:
    """Playbacks in order. :meth:`take` gives one packet's octets; the numbers of playbacks that

    began or ended with it are in :attr:`started` and :attr:`ended` until the caller empties them.
    A playback that ends inside a packet is followed in the same packet by the next one; with none
    behind it, the packet is filled up with silence.
    """

    __slots__ = (
        "_data",
        "_limit",
        "_packet_of_silence",
        "_position",
        "_queue",
        "_silence_left",
        "ended",
        "noticed",
        "started",
    )

    def __init__(self, silence: int) -> None:
        """``silence``: the codec's octet for a sample of zero."""
        self._queue: deque[Playback] = deque()
        self._data = memoryview(b"")
        self._position = 0
        self._limit = 0
        self._silence_left = 0
        self._packet_of_silence = memoryview(bytes([silence]) * PACKET_OCTETS)
        self.started: list[int] = []
        self.ended: list[int] = []
        self.noticed = False
        """Whether :attr:`started` or :attr:`ended` may hold something."""

    def __bool__(self) -> bool:
        return bool(self._queue)

    @property
    def waiting(self) -> int:
        """Playbacks not ended."""
        return len(self._queue)

    def set_silence(self, silence: int) -> None:
        """The codec changed."""
        self._packet_of_silence = memoryview(bytes([silence]) * PACKET_OCTETS)

    def add(self, playback: Playback) -> None:
        """Queue behind what plays."""
        self._queue.append(playback)
        if len(self._queue) == 1:
            self._begin(playback)

    def take(self) -> memoryview | bytes | None:
        """The next 160 octets; None when there is nothing to play."""
        end = self._position + PACKET_OCTETS
        if end < self._limit:
            data = self._data[self._position : end]
            self._position = end
            return data
        return self._assemble() if self._queue else None

    def remove(self, number: int | None) -> list[int]:
        """Drop one playback, or all (None); the numbers dropped, in order."""
        dropped = [p.number for p in self._queue if number is None or p.number == number]
        if dropped:
            first = self._queue[0].number
            self._queue = deque(p for p in self._queue if p.number not in dropped)
            if first in dropped:
                self._advance()
        return dropped

    def _begin(self, playback: Playback) -> None:
        """Stand at the beginning of a playback."""
        self._data = playback.samples
        self._position = 0
        # Up to the first packet the slow path must see the playback, to say that it started.
        self._limit = 0
        self._silence_left = 0

    def _advance(self) -> None:
        """Stand at the beginning of whatever is first in the queue now."""
        if self._queue:
            self._begin(self._queue[0])
        else:
            self._data = memoryview(b"")
            self._position = self._limit = self._silence_left = 0

    def _assemble(self) -> memoryview | bytes | None:
        """A packet at the beginning or end of something, perhaps of several parts."""
        parts: list[memoryview] = []
        room = PACKET_OCTETS
        while room and self._queue:
            playback = self._queue[0]
            if not playback.started:
                playback.started = True
                self.started.append(playback.number)
                self.noticed = True
            part = self._next_part(playback, room)
            if part is None:
                self.ended.append(playback.number)
                self.noticed = True
                self._queue.popleft()
                self._advance()
            else:
                parts.append(part)
                room -= len(part)
        self._end_if_exhausted()
        if not parts:
            return None
        if room:
            parts.append(self._packet_of_silence[:room])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _next_part(self, playback: Playback, room: int) -> memoryview | None:
        """At most ``room`` octets of a pass or of the pause after it; None at the very end."""
        if self._silence_left:
            part = self._packet_of_silence[: min(room, self._silence_left)]
            self._silence_left -= len(part)
            return part
        if not playback.passes_left:
            return None
        self._limit = len(playback.samples)
        part = playback.samples[self._position : self._position + room]
        self._position += len(part)
        if self._position >= self._limit:
            playback.passes_left -= 1
            self._position = self._limit = 0
            self._silence_left = playback.pause_octets if playback.passes_left else 0
        return part

    def _end_if_exhausted(self) -> None:
        """A playback whose last octet is in this packet ends with it, not with the next."""
        while self._queue:
            playback = self._queue[0]
            if not playback.started or playback.passes_left or self._silence_left:
                return
            self.ended.append(playback.number)
            self.noticed = True
            self._queue.popleft()
            self._advance()
