"""Two legs joined: what one hears the other says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest
from tests.integration.media_peer import Events, Peer, connected, eventually, in_all, running_engine

from offhook.media import g711
from offhook.media.engine import DigitReceived, PlaybackEnded
from offhook.media.python.python_engine import PythonEngine
from offhook.media.python.python_leg import PythonLeg
from offhook.negotiated import Codec


@dataclass
class Bridge:
    """Leg A speaks µ-law, leg B A-law with telephone-event 100; each hears the other."""

    a: PythonLeg
    phone_a: Peer
    events_a: Events
    b: PythonLeg
    phone_b: Peer


@asynccontextmanager
async def bridged() -> AsyncIterator[tuple[PythonEngine, Bridge]]:
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
        bridge.phone_a.send()
        await eventually(lambda: bridge.a.statistics().packets_received == 2)
        bridge.b.play(in_all(b"\x11" * 160))
        assert bytes((await bridge.phone_b.packet()).payload) == b"\x11" * 160


async def test_a_closed_leg_hears_nothing_more() -> None:
    async with bridged() as (_, bridge):
        bridge.b.close()
        bridge.phone_a.send()
        bridge.phone_a.send()
        await eventually(lambda: bridge.a.statistics().packets_received == 2)
        assert bridge.b.statistics().packets_sent == 0


async def test_both_directions_are_recorded_in_the_same_time() -> None:
    heard, said = bytearray(), bytearray()
    async with bridged() as (engine, bridge):
        bridge.a.record(heard.extend)
        bridge.a.record_sent(said.extend)
        bridge.phone_a.send(b"\x22" * 160)
        bridge.phone_b.send(b"\x33" * 160)
        await bridge.phone_a.packet()
        async with connected(engine) as (clock, _, clock_events):
            clock.play(in_all(b"x" * 1600))
            await clock_events.wait(PlaybackEnded)
        bridge.a.play(in_all(b"\x44" * 160))
        await bridge.events_a.wait(PlaybackEnded)
        spoken = [
            g711.decode(Codec.PCMU, b"\x33".translate(g711.ALAW_TO_ULAW) * 160),
            g711.decode(Codec.PCMU, b"\x44" * 160),
        ]
        await eventually(lambda: g711.decode(Codec.PCMU, b"\x22" * 160) in heard)
        await eventually(lambda: all(part in said for part in spoken))
        bridge.a.record(None)
        bridge.a.record_sent(None)
        await eventually(lambda: abs(len(heard) - len(said)) < 320)


async def test_legs_of_another_engine_cannot_be_joined() -> None:
    async with bridged() as (_, bridge):
        with pytest.raises(TypeError):
            bridge.a.relay(object())  # type: ignore[arg-type]
