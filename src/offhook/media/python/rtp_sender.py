"""The sending side of one leg in the Python engine; lives in the pacing thread.

Theory of operation. Every 20 ms, or as often as the peer wants packets, :meth:`RtpSender.transmit` sends
one packet of the first of these that there is: a DTMF digit, what plays, what is repeated below (ringback),
silence. Only before the answer nothing may be sent.

In a bridge the packets of the other leg are sent as they arrive, between the ticks (:mod:`.relay`), and
``transmit`` only watches: once 60 ms have passed without one, it fills the time since the last one with
silence, and goes on with a packet each packet time until the next one arrives.

The clock of the RTP timestamps follows the ticks. A relayed packet sets it: from then on a moment's
timestamp is that packet's plus the time since its arrival, so that silence and prompts go on where the
relayed audio ended. No packet begins before the end of the one sent before it. All numbers are kept
unwrapped and are cut to their width when they are sent.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from socket import socket
from typing import Final

from offhook.media import rtp, tones
from offhook.media import telephone_event as dtmf
from offhook.media.playout import (
    SILENCE,
    LoadedSound,
    PlaybackChange,
    PlayQueue,
    QueuedPlayback,
    RepeatedTone,
)
from offhook.media.python.pacing import (
    TICK_UNITS,
    TICKS_PER_PACKET,
    Address,
    OwnTap,
    PlaybackListener,
    listen_no_more,
)
from offhook.negotiated import Codec, NegotiatedMedia
from offhook.random_bits import random_bits

MAX_QUEUED: Final = 1000
"""Playbacks waiting on one leg; one more is refused."""
_MAX_DIGITS_QUEUED: Final = 64
_GAP_PACKETS: Final = 2
"""Packet times between two digits (RFC 4733 leaves it open; telephones need 40 ms)."""
_RELAY_QUIET: Final = 12
"""Ticks (60 ms) without a relayed packet after which silence is sent (``spec/execution.md``, "Media")."""
_RELAY_GONE: Final = 200
"""Ticks (1 s) without a relayed packet after which the background sound is sent again."""
_MOST_FILLED: Final = 5
"""Packets of silence sent at once to fill the time since the last relayed one."""


class RtpSender:
    """RTP towards the peer: one SSRC, a continuous sequence, one clock."""

    __slots__ = (
        "_anchor_tick",
        "_anchor_units",
        "_below",
        "_buffer",
        "_digit_units",
        "_digits",
        "_listener",
        "_next_tick",
        "_next_units",
        "_octets",
        "_relay_tick",
        "_relays",
        "_running",
        "_sendto",
        "_silence",
        "_ticks",
        "can_send",
        "codec",
        "connected",
        "dtmf_payload_type",
        "due",
        "errors",
        "fail",
        "first_sequence",
        "keeps_sending",
        "not_before",
        "octets_sent",
        "own_tap",
        "packets_sent",
        "payload_type",
        "ptime",
        "queue",
        "remote",
        "scheduled",
        "sequence",
        "ssrc",
    )

    def __init__(
        self, sock: socket, listener: PlaybackListener, fail: Callable[[BaseException], None]
    ) -> None:
        """``fail`` is called with an exception of :meth:`transmit`."""
        self._sendto = sock.sendto
        self._listener = listener
        self.fail = fail
        self._digits: deque[list[dtmf.EventPacket | None]] = deque()
        self._digit_units: int | None = None
        self.codec, self.payload_type = Codec.PCMU, 0
        self.dtmf_payload_type: int | None = None
        self.queue = PlayQueue(Codec.PCMU)
        self._use_packets(20)
        self._below: RepeatedTone | None = None
        self.remote: Address | None = None
        self.connected = False
        """Whether offer and answer have settled where to send, and the leg is not over."""
        self.can_send = False
        """False while the peer holds us."""
        self.keeps_sending = False
        """Whether silence is sent when there is nothing else."""
        self._running = False
        """Whether the last packet time brought a packet, so that the next one goes on from it."""
        self._relays = 0
        """The number of legs that are relayed here."""
        self._relay_tick = -math.inf
        """When the last relayed packet arrived."""
        self.scheduled = False
        """Whether the engine calls :meth:`transmit` every packet time."""
        self.due = 0
        """The tick of the next packet, where packets are not of 20 ms."""
        self.not_before = 0
        """The first tick of the talkspurt to come."""
        self.ssrc = random_bits(32)
        self.sequence = self.first_sequence = random_bits(15)
        """Of the next packet. In the lower half: it wraps after the first has arrived (RFC 3711 §3.3.1)."""
        self._anchor_units = self._next_units = random_bits(32)
        self._anchor_tick, self._next_tick = 0.0, -1
        """When the packet after the last one of :meth:`transmit` is due."""
        self.packets_sent = self.octets_sent = self.errors = 0
        """``errors``: packets the system refused to send."""
        self.own_tap: OwnTap | None = None

    def let_go(self) -> None:
        """The leg is over: release its callbacks."""
        self._listener = listen_no_more
        self.fail = listen_no_more
        self.own_tap = None

    @property
    def has_work(self) -> bool:
        """Whether the engine should call :meth:`transmit`."""
        return self.connected and bool(
            self.queue or self._digits or self.keeps_sending or self._below is not None
        )

    @property
    def busy(self) -> bool:
        """Whether a playback or digit replaces the relayed audio."""
        return bool(self.queue or self._digits)

    def configure(self, media: NegotiatedMedia, remote: Address, can_send: bool) -> None:
        """Take over what was negotiated, from the next packet on."""
        self.codec = media.codec
        self.payload_type = media.payload_type
        self.dtmf_payload_type = media.dtmf_payload_type
        if self.dtmf_payload_type is None:
            self._digits.clear()
            self._digit_units = None
        self.remote = remote
        self.connected = True
        self.can_send = can_send
        self._use_packets(media.ptime)

    def _use_packets(self, ptime: int) -> None:
        """Send packets of so many milliseconds."""
        self.ptime, self._ticks, self._octets = ptime, ptime // 5, ptime * 8
        self._buffer = bytearray(rtp.HEADER_SIZE + self._octets)
        self._silence = SILENCE[self.codec][: self._octets]
        self.queue.set_packets(self.codec, self._octets)

    def disconnect(self) -> None:
        """The leg is over: playbacks end as stopped."""
        self.connected = self.can_send = self.keeps_sending = False
        self._below = None
        self.stop(None)

    def new_source(self) -> None:
        """Another SSRC, after a collision (RFC 3550 §8.2)."""
        self.ssrc = random_bits(32)
        self.sequence = self.first_sequence = random_bits(15)
        self._running = False

    def interrupted(self) -> None:
        """Ticks were skipped: the next packet begins a talkspurt."""
        self._running = False

    # The clock.

    def units_at(self, tick: float) -> int:
        """The RTP timestamp, unwrapped, of a tick or of a time between two."""
        return self._anchor_units + int((tick - self._anchor_tick) * TICK_UNITS)

    def free_units_at(self, tick: float) -> int:
        """The timestamp for a packet of audio at that time: not before the end of the last one."""
        return max(self._next_units, self.units_at(tick))

    def audio_ended_at(self, units: int) -> bool:
        """Whether a packet with this timestamp begins after the audio sent so far."""
        return units >= self._next_units

    # Commands.

    def play(self, playback: QueuedPlayback) -> bool:
        """Queue a playback; False when too many wait."""
        if self.queue.waiting >= MAX_QUEUED:
            return False
        self.queue.add(playback)
        return True

    def play_below(self, tone: RepeatedTone | None) -> None:
        """Repeat a sound while there is nothing else to send."""
        self._below = tone

    def stop(self, number: int | None) -> None:
        """Drop one playback, or all."""
        for dropped in self.queue.remove(number):
            self._listener(dropped, PlaybackChange.STOPPED)

    def send_digit(self, digit: str, duration: float) -> None:
        """Queue a digit: as events, or as a tone where the peer knows no events."""
        if self.dtmf_payload_type is None:
            if self.queue.waiting < _MAX_DIGITS_QUEUED:
                tone = LoadedSound(tones.digit_tone(digit, duration))
                self.queue.add(QueuedPlayback(-1, tone, 1, 0))
        elif len(self._digits) < _MAX_DIGITS_QUEUED:
            self._digits.append([*reversed(dtmf.event_packets(digit, duration))])

    # Called by the relay of another leg.

    def relay_begins(self) -> None:
        """Packets of another leg will be sent here as they arrive."""
        self._relays += 1
        self._relay_tick = -math.inf

    def relay_ends(self) -> None:
        """No more packets of the other leg will be sent here."""
        self._relays -= 1

    def relayed(self, tick: float) -> None:
        """Something of the other leg arrived at ``tick``, or would have, were its packet one of 20 ms."""
        self._relay_tick = tick

    def send_relayed(
        self, second: int, units: int, payload: bytes | memoryview, tick: float
    ) -> None:
        """Send the other leg's audio, which arrived at ``tick``; the clock goes on from it."""
        self.send(second, units, payload)
        self._anchor_units, self._anchor_tick = units, tick
        self._next_units = units + len(payload)
        self._next_tick = -1
        self._running = True

    # Every packet time.

    def transmit(self, tick: int) -> bool:
        """Send what is due at ``tick``; False when there is nothing (more) to send."""
        if not self._running and tick < self.not_before:
            return True
        if self._digits:
            self.due = tick + TICKS_PER_PACKET
            return self._transmit_digit(tick)
        self.due = tick + self._ticks
        queue = self.queue
        payload = queue.take()
        if payload is not None:
            self._send_audio(tick, payload)
        if queue.noticed:
            self._tell()
        if payload is not None:
            return True
        return self._transmit_idle(tick)

    def _transmit_idle(self, tick: int) -> bool:
        """No playback: leave the time to relayed packets, or send the background sound or silence."""
        quiet = tick - self._relay_tick
        if self._relays and quiet < _RELAY_QUIET:
            return True
        if self._below is not None:
            if quiet >= _RELAY_GONE:
                self._send_audio(tick, self._below.take(self.codec, self._octets))
                return True
            self._below.restart()
        if self.keeps_sending:
            if self._relays and self._running:
                self._fill(tick)
            self._send_audio(tick, self._silence)
            return True
        self._running = False
        return self._below is not None

    def _fill(self, tick: int) -> None:
        """Send silence for the packet times since the last relayed packet."""
        missing = (self.units_at(tick) - self._next_units) // self._octets
        if missing <= _MOST_FILLED:
            for _ in range(missing):
                self._send_audio(tick - self._ticks * missing, self._silence)

    def _send_audio(self, tick: int, payload: bytes | memoryview) -> None:
        """Send a packet; while the peer holds us only the time passes.

        They begin where the last packet ended, unless more than a packet time has passed since.
        """
        if tick == self._next_tick:
            units = self._next_units  # nearly always: the packet after the last one
        else:
            units = self.units_at(tick)
            if units < self._next_units + (self._octets if self._running else 0):
                units = self._next_units
        self._next_tick = tick + self._ticks
        self._next_units = units + self._octets
        if not self.can_send:
            self._running = False
            return
        second = self.payload_type
        if not self._running:
            self._running = True
            second |= rtp.MARKER
        buffer = self._buffer
        rtp.HEADER.pack_into(
            buffer,
            0,
            rtp.VERSION_2,
            second,
            self.sequence & 0xFFFF,
            units & 0xFFFFFFFF,
            self.ssrc,
        )
        buffer[rtp.HEADER_SIZE :] = payload
        self.sequence += 1
        self.packets_sent += 1
        self.octets_sent += self._octets
        try:
            self._sendto(buffer, self.remote)  # type: ignore[arg-type]
        except OSError:
            self.errors += 1
        if self.own_tap is not None and payload is not self._silence:
            self.own_tap(self.codec, units & 0xFFFFFFFF, payload, tick)

    def _tell(self) -> None:
        """Report playbacks that began or ended with the packet just sent."""
        queue = self.queue
        started, queue.started = queue.started, []
        ended, queue.ended = queue.ended, []
        queue.noticed = False
        for number in started:
            self._listener(number, PlaybackChange.STARTED)
        for number in ended:
            self._listener(number, PlaybackChange.ENDED)

    def _transmit_digit(self, tick: int) -> bool:
        """One packet of the digit being pressed; audio waits meanwhile."""
        packets = self._digits[0]
        if self._digit_units is None:
            self._digit_units = self.free_units_at(tick)
            packets[:0] = [None] * _GAP_PACKETS
        packet = packets.pop()
        if packet is not None and self.can_send and self.dtmf_payload_type is not None:
            second = self.dtmf_payload_type | (rtp.MARKER if packet.marker else 0)
            self.send(second, self._digit_units + packet.timestamp_offset, packet.payload)
        if not packets:
            self._digits.popleft()
            self._digit_units = None
            self._running = False
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
