"""Packets of 10 to 60 ms, and comfort noise, from the peer: heard, relayed, measured."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from tests.integration.media_peer import Peer, connected, eventually, running_engine

from offhook.media.engine import DigitReceived
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
