"""The receiving side of one leg in the Python engine; lives in the pacing thread.

Theory of operation. Two checks are made on each packet: does it come from the peer, and to which of the
peer's streams does it belong?

*Addresses* (``spec/execution.md``, "Media"). Some hosts are named: the one that the SDP signals, with any
port, and those of :class:`~offhook.media.engine.MediaSources`. The first packet from a named host settles
the peer's address, and we send there from then on (symmetric RTP, RFC 4961). Later the address changes in
three cases: packets come from exactly the signalled address; the present stream goes on from elsewhere
(same SSRC, sequence within 100) and the old address has been silent for 200 ms; another SSRC begins on a
named host and the old address has been silent as long. All other packets are dropped and counted, and the
first one is reported to the leg.

*Streams*. Each SSRC has statistics and a DTMF receiver of its own, since some peers send their telephone
events on an SSRC of their own, between the audio packets. The audio comes from one stream at a time.
Another SSRC takes over with its second packet in sequence (RFC 3550 A.1), and the streams that were
silent longest are removed once there are many.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable
from typing import Final

from offhook.media import rtp
from offhook.media.engine import MediaSources
from offhook.media.python.pacing import Address
from offhook.media.python.received import NO_EVENTS, Counts, ReceivedPacket, ReceiverEvents
from offhook.media.telephone_event import DtmfReceiver
from offhook.negotiated import Codec, NegotiatedMedia

MAX_DATAGRAM: Final = 2048
"""Longer datagrams are not media and are dropped."""
_BURST: Final = 8
"""Datagrams read from one leg in one go while they queue up."""
_STALE: Final = 512
"""Datagrams discarded at most when a leg begins to receive."""
_DIGITS_PER_SECOND: Final = 25
"""A digit takes at least 40 ms, so faster ones are not key presses and are ignored."""
_MOST_STREAMS: Final = 8
_MOST_HOSTS: Final = 64
"""Hosts for which the result of the source check is remembered."""
_MOVED_AFTER: Final = 0.2
"""Seconds the old address is silent before the peer is followed to another."""

_SO_TIMESTAMPNS: Final = 35
_HEADER: Final = rtp.HEADER.unpack_from
_TIMESPEC: Final = struct.Struct("@ll")
_ANCILLARY: Final = socket.CMSG_SPACE(_TIMESPEC.size)


class _Stream:
    """One SSRC of the peer."""

    __slots__ = ("dtmf", "heard_at", "statistics")

    def __init__(self, sequence: int) -> None:
        self.statistics = rtp.ReceiverStatistics(sequence)
        self.dtmf = DtmfReceiver()
        self.heard_at = 0.0


def _ask_for_timestamps(sock: socket.socket) -> None:
    """Let the kernel timestamp each datagram, so that jitter is measured independently of the ticks."""
    if sys.platform == "linux":
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        except OSError:
            return


class RtpReceiver:
    """Receives RTP from the peer: source checks, statistics over all streams, DTMF digits and audio."""

    __slots__ = (
        "_admitted",
        "_buffer",
        "_buffers",
        "_candidate",
        "_digit_count",
        "_digit_second",
        "_event_types",
        "_events",
        "_last_pass",
        "_latched",
        "_mux",
        "_receive",
        "_recv",
        "_signalled",
        "_sock",
        "_sources",
        "_streams",
        "_types",
        "audio",
        "control_at",
        "discarded",
        "heard_at",
        "own_ssrc",
        "past",
        "refused",
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
        self._types: dict[int, Codec] = {}
        self._event_types: frozenset[int | None] = frozenset()
        self._receive = False
        self._mux = False
        self._signalled: Address | None = None
        self._sources = MediaSources()
        self._admitted: dict[str, bool] = {}
        self._latched = False
        self._last_pass = -1
        self._candidate: tuple[int, int] | None = None
        self._streams: dict[int, _Stream] = {}
        self._digit_second = 0.0
        self._digit_count = 0
        self.remote: Address | None = None
        self.ssrc: int | None = None
        """Of the stream that brings the audio."""
        self.statistics: rtp.ReceiverStatistics | None = None
        """Of the stream that brings the audio."""
        self.past = Counts(0, 0, 0, 0)
        """Counts of the streams that were removed."""
        self.discarded = 0
        """Datagrams that were not for us, or not RTP."""
        self.refused = 0
        """Of those, RTP from an address that is not the peer's."""
        self.heard_at = 0.0
        """Monotonic seconds of the last RTP packet of the peer."""
        self.control_at = 0.0
        """Of the last valid RTCP packet."""
        self.audio: Callable[[ReceivedPacket], None] | None = None

    def let_go(self) -> None:
        """The leg is over: release its callbacks."""
        self._events = NO_EVENTS
        self.audio = None

    def configure(self, media: NegotiatedMedia, remote: Address, sources: MediaSources) -> None:
        """Take over what was negotiated; after a change of address, the next packets decide anew where to
        send."""
        self._types = dict(media.receive_types)
        types = (media.dtmf_receive_payload_type, media.dtmf_payload_type)
        # Some peers send the payload type of their own description instead of ours.
        self._event_types = frozenset(types) - {None} - self._types.keys()
        self._receive = media.receive
        self._mux = media.rtcp_mux
        self._admitted = {}
        self._sources = sources
        # An unspecified address is hold; the peer stays where it was.
        unspecified = remote[0] in ("0.0.0.0", "::")  # noqa: S104 compared, not bound
        if remote != self._signalled and not (unspecified and self._signalled is not None):
            self._signalled = self.remote = remote
            self._latched = False
            # The first packet from there is accepted, as at the beginning.
            self._candidate = self.ssrc = None

    def discard_waiting(self) -> None:
        """Discard the datagrams that arrived before the leg was connected."""
        try:
            for _ in range(_STALE):
                self._sock.recv(1)
        except OSError:
            return

    def receive(self, pass_number: int, now: float, skew: float) -> None:
        """Read the waiting datagrams: one, or a burst when the last pass found some too.

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
                if size >= rtp.HEADER_SIZE and self.audio is None:
                    first, second, sequence, timestamp, ssrc = _HEADER(self._buffer)
                    if (
                        second & 0x7F in self._types
                        and ssrc == self.ssrc
                        and first == rtp.VERSION_2
                        and address == self.remote
                    ):
                        # The usual packet: plain audio of the known stream, and no listener.
                        self.heard_at = arrival
                        self.statistics.update(sequence, timestamp, arrival)  # type: ignore[union-attr]
                        continue
                self._packet(size, address, arrival)
        except BlockingIOError:
            return
        except OSError:
            self.discarded += 1

    def _packet(self, size: int, address: Address, arrival: float) -> None:
        """Handle the datagram in the buffer."""
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
        codec = self._types.get(payload_type)
        is_event = payload_type in self._event_types
        stream = self._admit(address, ssrc, sequence, arrival, codec is not None, is_event)
        if stream is None:
            self.discarded += 1
            return
        self.heard_at = stream.heard_at = arrival
        outcome = stream.statistics.update(sequence, timestamp, arrival, timed=codec is not None)
        if outcome is not rtp.Arrival.NEW and outcome is not rtp.Arrival.REORDERED:
            return
        marker = second >= rtp.MARKER
        payload = self._buffer[start:end]
        if is_event and self._receive:
            digit = stream.dtmf.packet(sequence, timestamp, payload, marker=marker)
            if digit is not None:
                self._digit(digit, arrival)
        if self.audio is not None and self._receive:
            self.audio(
                ReceivedPacket(marker, codec, is_event, ssrc, sequence, timestamp, arrival, payload)
            )

    def _control(self, size: int, address: Address) -> None:
        if self._mux and address == self.remote:
            self._events.control(self._buffer[:size])
        else:
            self.discarded += 1

    def _digit(self, digit: str, arrival: float) -> None:
        if arrival - self._digit_second >= 1:
            self._digit_second, self._digit_count = arrival, 0
        self._digit_count += 1
        if self._digit_count <= _DIGITS_PER_SECOND:
            self._events.digit(digit, arrival)

    # The source and the stream of a packet.

    def _admit(
        self,
        address: Address,
        ssrc: int,
        sequence: int,
        arrival: float,
        is_audio: bool,
        is_event: bool,
    ) -> _Stream | None:
        """The stream of a packet; None when it is dropped."""
        stream = self._streams.get(ssrc)
        settled = stream is not None and self._latched and address == self.remote
        if not settled and not self._may_send(address, ssrc, sequence, arrival):
            return None
        if stream is None and not is_audio and not is_event:
            return None
        if is_audio and ssrc != self.ssrc and not self._takes_over(ssrc, sequence):
            return None
        self._latch(address)
        return stream if stream is not None else self._open(ssrc, sequence, is_audio, arrival)

    def _may_send(self, address: Address, ssrc: int, sequence: int, arrival: float) -> bool:
        """Whether a packet that comes from a new address, or with a new SSRC, is the peer's."""
        named = self._is_named(str(address[0]))
        if ssrc == self.own_ssrc:
            if named:
                self._events.collision()
            return False
        silent = arrival - self.heard_at >= _MOVED_AFTER
        if not self._latched:
            allowed = named
        elif ssrc == self.ssrc and self.statistics is not None:
            newest = self.statistics.highest_sequence & 0xFFFF
            goes_on = abs(rtp.sequence_distance(sequence, newest)) <= rtp.MAX_MISORDER
            allowed = address == self._signalled or (silent and goes_on)
        else:
            allowed = named and (silent or address in (self.remote, self._signalled))
        if not allowed and not named:
            self.refused += 1
            if self.refused == 1:
                self._events.refused(str(address[0]))
        return allowed

    def _is_named(self, host: str) -> bool:
        """Whether the latest offer and answer, or the trunk, name this host."""
        known = self._admitted.get(host)
        if known is None:
            signalled = self._signalled
            known = (signalled is not None and host == signalled[0]) or self._sources.admit(host)
            if len(self._admitted) < _MOST_HOSTS:
                self._admitted[host] = known
        return known

    def _latch(self, address: Address) -> None:
        """The peer sends from here."""
        if not self._latched or address != self.remote:
            changed = address != self.remote
            self._latched, self.remote = True, address
            if changed:
                self._events.latched(address)

    def _open(self, ssrc: int, sequence: int, is_audio: bool, arrival: float) -> _Stream:
        """A stream for a new SSRC."""
        if len(self._streams) >= _MOST_STREAMS:
            quietest = min(self._streams, key=lambda ssrc: self._streams[ssrc].heard_at)
            self.past = self.past.plus(self._streams.pop(quietest).statistics)
        stream = self._streams[ssrc] = _Stream(sequence)
        stream.heard_at = arrival
        if is_audio or self.ssrc is None:
            self.ssrc, self.statistics = ssrc, stream.statistics
        return stream

    def _takes_over(self, ssrc: int, sequence: int) -> bool:
        """Whether audio with another SSRC is the peer's from now on.

        The first of all at once; a changed one at its second packet in sequence (RFC 3550 A.1).
        """
        if self.ssrc is not None and self._candidate != (ssrc, sequence):
            self._candidate = (ssrc, (sequence + 1) & 0xFFFF)
            return False
        self._candidate = None
        known = self._streams.get(ssrc)
        if known is not None:
            self.ssrc, self.statistics = ssrc, known.statistics
        return True

    @property
    def counts(self) -> Counts:
        """Of all streams."""
        total = self.past
        for stream in list(self._streams.values()):
            total = total.plus(stream.statistics)
        return total
