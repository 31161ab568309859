"""RTP (RFC 3550): the header, sequence arithmetic, and what a receiver learns from a stream. Pure."""

from __future__ import annotations

import struct
from enum import Enum
from typing import Final, NamedTuple

HEADER: Final = struct.Struct("!BBHII")
"""Version and flags, marker and payload type, sequence number, timestamp, SSRC (RFC 3550 §5.1)."""
HEADER_SIZE: Final = HEADER.size
VERSION_2: Final = 0x80
MARKER: Final = 0x80

MAX_DROPOUT: Final = 3000
"""A jump forward below this is loss, not a restart (RFC 3550 A.1)."""
MAX_MISORDER: Final = 100
"""A packet older than the newest by at most this is late, not a restart (RFC 3550 A.1)."""
MIN_SEQUENTIAL: Final = 2
"""Packets in sequence before a new source is believed (RFC 3550 A.1)."""
LATE_AFTER: Final = 0.060
"""Seconds behind the quickest packets after which a packet misses a 60 ms buffer
(``spec/execution.md``, "Call quality")."""

_HISTORY_MASK: Final = (1 << (MAX_MISORDER + 1)) - 1
_DRIFT: Final = 2e-4
"""Clocks may drift apart by 200 ppm without their packets turning late."""
_LATE_IN_A_ROW: Final = 25
"""After half a second of only late packets the path has changed: a buffer starts anew."""


class RtpPacket(NamedTuple):
    """A parsed packet; ``payload`` has no padding and is a view into the datagram."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: memoryview


def build(
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes | memoryview,
    marker: bool = False,
) -> bytes:
    """One packet without CSRCs, extension or padding; numbers are taken modulo their width."""
    second = (payload_type & 0x7F) | (MARKER if marker else 0)
    header = HEADER.pack(
        VERSION_2, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc & 0xFFFFFFFF
    )
    return header + bytes(payload)


def payload_span(packet: bytes | bytearray | memoryview, size: int) -> tuple[int, int] | None:
    """Where the payload of ``packet[:size]`` begins and ends; None when it is no RTP packet.

    Steps over CSRCs and a header extension and takes padding off (RFC 3550 §5.1, §5.3.1).
    """
    if size < HEADER_SIZE:
        return None
    first = packet[0]
    if first & 0xC0 != VERSION_2:
        return None
    start = HEADER_SIZE + 4 * (first & 0x0F)
    if first & 0x10:
        if start + 4 > size:
            return None
        start += 4 + 4 * ((packet[start + 2] << 8) | packet[start + 3])
    end = size
    if first & 0x20:
        padding = packet[size - 1]
        if not padding:
            return None
        end -= padding
    return (start, end) if start <= end else None


def parse(datagram: bytes | bytearray | memoryview) -> RtpPacket | None:
    """The packet in a datagram; None when it is not valid RTP version 2."""
    view = memoryview(datagram)
    span = payload_span(view, len(view))
    if span is None:
        return None
    _, second, sequence, timestamp, ssrc = HEADER.unpack_from(view)
    return RtpPacket(
        second & 0x7F, bool(second & MARKER), sequence, timestamp, ssrc, view[span[0] : span[1]]
    )


def sequence_distance(newer: int, older: int) -> int:
    """``newer - older`` of 16-bit sequence numbers across the wrap: -32768..32767."""
    return ((newer - older + 0x8000) & 0xFFFF) - 0x8000


def timestamp_distance(newer: int, older: int) -> int:
    """``newer - older`` of 32-bit timestamps across the wrap."""
    return ((newer - older + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Arrival(Enum):
    """What a packet was to its stream."""

    NEW = "new"
    REORDERED = "reordered"
    """New, but after its successor."""
    DUPLICATE = "duplicate"
    STRAY = "stray"
    """A jump too large to believe; a second packet in sequence makes it a restart."""


class ReceiverStatistics:
    """The state of one received source: RFC 3550 A.1 (sequence), A.3 (loss), A.8 (jitter).

    The first packet is believed at once: callers put a *changed* source on probation themselves
    (:data:`MIN_SEQUENTIAL`), since on a telephone call the first packet may already carry a key.
    Unlike the RFC's sample code a packet older than the very first one moves the beginning back,
    so that reordering at the start is not counted wrong, and duplicates are known one by one.
    """

    __slots__ = (
        "_base",
        "_clock_rate",
        "_expected_before",
        "_highest",
        "_history",
        "_jitter",
        "_late_in_a_row",
        "_prior_expected",
        "_prior_received",
        "_quickest",
        "_resume_at",
        "_transit",
        "_transit_at",
        "duplicates",
        "late",
        "received",
    )

    def __init__(self, sequence: int, clock_rate: int = 8000) -> None:
        self._clock_rate = clock_rate
        self._base = sequence
        self._highest = sequence - 1
        self._history = 0
        self._resume_at: int | None = None
        self._jitter = 0.0
        self._transit: float | None = None
        self._transit_at = 0.0
        self._quickest = 0.0
        self._late_in_a_row = 0
        self._expected_before = 0
        self._prior_expected = 0
        self._prior_received = 0
        self.received = 0
        """Packets, each sequence number once."""
        self.duplicates = 0
        self.late = 0
        """Of the received, those that missed a 60 ms buffer."""

    @property
    def highest_sequence(self) -> int:
        """Extended highest sequence number: cycles in the upper 16 bits (RFC 3550 §6.4.1)."""
        return self._highest & 0xFFFFFFFF

    @property
    def expected(self) -> int:
        """Packets the source has sent, as far as its sequence numbers tell."""
        return self._expected_before + self._highest - self._base + 1

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return max(0, self.expected - self.received)

    @property
    def jitter(self) -> float:
        """Interarrival jitter, seconds (RFC 3550 §6.4.1)."""
        return self._jitter / self._clock_rate

    def update(
        self, sequence: int, timestamp: int, arrival: float, *, timed: bool = True
    ) -> Arrival:
        """Take in a packet that came at ``arrival`` (monotonic seconds).

        ``timed=False`` keeps the timestamp out of jitter and lateness: that of a telephone-event
        packet is the time of the key, not of the packet (RFC 4733 §2.2).
        """
        step = (sequence - self._highest) & 0xFFFF
        result = Arrival.NEW
        if 0 < step < MAX_DROPOUT:
            self._highest += step
            self._history = ((self._history << step) | 1) & _HISTORY_MASK
        elif step == 0 or step >= 0x10000 - MAX_MISORDER:
            back = -step & 0xFFFF
            if self._history >> back & 1:
                self.duplicates += 1
                return Arrival.DUPLICATE
            self._history |= 1 << back
            if self._highest - back < self._base:
                self._base = self._highest - back
            result = Arrival.REORDERED
        elif sequence == self._resume_at:
            self._restart(sequence)
        else:
            self._resume_at = (sequence + 1) & 0xFFFF
            return Arrival.STRAY
        self.received += 1
        if timed:
            self._time(timestamp, arrival)
        return result

    def _restart(self, sequence: int) -> None:
        """The source began to count anew: its packets so far stay counted."""
        self._expected_before = self.expected
        self._base = self._highest = sequence
        self._history = 1
        self._resume_at = None
        self._transit = None

    def _time(self, timestamp: int, arrival: float) -> None:
        """Jitter by A.8, and whether the packet was still of use."""
        rate = self._clock_rate
        transit = arrival * rate - timestamp
        last = self._transit
        if last is None:
            self._begin(transit, arrival)
            return
        difference = transit - last
        if not -0x40000000 < difference < 0x40000000:
            # The 32-bit timestamp wrapped between the two packets.
            transit += round(-difference / 0x100000000) * 0x100000000
            difference = transit - last
        if abs(difference) > 10 * rate:
            # Not delay: the sender's timestamps jumped.
            self._begin(transit, arrival)
            return
        self._jitter += (abs(difference) - self._jitter) / 16
        quickest = self._quickest + max(0.0, arrival - self._transit_at) * rate * _DRIFT
        self._transit = transit
        self._transit_at = arrival
        if transit <= quickest:
            self._quickest = transit
            self._late_in_a_row = 0
            return
        self._quickest = quickest
        if transit - quickest <= LATE_AFTER * rate:
            self._late_in_a_row = 0
            return
        self.late += 1
        self._late_in_a_row += 1
        if self._late_in_a_row >= _LATE_IN_A_ROW:
            self._begin(transit, arrival)

    def _begin(self, transit: float, arrival: float) -> None:
        """Measure delays from this packet on."""
        self._transit = self._quickest = transit
        self._transit_at = arrival
        self._late_in_a_row = 0

    def report(self) -> tuple[int, int]:
        """Fraction lost since the last call (0..255) and cumulative loss for a reception report.

        RFC 3550 A.3: duplicates count as received here, so both may understate loss and the
        cumulative number may be negative; it is clamped to 24 bits signed.
        """
        expected, received = self.expected, self.received + self.duplicates
        span = expected - self._prior_expected
        missing = span - (received - self._prior_received)
        self._prior_expected, self._prior_received = expected, received
        fraction = min(255, (missing << 8) // span) if span > 0 and missing > 0 else 0
        return fraction, max(-0x800000, min(0x7FFFFF, expected - received))
