"""The tap of a leg: the frames that recordings are made of."""

from __future__ import annotations

import itertools
import time
from functools import partial

import pytest
from tests.integration.media_peer import connected, eventually, in_all, running_engine

from offhook.media import rtp
from offhook.media.engine import MediaLeg, PlaybackEnded
from offhook.media.tap_frames import TapFrame, TapFrameKind, ends_tap, frames_of

pytestmark = pytest.mark.usefixtures("each_engine")


async def tapped(leg: MediaLeg, count: int) -> list[TapFrame]:
    """The next ``count`` frames."""
    octets = bytearray()

    def enough() -> bool:
        octets.extend(leg.take_frames())
        return len(list(frames_of(bytes(octets)))) >= count

    await eventually(enough)
    return list(frames_of(bytes(octets)))


async def test_what_the_peer_says_comes_with_its_timestamp_and_arrival() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        leg.start_tap()
        before = time.monotonic()
        for octet in (b"a", b"b", b"c"):
            peer.send(octet * 160)
        frames = await tapped(leg, 3)
        assert [frame.kind for frame in frames] == [TapFrameKind.RECEIVED] * 3
        assert [frame.payload for frame in frames] == [b"a" * 160, b"b" * 160, b"c" * 160]
        assert [frame.timestamp - frames[0].timestamp for frame in frames] == [0, 160, 320]
        assert {frame.ssrc for frame in frames} == {peer.ssrc}
        assert all(before - 0.01 <= frame.at / 1e6 <= time.monotonic() for frame in frames)


async def test_what_we_play_comes_on_the_packet_clock_and_silence_does_not() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        leg.start_tap()
        leg.keep_sending()
        leg.play(in_all(b"p" * 480))
        await events.wait(PlaybackEnded)
        await peer.packets(5)
        frames = await tapped(leg, 3)
        assert [frame.kind for frame in frames] == [TapFrameKind.SENT] * 3
        assert b"".join(frame.payload for frame in frames) == b"p" * 480
        steps = [later.at - sooner.at for sooner, later in itertools.pairwise(frames)]
        assert all(abs(step - 20_000) <= 1 for step in steps)


async def test_relayed_audio_is_kept_once_where_it_was_received() -> None:
    async with (
        running_engine() as engine,
        connected(engine) as (left, left_peer, _),
        connected(engine) as (right, right_peer, _),
    ):
        for leg in (left, right):
            leg.start_tap()
        left.relay(right)
        left_peer.send(b"x" * 160)
        assert (await right_peer.packet()).payload == b"x" * 160
        (frame,) = await tapped(left, 1)
        assert frame.payload == b"x" * 160
        assert right.take_frames() == b""


async def test_the_end_of_the_tap_and_of_the_leg_is_the_last_frame() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        leg.start_tap()
        peer.send(b"a" * 160)
        await tapped(leg, 1)
        leg.stop_tap()
        (end,) = await tapped(leg, 1)
        assert end.kind is TapFrameKind.END
        leg.start_tap()
        leg.close()
        octets = bytearray()

        def over() -> bool:
            octets.extend(leg.take_frames())
            return ends_tap(bytes(octets))

        await eventually(over)
        assert leg.take_frames() == b""


async def test_nothing_on_the_wire_changes_by_a_tap() -> None:
    """The same prompts and the same packets of the other side of a bridge, with and without a tap."""

    async def heard(tap: bool) -> list[tuple[int, int, bool, bytes]]:
        async with (
            running_engine() as engine,
            connected(engine) as (leg, peer, events),
            connected(engine) as (other, other_peer, _),
        ):
            if tap:
                leg.start_tap()
                other.start_tap()
            leg.play(in_all(bytes(range(160)) * 5))
            await events.wait(PlaybackEnded)
            packets = await peer.packets(5)
            other.relay(leg)
            for number in range(5):
                other_peer.send(bytes([number]) * 160)
                packets.append(await peer.packet())
            return _bare(packets)

    assert await heard(tap=True) == await heard(tap=False)


def _bare(packets: list[rtp.RtpPacket]) -> list[tuple[int, int, bool, bytes]]:
    """Without what is random in every stream: SSRC, the first sequence number, the clock."""
    first = packets[0]
    return [
        (
            packet.sequence - first.sequence,
            packet.payload_type,
            packet.marker,
            bytes(packet.payload),
        )
        for packet in packets
    ]


def received(leg: MediaLeg, count: int) -> bool:
    """Whether so many packets have come."""
    return leg.statistics().packets_received >= count


async def test_frames_that_nobody_takes_are_dropped_after_a_minute() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        leg.start_tap()
        for number in range(6100):
            peer.send(b"y" * 10, step=10)
            if number % 50 == 49:
                await eventually(partial(received, leg, number + 1))
        assert len(list(frames_of(leg.take_frames()))) == 6000
