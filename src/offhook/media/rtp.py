"""RTP (RFC 3550): the header, sequence arithmetic, and what a receiver learns from a stream. Pure."""

from __future__ import annotations

import math
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
"""Packets in sequence before a new source is accepted (RFC 3550 A.1)."""
LATE_AFTER: Final = 0.060
"""Seconds behind the quickest packets after which a packet misses a 60 ms buffer
(``spec/execution.md``, "Call quality")."""

_DRIFT: Final = 0.032
"""Timestamp units per packet: clocks may drift apart by 200 ppm before packets count as late."""
_PUNCTUAL: Final = 320.0
"""Timestamp units (40 ms at 8,000 a second): a smaller delay needs no further check."""
_PAUSE: Final = 1.0
"""Seconds without a packet after which a buffer starts anew."""
_LATE_IN_A_ROW: Final = 25
"""After half a second of only late packets the path counts as changed: a buffer starts anew."""


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
    """The place of a packet in its stream."""

    NEW = "new"
    REORDERED = "reordered"
    """New, but after its successor."""
    DUPLICATE = "duplicate"
    STRAY = "stray"
    """A jump too large to accept; a second packet in sequence makes it a restart."""


_NEW: Final = Arrival.NEW


class ReceiverStatistics:
    """The state of one received source: RFC 3550 A.1 (sequence), A.3 (loss), A.8 (jitter).

    The first packet is accepted at once: callers put a *changed* source on probation themselves
    (:data:`MIN_SEQUENTIAL`), since on a telephone call the first packet may already carry a key.
    Unlike the RFC's sample code a packet older than the very first one moves the beginning back,
    so that reordering at the start is not counted wrong, and duplicates are known one by one.
    """

    __slots__ = (
        "_base",
        "_clock_rate",
        "_expected_before",
        "_highest",
        "_jitter",
        "_late_in_a_row",
        "_missing",
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
        """``sequence``: of the first packet, which is given to :meth:`update` as well."""
        self._clock_rate = clock_rate
        self._base = sequence
        self._highest = sequence - 1
        self._missing: dict[int, None] = {}
        """Extended numbers not come yet that still may, in the order they were found missing."""
        self._resume_at: int | None = None
        self._jitter = 0.0
        self._transit = math.inf
        self._transit_at = -math.inf
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
        # Nearly every packet is the next one and on time: the short path is for those.
        if (sequence - self._highest) & 0xFFFF == 1:
            self._highest += 1
            result = _NEW
        else:
            result = self._out_of_step(sequence)
            if result is Arrival.DUPLICATE or result is Arrival.STRAY:
                return result
        self.received += 1
        if timed:
            transit = arrival * self._clock_rate - timestamp
            difference = transit - self._transit
            if -_PUNCTUAL < difference < _PUNCTUAL and transit - self._quickest < _PUNCTUAL:
                self._jitter += (abs(difference) - self._jitter) / 16
                self._transit = transit
                self._transit_at = arrival
                self._quickest = min(transit, self._quickest + _DRIFT)
                self._late_in_a_row = 0
            else:
                self._time(transit, arrival)
        return result

    def _out_of_step(self, sequence: int) -> Arrival:
        """A packet that is not the next one: after a gap, late, repeated, or a restart."""
        step = (sequence - self._highest) & 0xFFFF
        if 0 < step < MAX_DROPOUT:
            self._expect_between(self._highest, self._highest + step)
            self._highest += step
            return Arrival.NEW
        if step == 0 or step >= 0x10000 - MAX_MISORDER:
            number = self._highest - (-step & 0xFFFF)
            if number < self._base:
                self._expect_between(number, self._base)
                self._base = number
            elif number in self._missing:
                del self._missing[number]
            else:
                self.duplicates += 1
                return Arrival.DUPLICATE
            return Arrival.REORDERED
        if sequence != self._resume_at:
            self._resume_at = (sequence + 1) & 0xFFFF
            return Arrival.STRAY
        # The source began to count anew: its packets so far stay counted.
        self._expected_before = self.expected
        self._base = self._highest = sequence
        self._missing.clear()
        self._resume_at = None
        self._transit = math.inf
        return Arrival.NEW

    def _expect_between(self, older: int, newer: int) -> None:
        """The numbers between two may still come, as far as they are not too old."""
        for number in range(max(older + 1, newer - MAX_MISORDER), newer):
            self._missing[number] = None
        while len(self._missing) > 2 * MAX_MISORDER:
            del self._missing[next(iter(self._missing))]

    def _time(self, transit: float, arrival: float) -> None:
        """Jitter by A.8, and whether the packet was still of use."""
        difference = transit - self._transit
        if 0x40000000 < abs(difference) < math.inf:
            # The 32-bit timestamp wrapped between the two packets.
            transit -= round(difference / 0x100000000) * 0x100000000
            difference = transit - self._transit
        if arrival - self._transit_at > _PAUSE or abs(difference) > 10 * self._clock_rate:
            # The first, or after a pause, or the sender's timestamps jumped: not delay.
            self._begin(transit, arrival)
            return
        self._jitter += (abs(difference) - self._jitter) / 16
        self._transit = transit
        self._transit_at = arrival
        self._quickest = min(transit, self._quickest + _DRIFT)
        if transit - self._quickest <= LATE_AFTER * self._clock_rate:
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
