"""Packets of 10 to 60 ms, both ways, and comfort noise: heard, sent, relayed, measured."""

from __future__ import annotations

import asyncio
import itertools

import msgspec
import pytest
from tests.integration.media_peer import Peer, connected, eventually, in_all, running_engine

from offhook.media.engine import DigitReceived, PlaybackEnded
from offhook.media.tones import digit_tone
from offhook.negotiated import Codec

pytestmark = pytest.mark.usefixtures("each_engine")

MILLISECONDS = (10, 30, 60)
COMFORT_NOISE = 13
VOICE = bytes(range(1, 121)) * 24
"""µ-law that holds no octet of silence: 360 ms."""


async def speak(peer: Peer, octets: bytes, milliseconds: int, *, jitter: float = 0) -> int:
    """Send ``octets`` of G.711 in packets of that length, each in its time, every second one ``jitter``
    seconds late; how many packets."""
    loop = asyncio.get_running_loop()
    step, begin = milliseconds * 8, loop.time()
    packets = [octets[at : at + step] for at in range(0, len(octets) - step + 1, step)]
    for number, packet in enumerate(packets):
        due = begin + number * milliseconds / 1000 + number % 2 * jitter
        await asyncio.sleep(due - loop.time())  # its time
        peer.send(packet, step=step)
    return len(packets)


@pytest.mark.parametrize("milliseconds", MILLISECONDS)
async def test_packets_of_any_length_are_heard_and_measured(milliseconds: int) -> None:
    tone = digit_tone("7", 0.24)[Codec.PCMU]
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        leg.connect(msgspec.structs.replace(peer.media(), dtmf_receive_payload_type=None))
        leg.connect(msgspec.structs.replace(peer.media(), dtmf_payload_type=None))
        sent = await speak(peer, tone, milliseconds)
        (digit,) = await events.wait(DigitReceived)
        assert digit.digit == "7"
        await eventually(lambda: leg.statistics().packets_received == sent)
        assert leg.statistics().packets_lost == 0


@pytest.mark.parametrize("milliseconds", MILLISECONDS)
async def test_packets_of_any_length_cross_a_bridge_whole(milliseconds: int) -> None:
    async with (
        running_engine() as engine,
        connected(engine) as (a, phone_a, _),
        connected(engine) as (b, phone_b, _),
    ):
        a.relay(b)
        b.relay(a)
        b.keep_sending()
        await phone_b.packet()
        await speak(phone_a, VOICE, milliseconds, jitter=0.03)
        heard = b""
        spoken = VOICE[: len(VOICE) // (8 * milliseconds) * 8 * milliseconds]
        while len(heard) < len(spoken):
            payload = bytes((await phone_b.packet()).payload)
            if heard or payload != b"\xff" * len(payload):
                heard += payload
        assert heard == spoken


async def test_comfort_noise_between_words_changes_nothing() -> None:
    async with (
        running_engine() as engine,
        connected(engine) as (a, phone_a, events),
        connected(engine) as (b, phone_b, _),
    ):
        a.relay(b)
        b.relay(a)
        phone_a.send(b"\x11" * 160)
        assert bytes((await phone_b.packet()).payload) == b"\x11" * 160
        for _ in range(3):
            phone_a.send(b"\x40", payload_type=COMFORT_NOISE, step=1600)
        phone_a.send(b"\x22" * 160, marker=True)
        heard = await phone_b.packet()
        assert bytes(heard.payload) == b"\x22" * 160
        assert heard.payload_type == 0
        await eventually(lambda: a.statistics().packets_received == 5)
        assert a.statistics().packets_lost == 0
        assert events.all == []


@pytest.mark.parametrize("milliseconds", [10, 30, 40, 60])
async def test_our_packets_are_as_long_as_the_peer_wants(milliseconds: int) -> None:
    loop, octets = asyncio.get_running_loop(), 8 * milliseconds
    async with running_engine() as engine, connected(engine) as (leg, peer, events):
        leg.connect(msgspec.structs.replace(peer.media(), ptime=milliseconds))
        leg.play(in_all(VOICE), repetition=2, pause=0.08)
        expected = VOICE + b"\xff" * 640 + VOICE
        count = -(-len(expected) // octets)
        first = await peer.packet()
        begin = loop.time()
        packets = [first, *await peer.packets(count - 1)]
        took = loop.time() - begin
        (ended,) = await events.wait(PlaybackEnded)
        assert not ended.stopped
    assert [len(packet.payload) for packet in packets] == [octets] * count
    heard = b"".join(bytes(packet.payload) for packet in packets)
    assert heard == expected + b"\xff" * (len(heard) - len(expected))
    steps = [
        ((b.sequence - a.sequence) & 0xFFFF, (b.timestamp - a.timestamp) & 0xFFFFFFFF)
        for a, b in itertools.pairwise(packets)
    ]
    assert set(steps) == {(1, octets)}
    assert took > (count - 2) * milliseconds / 1000
    assert [packet.marker for packet in packets] == [True] + [False] * (count - 1)


async def test_packets_may_change_their_length_within_a_prompt() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        heard, lengths = b"", []
        leg.play(in_all(VOICE))
        for milliseconds in (20, 60, 10, 40):
            leg.connect(msgspec.structs.replace(peer.media(), ptime=milliseconds))
            for _ in range(50):
                payload = bytes((await peer.packet()).payload)
                heard += payload
                if len(payload) == 8 * milliseconds:
                    lengths.append(len(payload))
                    break
        assert lengths == [160, 480, 80, 320]
        while len(heard) < len(VOICE):
            heard += bytes((await peer.packet()).payload)
    assert heard == VOICE + b"\xff" * (len(heard) - len(VOICE))


async def test_a_key_is_as_long_with_long_packets_as_with_short_ones() -> None:
    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        leg.connect(msgspec.structs.replace(peer.media(), ptime=60))
        leg.keep_sending()
        await peer.packet()
        leg.send_digit("5", 0.2)
        while (packet := await peer.packet()).payload_type != 101:
            pass
        began, durations = packet.timestamp, []
        while packet.payload_type == 101:
            durations.append(int.from_bytes(packet.payload[2:4], "big"))
            packet = await peer.packet()
    assert durations == [*range(160, 1601, 160), 1600, 1600]
    # Twelve packets and two of a gap, each of 20 ms, by the clock of the engine.
    assert 14 * 160 <= packet.timestamp - began < 20 * 160


async def test_silence_is_sent_in_packets_of_the_peers_length() -> None:
    async with (
        running_engine() as engine,
        connected(engine) as (a, phone_a, _),
        connected(engine) as (b, phone_b, _),
    ):
        b.connect(msgspec.structs.replace(phone_b.media(), ptime=40))
        a.relay(b)
        b.relay(a)
        b.keep_sending()
        assert bytes((await phone_b.packet()).payload) == b"\xff" * 320
        await speak(phone_a, VOICE[:800], 20)
        heard = [bytes((await phone_b.packet()).payload) for _ in range(9)]
    assert {len(payload) for payload in heard} == {160, 320}
    assert b"".join(p for p in heard if len(p) == 160) == VOICE[:800]
