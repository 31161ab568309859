"""The media engines against real sockets on loopback: one suite for all of them."""

from __future__ import annotations

import contextlib
import gc
import itertools
import random
import socket
import struct
import threading
import weakref
from math import pi, sin

import msgspec
import pytest
from tests.integration.media_peer import Events, Peer, connected, eventually, in_all, running_engine

from offhook.media import g711, rtcp, rtp
from offhook.media.engine import (
    DigitReceived,
    MediaEvent,
    MediaLeg,
    MediaLost,
    PlaybackEnded,
    PlaybackStarted,
    PortsExhausted,
)
from offhook.media.tap_listener import TapListener
from offhook.negotiated import Codec, NegotiatedMedia

pytestmark = pytest.mark.usefixtures("each_engine")


async def test_a_prompt_arrives_complete_in_sequence_on_the_packet_clock() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        prompt = bytes(range(160)) * 3
        number = leg.play(in_all(prompt))
        packets = await peer.packets(3)
        first = packets[0]
        assert [p.marker for p in packets] == [True, False, False]
        assert {(p.payload_type, p.ssrc) for p in packets} == {(0, first.ssrc)}
        assert [p.sequence - first.sequence for p in packets] == [0, 1, 2]
        assert [p.timestamp - first.timestamp for p in packets] == [0, 160, 320]
        assert b"".join(p.payload for p in packets) == prompt
        (ended,) = await events.wait(PlaybackEnded)
        (started,) = events.of(PlaybackStarted)
        assert (started.playback, ended.playback, ended.stopped) == (number, number, False)
        assert started.at <= ended.at


async def test_the_next_prompt_follows_inside_the_last_packet_of_the_one_before() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        leg.play(in_all(b"a" * 200))
        leg.play(in_all(b"b" * 200))
        packets = await peer.packets(3)
        assert bytes(packets[1].payload) == b"a" * 40 + b"b" * 120
        assert bytes(packets[2].payload) == b"b" * 80 + b"\xff" * 80
        assert [p.timestamp - packets[0].timestamp for p in packets] == [0, 160, 320]
        assert [p.marker for p in packets] == [True, False, False]
        await events.wait(PlaybackEnded, 2)


async def test_a_prompt_queued_when_the_last_one_ended_keeps_the_packet_clock() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        leg.play(in_all(b"a" * 160))
        await events.wait(PlaybackEnded)
        leg.play(in_all(b"b" * 160))
        first, second = await peer.packets(2)
        assert (second.timestamp - first.timestamp) & 0xFFFFFFFF >= 160
        assert (second.sequence - first.sequence) & 0xFFFF == 1


async def test_repetitions_are_parted_by_sent_silence() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        leg.play(in_all(b"a" * 160), repetition=2, pause=0.04)
        packets = await peer.packets(4)
        assert [bytes(p.payload[:1]) for p in packets] == [b"a", b"\xff", b"\xff", b"a"]
        assert [p.marker for p in packets] == [True, False, False, False]
        await events.wait(PlaybackEnded)
        assert len(events.of(PlaybackStarted)) == 1


async def test_after_a_pause_the_timestamp_has_moved_by_wall_time_with_a_marker() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        leg.play(in_all(b"a" * 160))
        first = await peer.packet()
        # The pause is as long as something that takes time: here another leg's prompt.
        async with connected(engine) as (other, _, other_events):
            other.play(in_all(b"x" * 1600))
            await other_events.wait(PlaybackEnded)
        leg.play(in_all(b"b" * 160))
        second = await peer.packet()
        assert second.marker
        assert (second.sequence - first.sequence) & 0xFFFF == 1
        assert 1400 <= (second.timestamp - first.timestamp) & 0xFFFFFFFF < 80000


async def test_stop_ends_what_plays_and_what_waits() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        playing, waiting = leg.play(in_all(b"a" * 80000)), leg.play(in_all(b"b" * 80000))
        await peer.packets(2)
        leg.stop()
        ended = await events.wait(PlaybackEnded, 2)
        assert [(e.playback, e.stopped) for e in ended] == [(playing, True), (waiting, True)]
        sent = leg.statistics().packets_sent
        assert sent < 50


async def test_stopping_one_playback_goes_on_with_the_next() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        playing = leg.play(in_all(b"a" * 80000))
        leg.play(in_all(b"b" * 160))
        await peer.packet()
        leg.stop(playing)
        await events.wait(PlaybackEnded, 2)
        assert [e.stopped for e in events.of(PlaybackEnded)] == [True, False]


async def test_what_plays_to_a_leg_that_holds_us_goes_on_unheard() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        leg.connect(peer.media(send=False))
        leg.play(in_all(b"a" * 160))
        await events.wait(PlaybackEnded)
        leg.connect(peer.media())
        leg.play(in_all(b"b" * 160))
        packet = await peer.packet()
        assert (bytes(packet.payload), packet.marker) == (b"b" * 160, True)


async def test_each_key_is_heard_once() -> None:
    async with running_engine() as engine, connected(engine) as (_, peer, events):
        for index, event in enumerate((1, 2, 2, 11)):
            peer.press(event, 1000 + index * 4000)
        digits = await events.wait(DigitReceived, 4)
        peer.press(0, 60000)
        digits = await events.wait(DigitReceived, 5)
        assert [d.digit for d in digits] == ["1", "2", "2", "#", "0"]


async def test_a_key_is_sent_with_three_final_packets() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        leg.send_digit("#", 0.06)
        packets = await peer.packets(5)
        assert {p.payload_type for p in packets} == {101}
        assert {p.timestamp for p in packets} == {packets[0].timestamp}
        assert [p.marker for p in packets] == [True, False, False, False, False]
        durations = [int.from_bytes(p.payload[2:], "big") for p in packets]
        assert durations == [160, 320, 480, 480, 480]
        assert [p.payload[1] >> 7 for p in packets] == [0, 0, 1, 1, 1]
        assert {p.payload[0] for p in packets} == {11}


async def test_what_arrives_is_recorded_decoded() -> None:
    heard = bytearray()
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        listener = TapListener(leg, heard.extend)
        for _ in range(5):
            peer.send(b"\x10" * 160)
        level = g711.decode(Codec.PCMU, b"\x10")
        await eventually(lambda: heard.count(level * 160) == 5)
        listener.close()


async def test_recording_goes_on_in_silence() -> None:
    heard = bytearray()
    async with running_engine() as engine, connected(engine) as (leg, _, _):
        listener = TapListener(leg, heard.extend)
        await eventually(lambda: len(heard) >= 8000)
        assert set(heard) == {0}
        listener.close()


async def test_the_first_sender_is_believed_and_then_defended() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        behind_nat, stranger = Peer(), Peer()
        behind_nat.target = stranger.target = peer.target
        behind_nat.send()
        await eventually(lambda: leg.statistics().packets_received == 1)
        for _ in range(20):
            stranger.send()
        behind_nat.send()
        await eventually(lambda: leg.statistics().packets_received == 2)
        leg.play(in_all(b"a" * 160))
        assert bytes((await behind_nat.packet()).payload) == b"a" * 160
        assert leg.statistics().packets_expected == 2
        behind_nat.close()
        stranger.close()


async def test_a_changed_source_is_believed_at_its_second_packet() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        peer.send()
        peer.ssrc, peer.sequence = 0x9999, 7000
        for _ in range(3):
            peer.send()
        await eventually(lambda: leg.statistics().packets_received == 3)
        assert leg.statistics().packets_lost == 0


async def test_a_stolen_ssrc_makes_us_take_another() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        leg.play(in_all(b"a" * 160 * 50))
        ours = (await peer.packet()).ssrc
        peer.ssrc = ours
        peer.send()
        async_packets = [await peer.packet() for _ in range(10)]
        assert async_packets[-1].ssrc != ours


async def test_loss_is_counted() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        for index in range(20):
            if index % 4 == 1:
                peer.sequence += 1
                peer.timestamp += 160
            peer.send()
        await eventually(lambda: leg.statistics().packets_received == 20)
        statistics = leg.statistics()
        assert (statistics.packets_expected, statistics.packets_lost) == (25, 5)


async def test_silence_for_the_media_timeout_is_reported_once() -> None:
    async with (
        running_engine() as engine,
        connected(engine, media_timeout=0.05) as (_, _, events),
        connected(engine) as (other, _, other_events),
    ):
        await events.wait(MediaLost)
        other.play(in_all(b"x" * 1600))
        await other_events.wait(PlaybackEnded)
        assert len(events.of(MediaLost)) == 1


async def test_a_leg_on_hold_does_not_miss_the_media() -> None:
    async with (
        running_engine() as engine,
        connected(engine, media_timeout=0.05) as (
            leg,
            peer,
            events,
        ),
    ):
        leg.connect(peer.media(receive=False))
        leg.play(in_all(b"a" * 1600))
        await events.wait(PlaybackEnded)
        assert not events.of(MediaLost)
        leg.connect(peer.media())
        await events.wait(MediaLost)


async def test_a_range_of_ports_is_used_up_and_freed() -> None:
    async with running_engine((21000, 21003)) as engine:
        legs = [engine.open_leg(Events()) for _ in range(2)]
        assert {leg.local_port for leg in legs} == {21000, 21002}
        with pytest.raises(PortsExhausted):
            engine.open_leg(Events())
        freed = legs[0].local_port
        legs[0].close()
        legs[0].close()

        def reopened() -> bool:
            try:
                return engine.open_leg(Events()).local_port == freed
            except PortsExhausted:
                return False

        await eventually(reopened)


async def test_a_port_that_another_program_uses_is_skipped_until_it_is_free() -> None:
    async with running_engine((21030, 21033)) as engine:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 21031))
            assert engine.open_leg(Events()).local_port == 21032
            with pytest.raises(PortsExhausted):
                engine.open_leg(Events())
        assert engine.open_leg(Events()).local_port == 21030


async def test_a_freed_port_is_not_the_next_to_be_used() -> None:
    async with running_engine((21010, 21020)) as engine:
        used = []
        for _ in range(3):
            leg = engine.open_leg(Events())
            used.append(leg.local_port)
            leg.close()
        assert len(set(used)) == 3


async def test_closing_ends_playbacks_says_bye_and_joins_the_thread() -> None:
    peer, events = Peer(), Events()
    async with running_engine() as engine:
        leg = engine.open_leg(events)
        leg.connect(peer.media())
        number = leg.play(in_all(b"a" * 80000))
        await peer.packet()
    assert "offhook-media" not in {thread.name for thread in threading.enumerate()}
    (ended,) = await events.wait(PlaybackEnded)
    assert (ended.playback, ended.stopped) == (number, True)
    assert b"\x81\xcb\x00\x01" in await peer.report()
    with pytest.raises(RuntimeError):
        engine.open_leg(events)
    leg.play(in_all(b"ignored"))
    peer.close()


async def test_garbage_is_counted_and_changes_nothing() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        good = rtp.build(payload_type=0, sequence=1, timestamp=1, ssrc=1, payload=b"x" * 160)
        hostile = [
            b"",
            b"\x80",
            good[:11],
            b"\x00" * 172,
            b"\xbf" + good[1:],
            b"\x90" + good[1:12] + b"\x00\x00\xff\xff",
            b"\xa0" + good[1:12] + b"\x00" * 160,
            b"\xa0" + good[1:12] + b"\xff" * 160,
            good[:1] + b"\x63" + good[2:],
            good + b"x" * 4000,
        ]
        for datagram in hostile:
            peer.rtp.sendto(datagram, peer.target)
            peer.rtcp.sendto(datagram, ("127.0.0.1", leg.local_port + 1))
        peer.send()
        await eventually(lambda: leg.statistics().packets_received == 1)
        assert leg.statistics().packets_expected == 1
        assert not events.all


@pytest.mark.parametrize("host", ["localhost", "224.0.0.1", "::1"])
async def test_only_literal_addresses_of_our_family_are_peers(host: str) -> None:
    async with running_engine() as engine:
        leg = engine.open_leg(Events())
        media = NegotiatedMedia(
            remote_host=host, remote_port=4000, codec=Codec.PCMU, payload_type=0
        )
        with pytest.raises(ValueError, match=r"address|media"):
            leg.connect(media)


async def test_tones_are_keys_where_no_events_were_negotiated() -> None:
    time = [n / 8000 for n in range(800)]
    wave = [8000 * (sin(2 * pi * 852 * t) + sin(2 * pi * 1477 * t)) for t in time]
    octets = g711.encode(Codec.PCMU, struct.pack("<800h", *map(round, wave)))
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        sent = 0
        for negotiated in (96, None):
            leg.connect(msgspec.structs.replace(peer.media(), dtmf_payload_type=negotiated))
            for begin in range(0, 800, 160):
                peer.send(octets[begin : begin + 160])
            sent += 5
            await eventually(lambda: leg.statistics().packets_received == sent)  # noqa: B023
            peer.timestamp += 1600
        (digit,) = await events.wait(DigitReceived)
        assert digit.digit == "9"


async def test_random_datagrams_do_no_harm() -> None:
    chance = random.Random(4733)
    async with (
        running_engine() as engine,
        connected(engine, media_timeout=60) as (
            leg,
            peer,
            events,
        ),
    ):
        leg.start_tap()
        leg.relay(leg)
        control = ("127.0.0.1", leg.local_port + 1)
        for _ in range(600):
            start = rtp.build(
                payload_type=chance.choice((0, 8, 13, 96, 101, 127)),
                sequence=chance.randrange(65536),
                timestamp=chance.randrange(2**32),
                ssrc=chance.choice((1, 2, peer.ssrc)),
                payload=chance.randbytes(chance.randrange(400)),
                marker=chance.random() < 0.5,
            )
            whole = bytearray(start)
            for _ in range(chance.randrange(4)):
                whole[chance.randrange(len(whole))] = chance.randrange(256)
            peer.rtp.sendto(whole[: chance.randrange(len(whole) + 1)], peer.target)
            report = bytearray(rtcp.build([rtcp.SenderReport(peer.ssrc, 1, 2, 3, 4)]))
            report[chance.randrange(len(report))] = chance.randrange(256)
            peer.rtcp.sendto(report, control)
        leg.relay(None)
        number = leg.play(in_all(b"a" * 1600))
        ended = await events.wait(PlaybackEnded)
        assert [e.playback for e in ended] == [number]
        statistics = leg.statistics()
        assert 0 <= statistics.packets_lost <= statistics.packets_expected
        assert statistics.packets_late <= statistics.packets_received


async def test_a_failing_listener_does_not_silence_the_others() -> None:
    def fail(event: MediaEvent) -> None:
        raise ZeroDivisionError(event)

    async with running_engine() as engine, connected(engine) as (leg, _, events):
        broken = engine.open_leg(fail)
        peer = Peer()
        broken.connect(peer.media())
        broken.play(in_all(b"a" * 160))
        leg.play(in_all(b"a" * 1600))
        await events.wait(PlaybackEnded)
        broken.close()
        peer.close()


async def test_more_playbacks_than_can_wait_end_at_once() -> None:
    async with running_engine() as engine, connected(engine) as (leg, _, events):
        for _ in range(1001):
            leg.play(in_all(b"a" * 16000))
        (ended,) = await events.wait(PlaybackEnded)
        assert (ended.playback, ended.stopped) == (1001, True)


async def test_a_flood_of_keys_is_cut_off() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        for index in range(200):
            peer.press(index % 10, 10_000 + index * 500, ends=1)
        await eventually(lambda: leg.statistics().packets_received >= 200)
        leg.play(in_all(b"a" * 160))
        await events.wait(PlaybackEnded)
        assert 25 <= len(events.of(DigitReceived)) < 100


async def test_many_legs_play_at_once() -> None:
    async with running_engine() as engine, contextlib.AsyncExitStack() as stack:
        legs = [await stack.enter_async_context(connected(engine)) for _ in range(40)]
        prompt = b"p" * 1600
        for leg, _, _ in legs:
            leg.play(in_all(prompt))
        for _, peer, events in legs:
            await events.wait(PlaybackEnded)
            packets = await peer.packets(10)
            steps = {b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)}
            assert steps <= {160, 160 - 2**32}
            assert b"".join(p.payload for p in packets) == prompt


async def test_nothing_of_a_finished_leg_waits_for_the_collector() -> None:
    class Listener(Events):
        """Can be looked for."""

    async with running_engine() as engine, connected(engine) as (other, _, _):
        listener, peer = Listener(), Peer()
        leg = engine.open_leg(listener, media_timeout=60.0)
        peer.target = ("127.0.0.1", leg.local_port)
        leg.connect(peer.media())
        leg.keep_sending()
        leg.relay(other)
        other.relay(leg)
        leg.start_tap()
        leg.play(in_all(b"a" * 1600))
        await peer.packets(3)
        remains = weakref.ref(leg), weakref.ref(listener)
        gc.disable()
        try:
            leg.close()
            other.relay(None)
            await listener.wait(PlaybackEnded)
            del leg, listener
            await eventually(lambda: [one() for one in remains] == [None, None])
        finally:
            gc.enable()
        peer.close()


async def test_a_closed_leg_lets_go_of_its_listener() -> None:
    class Call:
        """Holds its leg, as the calls of the telephone line do."""

        def __init__(self) -> None:
            self.leg: MediaLeg | None = None

        def on_event(self, event: MediaEvent) -> None:
            """Nothing: only the reference matters."""

    async with running_engine() as engine:
        call = Call()
        call.leg = engine.open_leg(call.on_event)
        gone = weakref.ref(call)
        gc.disable()
        try:
            call.leg.close()
            del call
            await eventually(lambda: gone() is None)
        finally:
            gc.enable()
