"""The bridge: sends the packets that one leg receives on another leg. Runs in the pacing thread, for each
packet."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from offhook.media import g711, rtp
from offhook.media.playout import PACKET_OCTETS
from offhook.media.python.pacing import TICK_UNITS
from offhook.media.python.received import ReceivedPacket
from offhook.media.python.rtp_sender import RtpSender
from offhook.negotiated import Codec

_MOST_SKIPPED: Final = 100
"""Sequence numbers left out to show a loss; after a larger gap the stream continues without one."""
_MOST_AHEAD: Final = 1600
"""Timestamp units (200 ms) a packet may be ahead of the clock before its timestamps are mapped anew."""
_LATE_FOR: Final = 40
"""Ticks (200 ms) of only late packets after which their timestamps are mapped anew: the path has changed,
or the sender's timestamps do not count its pauses."""


class Relay:
    """Maps one leg's packets into another's stream.

    Payload types are those negotiated with the target, G.711 changes its law where the legs differ,
    telephone events go through where both have them. Losses and reordering stay visible in the
    sequence numbers, so that the far end's reports speak of the whole way. While the target plays
    something of its own, that replaces what is relayed; where silence was sent for a packet that did
    not come in time, the packet is dropped.
    """

    __slots__ = (
        "_event",
        "_event_units",
        "_last",
        "_late_since",
        "_newest_timestamp",
        "_newest_units",
        "_next",
        "_source",
        "_target",
        "_tick_at",
    )

    def __init__(self, target: RtpSender, tick_at: Callable[[float], float]) -> None:
        """``tick_at``: the engine's tick of a monotonic time."""
        self._target = target
        self._tick_at = tick_at
        self._source: int | None = None
        """SSRC of the audio."""
        self._last = 0
        """Sequence number of the newest audio packet relayed, as it came."""
        self._next = -1
        """The target's next sequence number, if nothing else was sent since."""
        self._newest_timestamp = 0
        """RTP timestamp of the newest audio packet relayed, as it came."""
        self._newest_units = 0
        """The same packet's timestamp as it was sent."""
        self._late_since = math.inf
        """Tick of the first of the late packets that came in a row."""
        self._event: tuple[int, int] | None = None
        """SSRC and timestamp of the telephone event that is relayed, as they came."""
        self._event_units = 0
        target.relay_begins()

    def close(self) -> None:
        """Stop relaying."""
        self._target.relay_ends()

    def packet(self, packet: ReceivedPacket) -> None:
        """Pass on a packet."""
        target = self._target
        tick = self._tick_at(packet.arrival)
        if packet.codec is not None:
            # The next packet comes as much later as this one is longer than a usual one.
            longer = max(0, len(packet.payload) - PACKET_OCTETS)
            target.relayed(tick + longer / TICK_UNITS)
            if target.can_send and not target.busy:
                self._audio(packet, packet.codec, tick)
        elif packet.is_event and target.dtmf_payload_type is not None:
            target.relayed(tick)
            if target.can_send and not target.busy:
                self._telephone_event(packet, target.dtmf_payload_type, tick)

    def _audio(self, packet: ReceivedPacket, codec: Codec, tick: float) -> None:
        target = self._target
        payload: bytes | memoryview = packet.payload
        table = g711.transcoder(codec, target.codec)
        if table is not None:
            payload = bytes(payload).translate(table)
        same = packet.ssrc == self._source
        step = rtp.sequence_distance(packet.sequence, self._last) if same else 1
        unbroken = same and target.sequence == self._next
        if step <= 0:
            self._overtaken(packet, payload, step, unbroken)
            return
        units = self._place(packet, tick) if same else None
        joins = units is None
        if units is None:
            units = target.free_units_at(tick)
        elif not target.audio_ended_at(units):
            self._late_since = min(self._late_since, tick)
            return
        self._late_since = math.inf
        self._source, self._last = packet.ssrc, packet.sequence
        self._newest_timestamp, self._newest_units = packet.timestamp, units
        if unbroken and step <= _MOST_SKIPPED:
            target.sequence += step - 1
        marker = rtp.MARKER if packet.marker or joins else 0
        target.send_relayed(target.payload_type | marker, units, payload, tick)
        self._next = target.sequence

    def _overtaken(
        self, packet: ReceivedPacket, payload: bytes | memoryview, step: int, unbroken: bool
    ) -> None:
        """A reordered packet takes the sequence number that was left out for it."""
        if unbroken and step > -_MOST_SKIPPED:
            target = self._target
            units = self._newest_units + rtp.timestamp_distance(
                packet.timestamp, self._newest_timestamp
            )
            number = target.sequence - 1 + step
            target.send(target.payload_type, units, payload, sequence=number)

    def _place(self, packet: ReceivedPacket, tick: float) -> int | None:
        """The packet's timestamp in the target's stream; None: the timestamps must be mapped anew."""
        step = rtp.timestamp_distance(packet.timestamp, self._newest_timestamp)
        units = self._newest_units + step
        if units > self._target.units_at(tick) + _MOST_AHEAD:
            return None
        late = not self._target.audio_ended_at(units)
        if late and (packet.marker or tick - self._late_since >= _LATE_FOR):
            return None
        return units

    def _event_place(self, packet: ReceivedPacket, tick: float) -> int:
        """The timestamp of a press in the target's stream: the current one if the sender does not advance
        its own."""
        step = rtp.timestamp_distance(packet.timestamp, self._newest_timestamp)
        if packet.ssrc == self._source and abs(step) <= _MOST_AHEAD:
            return self._newest_units + step
        return self._target.free_units_at(tick)

    def _telephone_event(self, packet: ReceivedPacket, payload_type: int, tick: float) -> None:
        """Pass on an event packet; one press keeps one timestamp."""
        target = self._target
        event = packet.ssrc, packet.timestamp
        if event != self._event:
            self._event = event
            self._event_units = self._event_place(packet, tick)
        unbroken = target.sequence == self._next
        if packet.ssrc == self._source:
            step = rtp.sequence_distance(packet.sequence, self._last)
            if step <= 0:
                return
            self._last = packet.sequence
            if unbroken and step <= _MOST_SKIPPED:
                target.sequence += step - 1
        second = payload_type | (rtp.MARKER if packet.marker else 0)
        target.send(second, self._event_units, packet.payload)
        if packet.ssrc == self._source or unbroken:
            self._next = target.sequence
