"""DTMF digits as RTP telephone events (RFC 4733): recognised once per press, and sent. Pure.

Theory of operation. One press is many packets: updates that repeat the event with a growing duration,
and an end packet (flag E) that is sent three times. By the RFC all of them carry the timestamp of the
press, so that a timestamp names a press. Some senders differ from that: some let the timestamp creep
with each packet, some move it for the end packets only, some never advance it from one press to the
next. So a press is known by its span and its end instead:

* its span is the stretch of the timestamps from its packets' timestamp to that plus the duration. A
packet of the same event belongs to the press when its timestamp lies in the span, or has advanced exactly
as far as its duration has grown;
* it is over with its end packet. What follows in sequence without flag E is a new press, also of the
  same digit at the same timestamp; so is a first packet (marker bit) with a smaller duration.

Sequence numbers tell what follows from what was overtaken: a packet that is older than the newest one
counts only if it lies in no known span, since then its whole press was overtaken.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Final, NamedTuple

from offhook.media import rtp

DIGITS: Final = "0123456789*#ABCD"
"""Event codes 0..15 in order (RFC 4733 §3.2)."""

_EVENT: Final = struct.Struct("!BBH")
_END: Final = 0x80
_MAX_DURATION: Final = 0xFFFF
_LONGEST_UPDATE: Final = 3200
"""Timestamp units a segment may stop short of the largest duration: a sender ends it where its
next update would no longer fit."""
_REMEMBERED: Final = 32
"""Presses that are remembered, to recognise their late packets."""
_VOLUME: Final = 10
"""-10 dBm0, in the middle of what RFC 4733 §2.3.3 has in mind."""
_END_REPEATS: Final = 480
"""Timestamp units that repeated end packets may creep: three packets of 20 ms."""
_ENDS: Final = 3
"""The final packet is sent three times (RFC 4733 §2.5.1.4)."""


class _Event(NamedTuple):
    """One telephone-event packet."""

    sequence: int
    timestamp: int
    marker: bool
    event: int
    ended: bool
    duration: int


class _Press:
    """The state of one press."""

    __slots__ = ("_duration", "_start", "_timestamp", "ended", "event")

    def __init__(self, first: _Event) -> None:
        self.event = first.event
        self.ended = first.ended
        self._start = first.timestamp
        self._timestamp = first.timestamp
        self._duration = first.duration

    def holds(self, packet: _Event) -> bool:
        """Whether a packet's timestamp lies in the span from the first packet to the end."""
        if packet.event != self.event:
            return False
        since_start = rtp.timestamp_distance(packet.timestamp, self._start)
        since_last = rtp.timestamp_distance(packet.timestamp, self._timestamp)
        return since_start >= 0 and (since_last <= 0 or since_last < self._duration)

    def goes_on_with(self, packet: _Event) -> bool:
        """Whether the next packet in sequence belongs to this press."""
        if packet.event != self.event:
            return False
        if self.ended:
            # Only the end is repeated; the timestamp may have crept on by up to the duration.
            step = rtp.timestamp_distance(packet.timestamp, self._timestamp)
            return packet.ended and 0 <= step <= self._duration
        if packet.marker and packet.duration < self._duration:
            return False
        return self.holds(packet) or self._crept_to(packet) or self._segment_before(packet)

    def add(self, packet: _Event) -> None:
        """Take in a packet of this press."""
        same = packet.timestamp == self._timestamp
        self._timestamp = packet.timestamp
        self._duration = max(self._duration, packet.duration) if same else packet.duration
        self.ended = self.ended or packet.ended

    def _crept_to(self, packet: _Event) -> bool:
        """Whether the timestamp went on by no more than the duration has grown.

        Of the end packets only the timestamp may go on.
        """
        step = rtp.timestamp_distance(packet.timestamp, self._timestamp)
        repeats = _END_REPEATS if packet.ended else 0
        return 0 < step <= packet.duration - self._duration + repeats

    def _segment_before(self, packet: _Event) -> bool:
        """Whether the packet begins the next segment of a digit held beyond the largest duration.

        RFC 4733 §2.5.1.3: the segments follow each other without a gap and without an end bit.
        """
        step = rtp.timestamp_distance(packet.timestamp, self._timestamp)
        return _MAX_DURATION - _LONGEST_UPDATE <= step <= _MAX_DURATION + 1


class DtmfReceiver:
    """The presses of one source (SSRC)."""

    __slots__ = ("_newest", "_presses")

    def __init__(self) -> None:
        self._presses: deque[_Press] = deque(maxlen=_REMEMBERED)
        """The newest last."""
        self._newest: int | None = None
        """Sequence number."""

    def packet(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes | bytearray | memoryview,
        *,
        marker: bool = False,
    ) -> str | None:
        """The digit, at the first packet of its press; None for later packets and for other events."""
        if len(payload) < _EVENT.size:
            return None
        event, flags, duration = _EVENT.unpack_from(payload)
        if event >= len(DIGITS):
            return None
        packet = _Event(sequence, timestamp, marker, event, bool(flags & _END), duration)
        overtaken = self._overtaken(sequence)
        if overtaken and any(press.holds(packet) for press in self._presses):
            return None
        if not overtaken and self._presses and self._presses[-1].goes_on_with(packet):
            self._presses[-1].add(packet)
            return None
        self._presses.append(_Press(packet))
        if overtaken and len(self._presses) > 1:
            # The press that goes on stays the newest.
            self._presses.append(self._presses[-2])
            del self._presses[-3]
        return DIGITS[event]

    def _overtaken(self, sequence: int) -> bool:
        """Whether the packet is older than the newest one."""
        if self._newest is not None:
            step = rtp.sequence_distance(sequence, self._newest)
            if -rtp.MAX_MISORDER <= step <= 0:
                return True
        self._newest = sequence
        return False


class EventPacket(NamedTuple):
    """One telephone-event packet to be sent, one per packet time."""

    timestamp_offset: int
    """Added to the RTP timestamp of the beginning of the press."""
    marker: bool
    payload: bytes


def event_packets(
    digit: str, duration: float, *, clock_rate: int = 8000, packet_time: float = 0.02
) -> list[EventPacket]:
    """The packets of one press of ``digit`` for ``duration`` seconds, the final one three times.

    ``duration`` is clamped to 0.04..30 s. Raises :class:`ValueError` for an invalid digit.
    """
    event = DIGITS.find(digit.upper()) if len(digit) == 1 else -1
    if event < 0:
        raise ValueError(f"not a DTMF digit: {digit!r}")
    step = round(clock_rate * packet_time)
    total = max(2, round(min(max(duration, 0.04), 30.0) / packet_time)) * step
    longest = _MAX_DURATION // step * step
    packets: list[EventPacket] = []
    for at in range(step, total + 1, step):
        segment = (at - 1) // longest * longest
        end = _END if at == total else 0
        payload = _EVENT.pack(event, end | _VOLUME, at - segment)
        packets.append(EventPacket(segment, at == step, payload))
    packets.extend(packets[-1:] * (_ENDS - 1))
    return packets
