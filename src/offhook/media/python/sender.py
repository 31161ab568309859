"""The sending side of one leg in the Python engine; lives in the pacing thread."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from socket import socket
from typing import Any, Final

from offhook.media import dtmf, g711, rtp
from offhook.media.engine import LegMedia
from offhook.media.playout import PACKET_OCTETS, Playback, PlayQueue

TICK: Final = 0.005
"""Seconds."""
TICKS_PER_PACKET: Final = 4
TICK_UNITS: Final = 40
"""RTP timestamp units of one tick at 8,000 a second."""
MAX_QUEUED: Final = 1000
"""Playbacks waiting on one leg; one more is refused."""
_MAX_DIGITS_QUEUED: Final = 64
_GAP_PACKETS: Final = 2
"""Packet times between two keys (RFC 4733 leaves it open; telephones need 40 ms)."""

Address = tuple[Any, ...]
"""A socket address as the socket module gives it."""

PlaybackListener = Callable[[int, bool, bool], None]
"""Hears a playback's number, whether it ended (or else started), and whether it was stopped."""


class RtpSender:
    """RTP towards the peer: one SSRC, a continuous sequence, timestamps that follow the ticks.

    The timestamp of a packet is that of its tick, so it advances over pauses by wall time and a
    talkspurt may begin on any tick.
    """

    __slots__ = (
        "_buffer",
        "_digit_started",
        "_digits",
        "_listener",
        "_sendto",
        "_talking",
        "can_send",
        "codec",
        "dtmf_payload_type",
        "errors",
        "first_sequence",
        "not_before",
        "octets_sent",
        "packets_sent",
        "payload_type",
        "queue",
        "remote",
        "scheduled",
        "sequence",
        "ssrc",
        "tap",
        "timestamp_base",
    )

    def __init__(self, sock: socket, listener: PlaybackListener) -> None:
        self._sendto = sock.sendto
        self._listener = listener
        self._buffer = bytearray(rtp.HEADER_SIZE + PACKET_OCTETS)
        self._digits: deque[list[dtmf.EventPacket | None]] = deque()
        self._digit_started: int | None = None
        self.dtmf_payload_type: int | None = None
        self.codec = "PCMU"
        self.payload_type = 0
        self._talking = False
        self.queue = PlayQueue(g711.SILENCE["PCMU"])
        self.remote: Address | None = None
        self.can_send = False
        self.scheduled = False
        """Whether the engine calls :meth:`transmit` every packet time."""
        self.not_before = 0
        """The first tick of the talkspurt to come."""
        self.ssrc = secrets.randbits(32)
        self.sequence = self.first_sequence = secrets.randbits(15)
        """Of the next packet; it counts on over wraps and is cut to 16 bits when sent. It starts
        in the lower half, so that no wrap comes before the first packet arrives (RFC 3711 §3.3.1)."""
        self.timestamp_base = secrets.randbits(32)
        self.packets_sent = 0
        self.octets_sent = 0
        self.errors = 0
        """Packets the system refused to send."""
        self.tap: Callable[[int, bytes | memoryview], None] | None = None
        """Hears the timestamp and octets of every audio packet sent."""

    @property
    def has_work(self) -> bool:
        """Whether the engine should call :meth:`transmit`."""
        return self.can_send and bool(self.queue or self._digits)

    def configure(self, media: LegMedia, remote: Address, can_send: bool) -> None:
        """Take over what was negotiated."""
        self.codec = media.codec
        self.payload_type = media.payload_type
        self.dtmf_payload_type = media.dtmf_payload_type
        self.remote = remote
        self.can_send = can_send
        self.queue.set_silence(g711.SILENCE[media.codec])

    def timestamp(self, tick: float) -> int:
        """The RTP timestamp of a tick, or of a time between two."""
        return (self.timestamp_base + int(tick * TICK_UNITS)) & 0xFFFFFFFF

    def new_source(self) -> None:
        """Another SSRC, after a collision (RFC 3550 §8.2)."""
        self.ssrc = secrets.randbits(32)
        self.sequence = self.first_sequence = secrets.randbits(15)
        self._talking = False

    def interrupted(self) -> None:
        """Ticks were skipped: the next packet begins a talkspurt."""
        self._talking = False

    def play(self, playback: Playback) -> bool:
        """Queue a playback; False when too many wait."""
        if self.queue.waiting >= MAX_QUEUED:
            return False
        self.queue.add(playback)
        return True

    def send_digit(self, packets: list[dtmf.EventPacket]) -> None:
        """Queue a key; ignored where telephone-event was not negotiated or too many wait."""
        if self.dtmf_payload_type is not None and len(self._digits) < _MAX_DIGITS_QUEUED:
            self._digits.append([*reversed(packets)])

    def stop(self, number: int | None) -> None:
        """Drop one playback, or all."""
        for dropped in self.queue.remove(number):
            self._listener(dropped, True, True)

    def transmit(self, tick: int) -> bool:
        """Send the packet due at ``tick``; False when there is nothing (more) to send."""
        if not self._talking and tick < self.not_before:
            return True
        if self._digits:
            return self._transmit_digit(tick)
        queue = self.queue
        payload = queue.take()
        if payload is not None:
            second = self.payload_type
            if not self._talking:
                self._talking = True
                second |= rtp.MARKER
            buffer = self._buffer
            timestamp = (self.timestamp_base + tick * TICK_UNITS) & 0xFFFFFFFF
            rtp.HEADER.pack_into(
                buffer,
                0,
                rtp.VERSION_2,
                second,
                self.sequence & 0xFFFF,
                timestamp,
                self.ssrc,
            )
            buffer[rtp.HEADER_SIZE :] = payload
            self.sequence += 1
            self.packets_sent += 1
            self.octets_sent += PACKET_OCTETS
            try:
                self._sendto(buffer, self.remote)  # type: ignore[arg-type]
            except OSError:
                self.errors += 1
            if self.tap is not None:
                self.tap(timestamp, payload)
        if queue.noticed:
            self._tell()
        if payload is None:
            self._talking = False
            return False
        return True

    def _tell(self) -> None:
        """Report playbacks that began or ended with the packet just sent."""
        queue = self.queue
        started, queue.started = queue.started, []
        ended, queue.ended = queue.ended, []
        queue.noticed = False
        for number in started:
            self._listener(number, False, False)
        for number in ended:
            self._listener(number, True, False)

    def _transmit_digit(self, tick: int) -> bool:
        """One packet of the key being pressed; audio waits meanwhile."""
        packets = self._digits[0]
        if self._digit_started is None:
            self._digit_started = tick
            packets[:0] = [None] * _GAP_PACKETS
        packet = packets.pop()
        if packet is not None and self.dtmf_payload_type is not None:
            second = self.dtmf_payload_type | (rtp.MARKER if packet.marker else 0)
            timestamp = self.timestamp(self._digit_started) + packet.timestamp_offset
            self.send(second, timestamp, packet.payload)
        if not packets:
            self._digits.popleft()
            self._digit_started = None
            self._talking = False
        return True

    def send(
        self,
        second: int,
        timestamp: int,
        payload: bytes | memoryview,
        *,
        sequence: int | None = None,
    ) -> None:
        """Send any payload now; ``second`` is the octet of marker and payload type.

        ``sequence`` is an earlier number that was left out; without it the next is used.
        """
        if sequence is None:
            sequence = self.sequence
            self.sequence += 1
        header = rtp.HEADER.pack(
            rtp.VERSION_2, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self.ssrc
        )
        self.packets_sent += 1
        self.octets_sent += len(payload)
        try:
            self._sendto(header + payload, self.remote)  # type: ignore[arg-type]
        except OSError:
            self.errors += 1
