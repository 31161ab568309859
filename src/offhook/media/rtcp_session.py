"""The RTCP session of one leg: makes our reports and reads the peer's. Pure."""

from __future__ import annotations

import secrets
from collections import deque
from typing import Final, NamedTuple

from offhook.media import rtcp
from offhook.media.rtp import ReceiverStatistics

_REMEMBERED_REPORTS: Final = 8
_LONGEST_ROUND_TRIP: Final = 10.0
"""Seconds; a longer round trip is taken for a wrong number."""


class Sending(NamedTuple):
    """The state of the sending side."""

    ssrc: int
    rtp_timestamp: int
    """Of the present moment."""
    packets: int
    octets: int
    first_sequence: int


class RtcpSession:
    """One side of RTCP between two parties. Times: ``now`` monotonic, ``wall`` since 1970, seconds."""

    __slots__ = (
        "_cname",
        "_last_sr",
        "_last_sr_at",
        "_packets_reported",
        "_reports_sent",
        "remote_fraction_lost",
        "remote_jitter",
        "round_trip",
        "spoken",
    )

    def __init__(self) -> None:
        self._cname = secrets.token_urlsafe(12)
        """96 random bits, for this session only (RFC 7022 §4.2)."""
        self._reports_sent: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED_REPORTS)
        self._packets_reported = 0
        self._last_sr = 0
        self._last_sr_at = 0.0
        self.spoken = False
        """Whether anything was sent yet."""
        self.remote_fraction_lost: float | None = None
        """Of what we sent over the whole call, as the peer says; 0..1."""
        self.remote_jitter: float | None = None
        """Seconds, as the peer says."""
        self.round_trip: float | None = None
        """Seconds."""

    def report(
        self,
        sending: Sending,
        source: tuple[int, ReceiverStatistics] | None,
        *,
        now: float,
        wall: float,
        bye: bool = False,
    ) -> bytes:
        """The compound packet due now: SR when packets went out since the last one, else RR."""
        blocks = () if source is None else (self._block(*source, now),)
        first: rtcp.Packet
        if sending.packets > self._packets_reported:
            ntp = rtcp.ntp_time(wall)
            self._reports_sent.append((rtcp.middle_bits(ntp), now))
            self._packets_reported = sending.packets
            first = rtcp.SenderReport(
                sending.ssrc,
                ntp,
                sending.rtp_timestamp,
                sending.packets,
                sending.octets,
                blocks,
            )
        else:
            first = rtcp.ReceiverReport(sending.ssrc, blocks)
        packets: list[rtcp.Packet] = [first, rtcp.SourceDescription(sending.ssrc, self._cname)]
        if bye:
            packets.append(rtcp.Goodbye((sending.ssrc,)))
        self.spoken = True
        return rtcp.build(packets)

    def _block(self, ssrc: int, statistics: ReceiverStatistics, now: float) -> rtcp.ReportBlock:
        fraction, cumulative = statistics.report()
        delay = round((now - self._last_sr_at) * 65536) if self._last_sr else 0
        return rtcp.ReportBlock(
            ssrc,
            fraction,
            cumulative,
            statistics.highest_sequence,
            round(statistics.jitter * 8000),
            self._last_sr,
            delay,
        )

    def received(
        self,
        datagram: bytes | memoryview,
        sending: Sending,
        remote_ssrc: int | None,
        now: float,
    ) -> bool:
        """Process the peer's compound packet; False when it is not valid or not the peer's.

        ``remote_ssrc`` is the source we receive; None: none yet, then a report of any source counts.
        """
        packets = rtcp.parse(datagram)
        if packets is None:
            return False
        for packet in packets:
            if not isinstance(packet, rtcp.SenderReport | rtcp.ReceiverReport):
                continue
            if remote_ssrc is not None and packet.ssrc != remote_ssrc:
                return False
            if isinstance(packet, rtcp.SenderReport):
                self._last_sr = rtcp.middle_bits(packet.ntp)
                self._last_sr_at = now
            for block in packet.blocks:
                if block.ssrc == sending.ssrc:
                    self._learn(block, sending, now)
        return True

    def _learn(self, block: rtcp.ReportBlock, sending: Sending, now: float) -> None:
        """Loss, jitter and round trip of our stream (RFC 3550 §6.4.1)."""
        # Extended numbers of the peer count wraps from its first packet, which was in our lower half.
        expected = block.highest_sequence - sending.first_sequence + 1
        if 0 < expected <= sending.packets + 1:
            self.remote_fraction_lost = min(1.0, max(0, block.cumulative_lost) / expected)
        self.remote_jitter = block.jitter / 8000
        for middle, sent_at in self._reports_sent:
            if middle == block.last_sr:
                round_trip = now - sent_at - block.delay_since_last_sr / 65536
                if round_trip <= _LONGEST_ROUND_TRIP:
                    self.round_trip = max(0.0, round_trip)
