"""The play queue of a leg: playbacks are cut into packets without a gap between them. Pure.

Theory of operation. A playback holds its sound in every codec (one octet a sample), so a position in it
means the same moment in each of them, and a codec that changes in the middle of a prompt only changes
the buffer that is read. :meth:`PlayQueue.take` has two ways. The short one slices the octets of a packet out
of the buffer that plays, as long as that buffer holds more than those. The long one assembles a packet at
the beginning or the end of something: of the last octets of one pass, the pause after it, the first
octets of the next pass or playback. A playback that ends inside a packet is followed in the same packet
by the next one, so that two prompts join without a gap.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Final, final

from offhook.media import g711
from offhook.media.engine import Audio, Sound
from offhook.negotiated import LAWS, Codec

PACKET_OCTETS: Final = 160
"""20 ms of G.711: of a packet, unless the peer wants others."""
MOST_PACKET_OCTETS: Final = 480
"""60 ms."""

SILENCE: Final = {
    codec: memoryview(bytes([octet]) * MOST_PACKET_OCTETS) for codec, octet in g711.SILENCE.items()
}
"""The longest packet of silence in each codec."""


class PlaybackChange(Enum):
    """What happened to a playback."""

    STARTED = auto()
    """Its first packet left."""
    ENDED = auto()
    """Its last packet left."""
    STOPPED = auto()
    """It was dropped before its end."""


@final
class LoadedSound(Sound):
    """The octets of a sound in every codec."""

    __slots__ = ("octets",)

    def __init__(self, audio: Audio) -> None:
        """Raises :class:`ValueError` unless every codec is there with the same number of octets."""
        if audio.keys() < set(LAWS) or len({len(octets) for octets in audio.values()}) != 1:
            raise ValueError("a sound has the same number of octets in every codec")
        self.octets = {codec: memoryview(octets) for codec, octets in audio.items()}

    @property
    def samples(self) -> int:
        return len(self.octets[Codec.PCMU])


class QueuedPlayback:
    """A queued sound: ``repetition`` passes with ``pause_octets`` of silence between."""

    __slots__ = ("audio", "number", "passes_left", "pause_octets", "started")

    def __init__(self, number: int, sound: LoadedSound, repetition: int, pause_octets: int) -> None:
        """``number``: below 0 for the engine's own sounds; no events are sent for those."""
        self.number = number
        self.audio = sound.octets
        self.passes_left = repetition if sound.samples else 0
        self.pause_octets = pause_octets
        self.started = False


class RepeatedTone:
    """A sound that repeats without end, with silence between."""

    __slots__ = ("_audio", "_octets", "_pause", "_position")

    def __init__(self, sound: LoadedSound, pause_octets: int) -> None:
        self._audio = sound.octets
        self._octets = sound.samples
        self._pause = pause_octets
        self._position = 0

    def restart(self) -> None:
        """Start again at the beginning of the sound."""
        self._position = 0

    def take(self, codec: Codec, octets: int) -> bytes | memoryview:
        """The next packet."""
        begin, end = self._position, self._position + octets
        self._position = end if end < self._octets + self._pause else 0
        part = self._audio[codec][begin : min(end, self._octets)]
        if len(part) == octets:
            return part
        return bytes(part) + bytes(SILENCE[codec][len(part) : octets])


class PlayQueue:
    """Playbacks in order.

    :meth:`take` gives one packet's octets. The numbers of playbacks that began or ended with it are in
    :attr:`started` and :attr:`ended` until the caller empties them. The last packet of the last
    playback is filled up with silence.
    """

    __slots__ = (
        "_codec",
        "_data",
        "_limit",
        "_octets",
        "_packet_of_silence",
        "_position",
        "_queue",
        "_silence_left",
        "ended",
        "noticed",
        "started",
    )

    def __init__(self, codec: Codec) -> None:
        """``codec``: what packets are made of, until :meth:`set_packets`."""
        self._codec = codec
        self._octets = PACKET_OCTETS
        self._queue: deque[QueuedPlayback] = deque()
        self._data = memoryview(b"")
        self._position = 0
        self._limit = 0
        self._silence_left = 0
        self._packet_of_silence = SILENCE[codec][:PACKET_OCTETS]
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

    def set_packets(self, codec: Codec, octets: int) -> None:
        """Change codec and length from the next packet on; playbacks continue at their positions."""
        self._codec = codec
        self._octets = octets
        self._packet_of_silence = SILENCE[codec][:octets]
        if self._queue:
            self._data = self._queue[0].audio[codec]

    def add(self, playback: QueuedPlayback) -> None:
        """Queue a sound after the ones that play."""
        self._queue.append(playback)
        if len(self._queue) == 1:
            self._begin(playback)

    def take(self) -> memoryview | bytes | None:
        """The octets of the next packet; None when there is nothing to play."""
        end = self._position + self._octets
        if end < self._limit:
            data = self._data[self._position : end]
            self._position = end
            return data
        return self._assemble() if self._queue else None

    def remove(self, number: int | None) -> list[int]:
        """Drop one playback, or all (None); the numbers dropped, in order."""
        dropped = [p for p in self._queue if number is None or p.number == number]
        if dropped:
            first = self._queue[0]
            self._queue = deque(p for p in self._queue if p not in dropped)
            if first in dropped:
                self._advance()
        return [playback.number for playback in dropped if playback.number >= 0]

    def _note(self, numbers: list[int], playback: QueuedPlayback) -> None:
        """Note that a playback began or ended; the engine's own sounds are left out."""
        if playback.number >= 0:
            numbers.append(playback.number)
            self.noticed = True

    def _begin(self, playback: QueuedPlayback) -> None:
        """Move to the beginning of a playback."""
        self._data = playback.audio[self._codec]
        self._position = 0
        # Up to the first packet the slow path must see the playback, to say that it started.
        self._limit = 0
        self._silence_left = 0

    def _advance(self) -> None:
        """Move to the beginning of the playback that is now first in the queue."""
        if self._queue:
            self._begin(self._queue[0])
        else:
            self._data = memoryview(b"")
            self._position = self._limit = self._silence_left = 0

    def _assemble(self) -> memoryview | bytes | None:
        """Build a packet at the beginning or end of a playback or pass, possibly from several parts."""
        parts: list[memoryview] = []
        room = self._octets
        while room and self._queue:
            playback = self._queue[0]
            if not playback.started:
                playback.started = True
                self._note(self.started, playback)
            part = self._next_part(playback, room)
            if part is None:
                self._note(self.ended, playback)
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

    def _next_part(self, playback: QueuedPlayback, room: int) -> memoryview | None:
        """At most ``room`` octets of a pass or of the pause after it; None at the very end."""
        if self._silence_left:
            part = self._packet_of_silence[: min(room, self._silence_left)]
            self._silence_left -= len(part)
            return part
        if not playback.passes_left:
            return None
        self._limit = len(self._data)
        part = self._data[self._position : self._position + room]
        self._position += len(part)
        if self._position >= self._limit:
            playback.passes_left -= 1
            self._position = self._limit = 0
            self._silence_left = playback.pause_octets if playback.passes_left else 0
        return part

    def _end_if_exhausted(self) -> None:
        """End a playback with the packet that has its last octet, not with the next one."""
        while self._queue:
            playback = self._queue[0]
            if not playback.started or playback.passes_left or self._silence_left:
                return
            self._note(self.ended, playback)
            self._queue.popleft()
            self._advance()
