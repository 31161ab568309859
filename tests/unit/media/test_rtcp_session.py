"""Two ends that report to each other."""

from __future__ import annotations

import pytest

from offhook.media import rtcp
from offhook.media.rtcp_session import RtcpSession, Sending
from offhook.media.rtp import ReceiverStatistics

WALL = 1_700_000_000.0


def sending(ssrc: int, packets: int, first_sequence: int = 100) -> Sending:
    return Sending(ssrc, 4000, packets, packets * 160, first_sequence)


def received(count: int, *, lost_every: int | None = None, start: int = 100) -> ReceiverStatistics:
    statistics = ReceiverStatistics(start)
    for n in range(count):
        if lost_every is None or n % lost_every != 1:
            statistics.update((start + n) & 0xFFFF, 160 * n, 0.02 * n)
    return statistics


def test_the_round_trip_is_measured_from_our_report_to_its_echo() -> None:
    ours, theirs = RtcpSession(), RtcpSession()
    report = ours.report(sending(1, 50), None, now=10.0, wall=WALL)
    assert theirs.received(report, sending(2, 0), 1, now=500.030)
    echo = theirs.report(sending(2, 0), (1, received(50)), now=502.030, wall=WALL + 9)
    assert ours.received(echo, sending(1, 50), 2, now=12.1)
    assert ours.round_trip == pytest.approx(0.1, abs=1e-4)


def test_a_step_of_the_wall_clock_does_not_change_the_round_trip() -> None:
    ours, theirs = RtcpSession(), RtcpSession()
    report = ours.report(sending(1, 50), None, now=10.0, wall=WALL)
    theirs.received(report, sending(2, 0), 1, now=0.0)
    ours.report(sending(1, 80), None, now=11.0, wall=WALL - 5000)
    echo = theirs.report(sending(2, 0), (1, received(50)), now=1.0, wall=WALL)
    ours.received(echo, sending(1, 80), 2, now=11.25)
    assert ours.round_trip == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize("start", [100, 32767])
def test_loss_over_the_whole_call_comes_from_the_far_ends_report(start: int) -> None:
    ours, theirs = RtcpSession(), RtcpSession()
    count = 50_000
    statistics = received(count, lost_every=10, start=start)
    echo = theirs.report(sending(2, 0), (1, statistics), now=1.0, wall=WALL)
    ours.received(echo, sending(1, count, start), 2, now=1.0)
    assert ours.remote_fraction_lost == pytest.approx(0.1)
    assert ours.remote_jitter == pytest.approx(0, abs=1e-3)


def test_only_who_has_sent_since_makes_a_sender_report() -> None:
    ours = RtcpSession()
    kinds = []
    for packets in (0, 1, 1, 60):
        parsed = rtcp.parse(ours.report(sending(1, packets), None, now=1.0, wall=WALL))
        assert parsed is not None
        kinds.append(type(parsed[0]))
        assert isinstance(parsed[1], rtcp.SourceDescription)
    assert kinds == [
        rtcp.ReceiverReport,
        rtcp.SenderReport,
        rtcp.ReceiverReport,
        rtcp.SenderReport,
    ]


def test_a_goodbye_comes_last() -> None:
    ours = RtcpSession()
    parsed = rtcp.parse(ours.report(sending(1, 5), None, now=1.0, wall=WALL, bye=True))
    assert parsed is not None
    assert parsed[-1] == rtcp.Goodbye((1,))


def test_reports_of_strangers_teach_nothing() -> None:
    ours, stranger = RtcpSession(), RtcpSession()
    forged = stranger.report(sending(66, 0), (1, received(100, lost_every=2)), now=1.0, wall=WALL)
    assert not ours.received(forged, sending(1, 100), 2, now=1.0)
    assert not ours.received(b"garbage.", sending(1, 100), 2, now=1.0)
    assert ours.remote_fraction_lost is None
    assert ours.round_trip is None


def block(**changes: int) -> bytes:
    values = {
        "ssrc": 1,
        "fraction_lost": 0,
        "cumulative_lost": 0,
        "highest_sequence": 199,
        "jitter": 0,
        "last_sr": 0,
        "delay_since_last_sr": 0,
    }
    return rtcp.build([rtcp.ReceiverReport(2, (rtcp.ReportBlock(**(values | changes)),))])


def test_impossible_numbers_are_not_believed() -> None:
    ours = RtcpSession()
    ours.report(sending(1, 100), None, now=1.0, wall=WALL)
    last_sr = rtcp.middle_bits(rtcp.ntp_time(WALL))
    for datagram in (
        block(highest_sequence=2**32 - 1, cumulative_lost=5),
        block(highest_sequence=5, cumulative_lost=5),
        block(ssrc=99, cumulative_lost=50),
    ):
        assert ours.received(datagram, sending(1, 100), 2, now=2.0)
        assert ours.remote_fraction_lost is None
    ours.received(block(cumulative_lost=-5), sending(1, 100), 2, now=2.0)
    assert ours.remote_fraction_lost == 0.0
    ours.received(block(cumulative_lost=5000), sending(1, 100), 2, now=2.0)
    assert ours.remote_fraction_lost == 1.0
    ours.received(block(last_sr=last_sr), sending(1, 100), 2, now=100.0)
    assert ours.round_trip is None
    ours.received(
        block(last_sr=last_sr, delay_since_last_sr=2**32 - 1), sending(1, 100), 2, now=1.5
    )
    assert ours.round_trip == 0.0
