"""The receiving side of one leg in the Python engine; lives in the pacing thread.

Whose packets count: until the first valid one arrives, anybody's (the signalled address may be
behind a NAT); from then on only that sender's, or those of the signalled address should they turn
up later. All others are counted and dropped.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable
from typing import Final, NamedTuple

from offhook.media import rtp
from offhook.media.dtmf import DtmfReceiver
from offhook.media.engine import LegMedia
from offhook.media.python.sender import Address

MAX_DATAGRAM: Final = 2048
"""Longer ones are no media of ours."""
_BURST: Final = 8
"""Datagrams read from one leg in one go while they queue up."""
_STALE: Final = 512
"""Datagrams thrown away at most when a leg begins to listen."""
_DIGITS_PER_SECOND: Final = 25
"""A key takes at least 40 ms; what comes faster is no finger."""

_SO_TIMESTAMPNS: Final = 35
_HEADER: Final = rtp.HEADER.unpack_from
_TIMESPEC: Final = struct.Struct("@ll")
_ANCILLARY: Final = socket.CMSG_SPACE(_TIMESPEC.size)


class AudioPacket(NamedTuple):
    """Audio or a telephone event for those who listen; ``payload`` is only valid during the call."""

    marker: bool
    is_audio: bool
    is_event: bool
    """A telephone event. With neither set it is something else of the same source."""
    ssrc: int
    sequence: int
    timestamp: int
    arrival: float
    payload: memoryview


class Counts(NamedTuple):
    """Packets of one source or of several."""

    received: int
    expected: int
    lost: int
    late: int

    def plus(self, source: rtp.ReceiverStatistics | None) -> Counts:
        """With those of ``source``."""
        if source is None:
            return self
        return Counts(
            self.received + source.received,
            self.expected + source.expected,
            self.lost + source.lost,
            self.late + source.late,
        )


class ReceiverEvents(NamedTuple):
    """Where a leg hears from its receiving side."""

    latched: Callable[[Address], None]
    """The peer sends from here."""
    digit: Callable[[str, float], None]
    collision: Callable[[], None]
    """The peer uses our SSRC (RFC 3550 §8.2)."""
    control: Callable[[memoryview], None]
    """An RTCP packet on the RTP port (RFC 5761)."""


def _ask_for_timestamps(sock: socket.socket) -> None:
    """Have the kernel note each datagram's arrival, so that ticks do not blur the jitter."""
    if sys.platform == "linux":
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        except OSError:
            return


class RtpReceiver:
    """RTP from the peer: who may send, statistics over all its sources, keys, audio for others."""

    __slots__ = (
        "_buffer",
        "_buffers",
        "_candidate",
        "_digit_count",
        "_digit_second",
        "_dtmf",
        "_events",
        "_last_pass",
        "_latched",
        "_media",
        "_payload_type",
        "_receive",
        "_recv",
        "_signalled",
        "_sock",
        "audio",
        "discarded",
        "heard_at",
        "own_ssrc",
        "past",
        "remote",
        "ssrc",
        "statistics",
    )

    def __init__(
        self, sock: socket.socket, own_ssrc: int, events: ReceiverEvents, buffer: memoryview
    ) -> None:
        """``buffer`` may be that of all legs of a thread: a packet is dealt with before the next."""
        _ask_for_timestamps(sock)
        self._sock = sock
        self._recv = sock.recvmsg_into
        self._events = events
        self._buffer = buffer
        self._buffers = [buffer]
        self.own_ssrc = own_ssrc
        self._media: LegMedia | None = None
        self._payload_type = -1
        self._receive = False
        self._signalled: Address | None = None
        self._latched = False
        self._last_pass = -1
        self._candidate: tuple[int, int] | None = None
        self._dtmf = DtmfReceiver()
        self._digit_second = 0.0
        self._digit_count = 0
        self.remote: Address | None = None
        self.ssrc: int | None = None
        self.statistics: rtp.ReceiverStatistics | None = None
        self.past = Counts(0, 0, 0, 0)
        """Of the sources before the present one."""
        self.discarded = 0
        """Datagrams that were not for us, or not RTP."""
        self.heard_at = 0.0
        """Monotonic seconds of the last valid packet."""
        self.audio: Callable[[AudioPacket], None] | None = None

    def configure(self, media: LegMedia, remote: Address) -> None:
        """Take over what was negotiated; a new address starts from nothing."""
        self._media = media
        self._payload_type = media.payload_type
        self._receive = media.receive
        if remote != self._signalled:
            self._signalled = self.remote = remote
            self._latched = False
            self._candidate = None
            self._retire()

    def discard_waiting(self) -> None:
        """Throw away what arrived before anybody was expected."""
        try:
            for _ in range(_STALE):
                self._sock.recv(1)
        except OSError:
            return

    def receive(self, pass_number: int, now: float, skew: float) -> None:
        """Read what waits: one datagram, or a burst when the last pass found some too.

        ``skew``: real time minus monotonic time, to place the kernel's timestamps.
        """
        reads = _BURST if self._last_pass == pass_number - 1 else 1
        self._last_pass = pass_number
        try:
            for _ in range(reads):
                size, ancillary, flags, address = self._recv(self._buffers, _ANCILLARY)
                if flags:
                    self.discarded += 1
                    continue
                arrival = now
                if ancillary:
                    seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
                    noted = seconds + nanoseconds * 1e-9 - skew
                    if -0.5 < noted - now < 0.001:
                        arrival = noted
                if size >= rtp.HEADER_SIZE:
                    first, second, sequence, timestamp, ssrc = _HEADER(self._buffer)
                    if (
                        second & 0x7F == self._payload_type
                        and ssrc == self.ssrc
                        and first == rtp.VERSION_2
                        and address == self.remote
                        and self.audio is None
                    ):
                        # Nearly every packet: plain audio of the known source nobody listens to.
                        self.heard_at = arrival
                        self.statistics.update(sequence, timestamp, arrival)  # type: ignore[union-attr]
                        continue
                self._packet(size, address, arrival)
        except BlockingIOError:
            return
        except OSError:
            self.discarded += 1

    def _packet(self, size: int, address: Address, arrival: float) -> None:
        """Deal with the datagram in the buffer."""
        if size < rtp.HEADER_SIZE:
            self.discarded += 1
            return
        first, second, sequence, timestamp, ssrc = _HEADER(self._buffer)
        if first == rtp.VERSION_2:
            start, end = rtp.HEADER_SIZE, size
        else:
            span = rtp.payload_span(self._buffer, size)
            if span is None:
                self.discarded += 1
                return
            start, end = span
        if 192 <= second <= 223:
            self._control(size, address)
            return
        payload_type = second & 0x7F
        if (address != self.remote or not self._latched) and not self._admit(address, payload_type):
            self.discarded += 1
            return
        if ssrc != self.ssrc and not self._believe(ssrc, sequence):
            self.discarded += 1
            return
        statistics = self.statistics
        assert statistics is not None
        self.heard_at = arrival
        is_audio = payload_type == self._payload_type
        outcome = statistics.update(sequence, timestamp, arrival, timed=is_audio)
        if outcome is rtp.Arrival.NEW or outcome is rtp.Arrival.REORDERED:
            is_event = not is_audio and self._is_event(payload_type)
            if is_event:
                self._event(timestamp, start, end, arrival)
            if self.audio is not None and self._receive:
                self.audio(
                    AudioPacket(
                        second >= rtp.MARKER,
                        is_audio,
                        is_event,
                        ssrc,
                        sequence,
                        timestamp,
                        arrival,
                        self._buffer[start:end],
                    )
                )

    def _control(self, size: int, address: Address) -> None:
        if self._media is not None and self._media.rtcp_mux and address == self.remote:
            self._events.control(self._buffer[:size])
        else:
            self.discarded += 1

    def _is_event(self, payload_type: int) -> bool:
        """Whether it is the telephone-event type we offered (or the peer's own: some send that)."""
        media = self._media
        return media is not None and payload_type in (
            media.dtmf_receive_payload_type,
            media.dtmf_payload_type,
        )

    def _event(self, timestamp: int, start: int, end: int, arrival: float) -> None:
        digit = self._dtmf.packet(timestamp, self._buffer[start:end])
        if digit is None or not self._receive:
            return
        if arrival - self._digit_second >= 1:
            self._digit_second, self._digit_count = arrival, 0
        self._digit_count += 1
        if self._digit_count <= _DIGITS_PER_SECOND:
            self._events.digit(digit, arrival)

    def _admit(self, address: Address, payload_type: int) -> bool:
        """Whether packets from here are the peer's; the first one decides."""
        if address == self._signalled or not self._latched:
            if payload_type != self._payload_type and not self._is_event(payload_type):
                return False
            self._latched = True
            if address != self.remote:
                self.remote = address
                self._retire()
                self._events.latched(address)
            return True
        return False

    def _believe(self, ssrc: int, sequence: int) -> bool:
        """Whether a packet with another SSRC opens a new source.

        The first of all at once; a changed one at its second packet in sequence (RFC 3550 A.1).
        """
        if ssrc == self.own_ssrc:
            self._events.collision()
            return False
        if self.ssrc is not None and self._candidate != (ssrc, sequence):
            self._candidate = (ssrc, (sequence + 1) & 0xFFFF)
            return False
        self._retire()
        self.ssrc = ssrc
        self.statistics = rtp.ReceiverStatistics(sequence)
        self._dtmf = DtmfReceiver()
        return True

    def _retire(self) -> None:
        """The present source, if any, is over; what it counted stays."""
        self.past = self.past.plus(self.statistics)
        self.ssrc = self.statistics = self._candidate = None

    @property
    def counts(self) -> Counts:
        """Of all sources."""
        return self.past.plus(self.statistics)
