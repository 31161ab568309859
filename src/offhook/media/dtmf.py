"""Keys as RTP telephone events (RFC 4733): recognised once per press, and sent. Pure."""

from __future__ import annotations

import struct
from collections import deque
from typing import Final, NamedTuple

DIGITS: Final = "0123456789*#ABCD"
"""Event codes 0..15 in order (RFC 4733 §3.2)."""

_EVENT: Final = struct.Struct("!BBH")
_END: Final = 0x80
_MAX_DURATION: Final = 0xFFFF
_LONGEST_UPDATE: Final = 3200
"""Timestamp units a segment may stop short of the largest duration: a sender ends it where its
next update would no longer fit."""
_REMEMBERED: Final = 32
"""Presses whose late packets are still recognised."""
_VOLUME: Final = 10
"""-10 dBm0, in the middle of what RFC 4733 §2.3.3 has in mind."""
_ENDS: Final = 3
"""The final packet is sent three times (RFC 4733 §2.5.1.4)."""


class DtmfReceiver:
    """The presses of one source. A press is known by its event timestamp, so it counts once

    however often its packets repeat, arrive late, or are lost as long as one of them comes.
    """

    __slots__ = ("_duration", "_ended", "_event", "_seen", "_timestamp")

    def __init__(self) -> None:
        self._seen: deque[int] = deque(maxlen=_REMEMBERED)
        self._timestamp = 0
        self._event = -1
        self._duration = 0
        self._ended = True

    def packet(self, timestamp: int, payload: bytes | bytearray | memoryview) -> str | None:
        """The key, at the first packet of its press; None for all others and for what is no key."""
        if len(payload) < _EVENT.size:
            return None
        event, flags, duration = _EVENT.unpack_from(payload)
        if event >= len(DIGITS):
            return None
        ended = bool(flags & _END)
        if timestamp in self._seen:
            if timestamp == self._timestamp:
                self._duration = max(self._duration, duration)
                self._ended = self._ended or ended
            return None
        continued = self._continues(timestamp, event)
        self._seen.append(timestamp)
        self._timestamp, self._event = timestamp, event
        self._duration, self._ended = duration, ended
        return None if continued else DIGITS[event]

    def _continues(self, timestamp: int, event: int) -> bool:
        """Whether a new timestamp is the next segment of a key held beyond the largest duration.

        RFC 4733 §2.5.1.3: the segments follow each other without a gap and without an end bit.
        """
        if self._ended or event != self._event:
            return False
        step = (timestamp - self._timestamp) & 0xFFFFFFFF
        return _MAX_DURATION - _LONGEST_UPDATE <= step <= _MAX_DURATION + 1


class EventPacket(NamedTuple):
    """One telephone-event packet to be sent, one per packet time."""

    timestamp_offset: int
    """Added to the RTP timestamp of the beginning of the press."""
    marker: bool
    payload: bytes


def event_packets(
    key: str, duration: float, *, clock_rate: int = 8000, packet_time: float = 0.02
) -> list[EventPacket]:
    """The packets of one press of ``key`` for ``duration`` seconds, the final one three times.

    ``duration`` is clamped to 0.04..30 s. Raises :class:`ValueError` for what is not a key.
    """
    event = DIGITS.find(key.upper()) if len(key) == 1 else -1
    if event < 0:
        raise ValueError(f"not a DTMF digit: {key!r}")
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
