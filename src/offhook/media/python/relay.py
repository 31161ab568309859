"""What one leg hears, said on another: the bridge. In the pacing thread, as each packet arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from offhook.media import g711, rtp
from offhook.media.python.receiver import AudioPacket
from offhook.media.python.sender import RtpSender

_MOST_SKIPPED: Final = 100
"""Sequence numbers left out to pass a loss on; after more the stream is joined together."""


class Relay:
    """Maps one leg's packets into another's stream.

    Payload types are those negotiated with the target, G.711 changes its law where the legs differ,
    telephone events go through where both have them. Losses and reordering stay visible in the
    sequence numbers, so that the far end's reports speak of the whole way. While the target plays
    something of its own, that replaces what is relayed.
    """

    __slots__ = ("_last", "_next", "_source", "_target", "_tick_at", "_timestamp_offset")

    def __init__(self, target: RtpSender, tick_at: Callable[[float], float]) -> None:
        """``tick_at``: the engine's tick of a monotonic time."""
        self._target = target
        self._tick_at = tick_at
        self._source: int | None = None
        self._last = 0
        """Sequence number of the newest packet relayed, as it came."""
        self._next = -1
        """The target's next sequence number, if nothing else was sent since."""
        self._timestamp_offset = 0

    def packet(self, packet: AudioPacket, codec: str) -> None:
        """Pass on a packet of a leg that speaks ``codec``."""
        target = self._target
        if not target.can_send or target.scheduled:
            return
        payload: bytes | memoryview = packet.payload
        if packet.is_audio:
            payload_type = target.payload_type
            table = g711.transcoder(codec, target.codec)
            if table is not None:
                payload = bytes(payload).translate(table)
        elif packet.is_event and target.dtmf_payload_type is not None:
            payload_type = target.dtmf_payload_type
        else:
            return
        step = rtp.sequence_distance(packet.sequence, self._last)
        joins = self._joins(packet, step)
        if joins:
            step = 1
        second = payload_type | (rtp.MARKER if packet.marker or joins else 0)
        timestamp = (packet.timestamp + self._timestamp_offset) & 0xFFFFFFFF
        if step > 0:
            self._last = packet.sequence
            target.sequence += step - 1
            target.send(second, timestamp, payload)
        else:
            # Overtaken: it takes the number left out for it.
            target.send(second, timestamp, payload, sequence=target.sequence - 1 + step)
        self._next = target.sequence
        if packet.is_audio and target.tap is not None:
            target.tap(timestamp, payload)

    def _joins(self, packet: AudioPacket, step: int) -> bool:
        """Whether the packet begins anew in the target's stream; sets the mapping if so."""
        target = self._target
        if (
            packet.ssrc == self._source
            and target.sequence == self._next
            and -_MOST_SKIPPED < step <= _MOST_SKIPPED
        ):
            return False
        self._source = packet.ssrc
        here = target.timestamp(self._tick_at(packet.arrival))
        self._timestamp_offset = (here - packet.timestamp) & 0xFFFFFFFF
        return True
