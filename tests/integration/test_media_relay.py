"""Two legs joined: what one hears the other says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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

from offhook.media import g711
from offhook.media.engine import DigitReceived, MediaEngine, MediaLeg, PlaybackEnded
from offhook.media.tones import InbandDigits
from offhook.negotiated import Codec

pytestmark = pytest.mark.usefixtures("each_engine")


@dataclass
class Bridge:
    """Leg A speaks µ-law, leg B A-law with telephone-event 100; each hears the other."""

    a: MediaLeg
    phone_a: Peer
    events_a: Events
    b: MediaLeg
    phone_b: Peer


@asynccontextmanager
async def bridged() -> AsyncIterator[tuple[MediaEngine, Bridge]]:
    async with (
        running_engine() as engine,
        connected(engine) as (a, phone_a, events_a),
        connected(engine) as (b, phone_b, _),
    ):
        phone_b.payload_type = 8
        b.connect(msgspec.structs.replace(phone_b.media(codec=Codec.PCMA), dtmf_payload_type=100))
        a.relay(b)
        b.relay(a)
        yield engine, Bridge(a, phone_a, events_a, b, phone_b)


async def test_each_hears_the_other_in_its_own_law() -> None:
    async with bridged() as (_, bridge):
        speech = bytes(range(160))
        bridge.phone_a.send(speech)
        heard = await bridge.phone_b.packet()
        assert (heard.payload_type, heard.marker) == (8, True)
        assert bytes(heard.payload) == speech.translate(g711.ULAW_TO_ALAW)
        bridge.phone_b.send(speech)
        heard = await bridge.phone_a.packet()
        assert heard.payload_type == 0
        assert bytes(heard.payload) == speech.translate(g711.ALAW_TO_ULAW)


async def test_one_stream_with_a_source_of_ours_and_the_others_timing() -> None:
    async with bridged() as (_, bridge):
        for marker in (True, False, True, False):
            bridge.phone_a.send(marker=marker)
        heard = await bridge.phone_b.packets(4)
        first = heard[0]
        assert {p.ssrc for p in heard} == {first.ssrc} != {bridge.phone_a.ssrc}
        assert [(p.sequence - first.sequence) & 0xFFFF for p in heard] == [0, 1, 2, 3]
        assert [(p.timestamp - first.timestamp) & 0xFFFFFFFF for p in heard] == [0, 160, 320, 480]
        assert [p.marker for p in heard] == [True, False, True, False]


async def test_loss_and_reordering_stay_visible() -> None:
    async with bridged() as (_, bridge):
        phone = bridge.phone_a
        for number in (0, 1, 4, 3, 5):
            phone.sequence, phone.timestamp = 65534 + number, 160 * number
            phone.send(bytes([number]) * 160)
        heard = await bridge.phone_b.packets(5)
        first = heard[0]
        assert [(p.sequence - first.sequence) & 0xFFFF for p in heard] == [0, 1, 4, 3, 5]
        assert [(p.timestamp - first.timestamp) // 160 for p in heard] == [0, 1, 4, 3, 5]


async def test_another_source_joins_the_same_stream() -> None:
    async with bridged() as (_, bridge):
        phone = bridge.phone_a
        phone.send()
        first = await bridge.phone_b.packet()
        phone.ssrc, phone.sequence, phone.timestamp = 0x7777, 40000, 99
        phone.send()
        phone.send()
        phone.send()
        heard = await bridge.phone_b.packets(2)
        assert [(p.sequence - first.sequence) & 0xFFFF for p in heard] == [1, 2]
        assert heard[0].marker
        assert {p.ssrc for p in heard} == {first.ssrc}


async def test_keys_go_through_and_are_heard_here_too() -> None:
    async with bridged() as (_, bridge):
        bridge.phone_a.send()
        stamp = (await bridge.phone_b.packet()).timestamp
        bridge.phone_a.press(7, bridge.phone_a.timestamp + 160)
        heard = await bridge.phone_b.packets(5)
        assert {p.payload_type for p in heard} == {100}
        assert {(p.timestamp - stamp) & 0xFFFFFFFF for p in heard} == {320}
        assert [p.payload[1] >> 7 for p in heard] == [0, 0, 1, 1, 1]
        (digit,) = await bridge.events_a.wait(DigitReceived)
        assert digit.digit == "7"


async def test_a_prompt_replaces_what_is_relayed() -> None:
    async with bridged() as (engine, bridge):
        events = Events()
        async with connected(engine) as (clock, _, clock_events):
            bridge.b.play(in_all(b"\x11" * 800))
            await bridge.phone_b.packet()
            bridge.phone_a.send(b"\x22" * 160)
            clock.play(in_all(b"x" * 1600))
            await clock_events.wait(PlaybackEnded)
            bridge.phone_a.send(b"\x22" * 160)
            heard = await bridge.phone_b.packets(5)
        assert [bytes(p.payload[:1]) for p in heard[:4]] == [b"\x11"] * 4
        assert bytes(heard[4].payload[:1]) == b"\x22".translate(g711.ULAW_TO_ALAW)
        assert heard[4].marker
        assert (heard[4].sequence - heard[3].sequence) & 0xFFFF == 1
        assert 0 < (heard[4].timestamp - heard[3].timestamp) & 0xFFFFFFFF < 80000
        assert not events.all


async def test_the_bridge_ends_when_told() -> None:
    async with bridged() as (_, bridge):
        bridge.phone_a.send()
        await bridge.phone_b.packet()
        bridge.a.relay(None)
        bridge.b.play(in_all(b"\x11" * 160))
        assert bytes((await bridge.phone_b.packet()).payload) == b"\x11" * 160, "both are done"
        bridge.phone_a.send()
        await eventually(lambda: bridge.a.statistics().packets_received == 2)
        bridge.b.play(in_all(b"\x22" * 160))
        assert bytes((await bridge.phone_b.packet()).payload) == b"\x22" * 160


async def test_a_closed_leg_hears_nothing_more() -> None:
    async with bridged() as (_, bridge):
        bridge.b.close()
        bridge.phone_a.send()
        bridge.phone_a.send()
        await eventually(lambda: bridge.a.statistics().packets_received == 2)
        assert bridge.b.statistics().packets_sent == 0


async def test_legs_of_another_engine_cannot_be_joined() -> None:
    async with bridged() as (_, bridge):
        with pytest.raises(TypeError):
            bridge.a.relay(object())  # type: ignore[arg-type]


async def test_a_leg_is_sent_rtp_without_a_break_once_it_is_answered() -> None:
    async with running_engine() as engine, connected(engine) as (leg, phone, events):
        leg.keep_sending()
        packets = await phone.packets(5)
        leg.play(in_all(b"a" * 320))
        await events.wait(PlaybackEnded)
        while bytes((packet := await phone.packet()).payload[:1]) != b"a":
            packets.append(packet)
        packets += [packet, *await phone.packets(4)]
        first = packets[0]
        steps = range(len(packets))
        assert [(p.sequence - first.sequence) & 0xFFFF for p in packets] == list(steps)
        stamps = [(p.timestamp - first.timestamp) & 0xFFFFFFFF for p in packets]
        assert stamps == [160 * n for n in steps]
        assert [p.marker for p in packets] == [True] + [False] * (len(packets) - 1)
        said = [bytes(p.payload[:1]) for p in packets]
        assert said == [b"\xff"] * (len(said) - 5) + [b"a"] * 2 + [b"\xff"] * 3


async def test_silence_fills_60_ms_without_a_packet_and_late_ones_are_dropped() -> None:
    async with bridged() as (_, bridge):
        phone = bridge.phone_a
        bridge.b.keep_sending()
        await bridge.phone_b.packet()
        phone.send(b"\x22" * 160)
        spoken = b"\x22".translate(g711.ULAW_TO_ALAW)
        while bytes((packet := await bridge.phone_b.packet()).payload[:1]) != spoken:
            pass
        # The next four packets of the phone come late, all at once: after six of silence.
        late = [packet, *await bridge.phone_b.packets(6)]
        assert {bytes(p.payload[:1]) for p in late[1:]} == {b"\xd5"}
        for _ in range(3):
            phone.send(b"\x33" * 160)
        phone.timestamp += 160 * 20
        phone.send(b"\x44" * 160)
        last = b"\x44".translate(g711.ULAW_TO_ALAW)
        while bytes((packet := await bridge.phone_b.packet()).payload[:1]) != last:
            late.append(packet)
        late.append(packet)
        assert {bytes(p.payload[:1]) for p in late[1:-1]} == {b"\xd5"}
        first = late[0]
        numbers = [(p.sequence - first.sequence) & 0xFFFF for p in late]
        assert numbers == list(range(len(late)))
        stamps = [(p.timestamp - first.timestamp) & 0xFFFFFFFF for p in late]
        assert all(after - before >= 160 for before, after in itertools.pairwise(stamps))
        assert stamps[:7] == [160 * n for n in range(7)]


async def test_a_source_that_does_not_count_its_pauses_is_joined_anew() -> None:
    async with bridged() as (_, bridge):
        bridge.b.keep_sending()
        bridge.phone_a.send(b"\x22" * 160)
        await bridge.phone_b.packets(8)
        bridge.phone_a.send(b"\x44" * 160, marker=True)
        wanted = b"\x44".translate(g711.ULAW_TO_ALAW)
        while bytes((await bridge.phone_b.packet()).payload[:1]) != wanted:
            pass


async def test_ringback_is_heard_until_packets_arrive_and_again_when_they_stop() -> None:
    async with bridged() as (_, bridge):
        bridge.b.keep_sending()
        bridge.b.play_below(in_all(b"r" * 800))
        while bytes((await bridge.phone_b.packet()).payload[:1]) != b"r":
            pass
        spoken = b"\x22".translate(g711.ULAW_TO_ALAW)
        bridge.phone_a.send(b"\x22" * 160)
        heard = [await bridge.phone_b.packet()]
        while bytes(heard[-1].payload[:1]) != spoken:
            heard.append(await bridge.phone_b.packet())
        after = [await bridge.phone_b.packet()]
        while bytes(after[-1].payload[:1]) != b"r":
            after.append(await bridge.phone_b.packet())
        assert {bytes(p.payload[:1]) for p in after[:-1]} == {b"\xd5"}
        quiet = (after[-1].timestamp - heard[-1].timestamp) & 0xFFFFFFFF
        assert quiet >= 7900
        bridge.b.play_below(None)
        while bytes((await bridge.phone_b.packet()).payload[:1]) != b"\xd5":
            pass


async def test_digits_cross_as_tones_to_a_leg_without_telephone_event() -> None:
    async with bridged() as (_, bridge):
        plain = msgspec.structs.replace(
            bridge.phone_b.media(codec=Codec.PCMA),
            dtmf_payload_type=None,
            dtmf_receive_payload_type=None,
        )
        bridge.b.connect(plain)
        bridge.b.keep_sending()
        bridge.phone_a.press(7, bridge.phone_a.timestamp)
        keys = InbandDigits()
        found = ""
        async with asyncio.timeout(DEADLINE):
            while not found:
                packet = await bridge.phone_b.packet()
                assert packet.payload_type == 8
                found += keys.packet(Codec.PCMA, packet.ssrc, packet.timestamp, packet.payload)
        assert found == "7"


async def test_a_digit_is_sent_as_events_where_they_were_agreed_else_as_tones() -> None:
    async with bridged() as (_, bridge):
        bridge.b.send_digit("5")
        events = await bridge.phone_b.packets(7)
        assert {p.payload_type for p in events} == {100}
        with pytest.raises(ValueError, match="not a DTMF digit"):
            bridge.b.send_digit("x")


async def test_while_a_leg_holds_us_the_other_hears_silence_and_nothing_is_passed_on() -> None:
    async with bridged() as (_, bridge):
        bridge.a.keep_sending()
        bridge.b.keep_sending()
        await bridge.phone_a.packet()
        bridge.a.connect(bridge.phone_a.media(send=False, receive=False))
        await eventually(lambda: not _waiting(bridge.phone_a))
        bridge.phone_a.send(b"\x22" * 160)
        heard = await bridge.phone_b.packets(10)
        assert {bytes(p.payload[:1]) for p in heard} == {b"\xd5"}
        assert not _waiting(bridge.phone_a)


def _waiting(phone: Peer) -> int:
    """How many packets wait at a phone; they are read."""
    count = 0
    while True:
        try:
            phone.rtp.recv(2048)
        except BlockingIOError:
            return count
        count += 1


async def test_a_prompt_given_with_the_answer_does_not_wait_behind_silence() -> None:
    async with running_engine() as engine, connected(engine) as (leg, phone, _):
        leg.keep_sending()
        leg.play(in_all(b"a" * 160))
        first = await phone.packet()
        assert (bytes(first.payload[:1]), first.marker) == (b"a", True)
