"""RTCP of the Python media engine on loopback."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import msgspec
import pytest
from tests.integration.media_peer import (
    DEADLINE,
    Events,
    Peer,
    connected,
    eventually,
    in_all,
    running_engine,
)

from offhook.media import rtcp
from offhook.media.engine import MediaLost, PlaybackEnded

pytestmark = pytest.mark.usefixtures("each_engine")

OFTEN = 0.02
"""Seconds between reports, instead of 5."""


@dataclass
class Heard:
    """What a compound packet of ours said."""

    report: rtcp.SenderReport | rtcp.ReceiverReport
    cname: str
    bye: bool


def read(datagram: bytes) -> Heard:
    packets = rtcp.parse(datagram)
    assert packets is not None
    report, description = packets[0], packets[1]
    assert isinstance(report, rtcp.SenderReport | rtcp.ReceiverReport)
    assert isinstance(description, rtcp.SourceDescription)
    assert description.ssrc == report.ssrc
    return Heard(report, description.cname, isinstance(packets[-1], rtcp.Goodbye))


async def sender_report(peer: Peer, packets: int) -> rtcp.SenderReport:
    """Our report once so many packets were sent."""
    while True:
        report = read(await peer.report()).report
        if isinstance(report, rtcp.SenderReport) and report.packets >= packets:
            return report


async def test_reports_count_what_was_sent_under_one_name() -> None:
    async with (
        running_engine(report_interval=OFTEN) as engine,
        connected(engine) as (leg, peer, events),
    ):
        first = read(await peer.report())
        assert isinstance(first.report, rtcp.ReceiverReport)
        leg.play(in_all(b"a" * 1600))
        await events.wait(PlaybackEnded)
        packets = await peer.packets(10)
        report = await sender_report(peer, 10)
        assert (report.ssrc, report.packets, report.octets) == (packets[0].ssrc, 10, 1600)
        ahead = (report.rtp_timestamp - packets[-1].timestamp) & 0xFFFFFFFF
        assert ahead < 8000 * DEADLINE
        assert read(await peer.report()).cname == first.cname
        assert len(first.cname) == 16


async def test_what_arrives_is_reported_to_its_sender() -> None:
    async with running_engine(report_interval=OFTEN) as engine, connected(engine) as (leg, peer, _):
        for index in range(10):
            peer.sequence += index == 5
            peer.send()
        await eventually(lambda: leg.statistics().packets_received == 10)
        async with asyncio.timeout(DEADLINE):
            while not (blocks := read(await peer.report()).report.blocks):
                pass
        assert blocks[0].ssrc == peer.ssrc
        assert blocks[0].cumulative_lost == 1
        assert blocks[0].highest_sequence == peer.sequence - 1


async def test_the_far_ends_reports_tell_loss_jitter_and_round_trip() -> None:
    async with (
        running_engine(report_interval=OFTEN) as engine,
        connected(engine) as (leg, peer, events),
    ):
        leg.play(in_all(b"a" * 1600))
        await events.wait(PlaybackEnded)
        packets = await peer.packets(10)
        peer.send()
        report = await sender_report(peer, 10)
        block = rtcp.ReportBlock(
            packets[0].ssrc,
            51,
            2,
            packets[-1].sequence,
            80,
            rtcp.middle_bits(report.ntp),
            0,
        )
        answer = rtcp.build([rtcp.ReceiverReport(peer.ssrc, (block,))])
        peer.rtcp.sendto(answer, ("127.0.0.1", leg.local_port + 1))
        await eventually(lambda: leg.statistics().round_trip is not None)
        statistics = leg.statistics()
        assert statistics.remote_fraction_lost == pytest.approx(0.2)
        assert statistics.remote_jitter == 0.01
        assert 0 <= (statistics.round_trip or -1) < DEADLINE


async def test_reports_alone_keep_a_leg_alive() -> None:
    loop = asyncio.get_running_loop()
    async with (
        running_engine(report_interval=OFTEN) as engine,
        connected(engine, media_timeout=0.8) as (leg, peer, events),
    ):
        report = rtcp.build([rtcp.ReceiverReport(peer.ssrc)])
        begun = loop.time()
        while loop.time() < begun + 1.0:
            peer.rtcp.sendto(report, ("127.0.0.1", leg.local_port + 1))
            await peer.report()
        assert not events.of(MediaLost)
        await events.wait(MediaLost)


async def test_reports_from_another_host_are_not_believed() -> None:
    async with (
        running_engine(report_interval=OFTEN) as engine,
        connected(engine) as (leg, peer, events),
    ):
        leg.play(in_all(b"a" * 1600))
        await events.wait(PlaybackEnded)
        packets = await peer.packets(10)
        peer.send()
        block = rtcp.ReportBlock(packets[0].ssrc, 0, 9, packets[-1].sequence, 80, 0, 0)
        forged = rtcp.build([rtcp.ReceiverReport(peer.ssrc, (block,))])
        control = ("127.0.0.1", leg.local_port + 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))
            stranger.sendto(forged, control)
        # Once this one is known, the one before it was read too.
        ntp = rtcp.ntp_time(1_000_000_000)
        peer.rtcp.sendto(rtcp.build([rtcp.SenderReport(peer.ssrc, ntp, 0, 1, 160)]), control)
        async with asyncio.timeout(DEADLINE):
            while True:
                blocks = read(await peer.report()).report.blocks
                if blocks and blocks[0].last_sr == rtcp.middle_bits(ntp):
                    break
        assert leg.statistics().remote_fraction_lost is None


async def test_multiplexed_reports_use_the_rtp_port_both_ways() -> None:
    async with running_engine(report_interval=OFTEN) as engine:
        peer, events = Peer(), Events()
        leg = engine.open_leg(events)
        peer.target = ("127.0.0.1", leg.local_port)
        leg.connect(msgspec.structs.replace(peer.media(), rtcp_mux=True))
        assert isinstance(read(await peer.datagram()).report, rtcp.ReceiverReport)
        peer.send()
        block = rtcp.ReportBlock(1, 0, 0, 0, 0, 0, 0)
        peer.rtp.sendto(rtcp.build([rtcp.ReceiverReport(peer.ssrc, (block,))]), peer.target)
        async with asyncio.timeout(DEADLINE):
            while not read(await peer.datagram()).report.blocks:
                pass
        assert leg.statistics().packets_received == 1
        leg.close()
        async with asyncio.timeout(DEADLINE):
            while not read(await peer.datagram()).bye:
                pass
        peer.close()


async def test_a_leg_that_never_spoke_leaves_silently() -> None:
    async with running_engine(report_interval=60) as engine:
        silent, spoken = Peer(), Peer()
        for peer in (silent, spoken):
            events = Events()
            leg = engine.open_leg(events)
            leg.connect(peer.media())
            if peer is spoken:
                leg.play(in_all(b"a" * 160))
                await events.wait(PlaybackEnded)
            leg.close()
        assert read(await spoken.report()).bye
        with pytest.raises(BlockingIOError):
            silent.rtcp.recv(2048)
        silent.close()
        spoken.close()


async def test_a_leg_held_by_the_null_address_sends_nothing() -> None:
    async with (
        running_engine(report_interval=OFTEN) as engine,
        connected(engine) as (leg, peer, events),
        connected(engine) as (clock, _, clock_events),
    ):
        leg.connect(msgspec.structs.replace(peer.media(), remote_host="0.0.0.0"))
        leg.play(in_all(b"a" * 160))
        clock.play(in_all(b"x" * 160))
        await clock_events.wait(PlaybackEnded)
        while True:
            try:
                peer.rtcp.recv(2048)
            except BlockingIOError:
                break
        clock.play(in_all(b"x" * 1600))
        await clock_events.wait(PlaybackEnded, 2)
        with pytest.raises(BlockingIOError):
            peer.rtcp.recv(2048)
        with pytest.raises(BlockingIOError):
            peer.rtp.recv(2048)
        # What plays goes on unheard.
        await events.wait(PlaybackEnded)
        leg.connect(peer.media())
        leg.play(in_all(b"b" * 160))
        assert bytes((await peer.packet()).payload) == b"b" * 160
