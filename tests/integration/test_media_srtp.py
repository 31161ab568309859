"""SRTP of the native engine against an implementation by hand: both directions, RTP and RTCP."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import pytest
from tests.integration.media_peer import (
    Events,
    Peer,
    UnderTest,
    eventually,
    in_all,
    running_engine,
)
from tests.support.srtp import Srtp

from offhook.media import make_engine, rtcp, rtp
from offhook.media.engine import DigitReceived, MediaCapabilities, MediaEngine, MediaLeg
from offhook.negotiated import Codec, NegotiatedMedia, SrtpKey, SrtpSuite

REPORTS = 0.2
"""Seconds between RTCP reports."""


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnderTest, "kind", "native")


def new_key(suite: SrtpSuite) -> SrtpKey:
    return SrtpKey(suite, secrets.token_bytes(suite.key_octets))


class SecurePeer:
    """A telephone with SRTP: the plain one, with keys around its packets."""

    def __init__(self, suite: SrtpSuite, *, mux: bool = False) -> None:
        self.plain, self.events = Peer(), Events()
        self.ours, self.theirs = new_key(suite), new_key(suite)
        self.outgoing, self.incoming = Srtp(self.ours), Srtp(self.theirs)
        self.mux = mux

    def media(self) -> NegotiatedMedia:
        return msgspec.structs.replace(
            self.plain.media(), send_key=self.theirs, receive_key=self.ours, rtcp_mux=self.mux
        )

    def packet(self, payload: bytes, sequence: int | None = None) -> bytes:
        """The next packet of our stream, not encrypted."""
        if sequence is not None:
            self.plain.sequence = sequence
        number = self.plain.sequence & 0xFFFF
        self.plain.sequence += 1
        self.plain.timestamp += 160
        return rtp.build(
            payload_type=0,
            sequence=number,
            timestamp=self.plain.timestamp,
            ssrc=self.plain.ssrc,
            payload=payload,
        )

    def send(self, datagram: bytes) -> None:
        self.plain.rtp.sendto(datagram, self.plain.target)

    async def heard(self) -> rtp.RtpPacket:
        """The next packet, decrypted; reports on the same port are passed over."""
        while True:
            datagram = await self.plain.datagram()
            if not 192 <= datagram[1] <= 223:
                break
        parsed = rtp.parse(self.incoming.open(datagram))
        assert parsed is not None
        return parsed


@asynccontextmanager
async def secured(
    engine: MediaEngine, suite: SrtpSuite, *, mux: bool = False
) -> AsyncIterator[tuple[MediaLeg, SecurePeer]]:
    peer = SecurePeer(suite, mux=mux)
    leg = engine.open_leg(peer.events)
    peer.plain.target = ("127.0.0.1", leg.local_port)
    leg.connect(peer.media())
    try:
        yield leg, peer
    finally:
        leg.close()
        peer.plain.close()


def test_the_native_engine_says_what_it_can_and_the_python_engine_has_g711_only() -> None:
    native = make_engine("native", host="127.0.0.1", ports=(20000, 20100))
    python = make_engine("python", host="127.0.0.1", ports=(20000, 20100))
    assert set(native.capabilities.codecs) == set(Codec)
    assert set(native.capabilities.suites) == set(SrtpSuite)
    assert python.capabilities == MediaCapabilities()
    native.close()
    python.close()


@pytest.mark.parametrize("suite", SrtpSuite)
async def test_what_we_send_can_be_decrypted_and_what_comes_is(suite: SrtpSuite) -> None:
    async with running_engine() as engine, secured(engine, suite) as (leg, peer):
        leg.start_tap()
        octets = bytes(range(160)) * 5
        leg.play(in_all(octets))
        assert b"".join([(await peer.heard()).payload for _ in range(5)]) == octets
        for _ in range(3):
            peer.send(peer.outgoing.protect(peer.packet(b"\x12" * 160)))
        await eventually(lambda: leg.statistics().packets_received == 3)
        assert b"\x12" * 160 in leg.take_frames()


@pytest.mark.parametrize("suite", SrtpSuite)
@pytest.mark.parametrize("mux", [False, True])
async def test_reports_are_encrypted_both_ways(suite: SrtpSuite, mux: bool) -> None:
    async with (
        running_engine(report_interval=REPORTS) as engine,
        secured(engine, suite, mux=mux) as (leg, peer),
    ):
        leg.keep_sending()
        peer.send(peer.outgoing.protect(peer.packet(b"\x12" * 160)))
        report = await (muxed_report(peer) if mux else peer.plain.report())
        opened = rtcp.parse(peer.incoming.open_report(report))
        assert opened is not None
        assert isinstance(opened[0], rtcp.SenderReport | rtcp.ReceiverReport)
        ssrc = int.from_bytes(report[4:8], "big")
        block = rtcp.ReportBlock(ssrc, 64, 1, leg.statistics().packets_sent, 800, 0, 0)
        told = rtcp.build(
            [
                rtcp.ReceiverReport(peer.plain.ssrc, (block,)),
                rtcp.SourceDescription(peer.plain.ssrc, "x"),
            ]
        )
        secret = peer.outgoing.protect_report(told, 1)
        if mux:
            peer.send(secret)
        else:
            peer.plain.rtcp.sendto(secret, ("127.0.0.1", leg.local_port + 1))
        await eventually(lambda: leg.statistics().remote_jitter == 0.1)


async def muxed_report(peer: SecurePeer) -> bytes:
    while True:
        datagram = await peer.plain.datagram()
        if 192 <= datagram[1] <= 223:
            return datagram


async def test_what_is_not_encrypted_with_the_key_is_dropped() -> None:
    suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80
    async with running_engine() as engine, secured(engine, suite) as (leg, peer):
        good = peer.outgoing.protect(peer.packet(b"\x12" * 160))
        peer.send(peer.packet(b"\x13" * 160))
        peer.send(Srtp(new_key(suite)).protect(peer.packet(b"\x14" * 160)))
        peer.send(good[:-1] + bytes((good[-1] ^ 1,)))
        peer.send(good[:40])
        peer.send(good[:3])
        peer.send(good)
        peer.send(good)  # again: replayed
        last = peer.outgoing.protect(peer.packet(b"\x15" * 160))
        peer.send(last)
        # Of the right ones the first has sequence number 100, the last one 103.
        await eventually(lambda: leg.statistics().packets_expected == 4)
        assert leg.statistics().packets_received == 2


async def test_the_peers_sequence_number_may_wrap() -> None:
    async with (
        running_engine() as engine,
        secured(engine, SrtpSuite.AES_CM_128_HMAC_SHA1_32) as (leg, peer),
    ):
        for number in range(65530, 65550):
            peer.plain.sequence = number
            peer.send(peer.outgoing.protect(peer.packet(b"\x12" * 160)))
        assert peer.outgoing.rollovers == 1
        await eventually(lambda: leg.statistics().packets_received == 20)


async def test_a_new_key_of_the_peer_begins_anew_and_ours_goes_on() -> None:
    async with (
        running_engine() as engine,
        secured(engine, SrtpSuite.AEAD_AES_128_GCM) as (leg, peer),
    ):
        leg.keep_sending()
        before = await peer.heard()
        old = peer.outgoing
        peer.send(old.protect(peer.packet(b"\x12" * 160)))
        await eventually(lambda: leg.statistics().packets_received == 1)
        peer.ours = new_key(SrtpSuite.AEAD_AES_128_GCM)
        leg.connect(peer.media())
        peer.send(old.protect(peer.packet(b"\x13" * 160)))
        peer.send(Srtp(peer.ours).protect(peer.packet(b"\x14" * 160)))
        await eventually(lambda: leg.statistics().packets_received == 2)
        after = await peer.heard()
        assert after.ssrc == before.ssrc


async def test_digits_and_a_bridge_to_a_plain_leg_work() -> None:
    plain, heard = Peer(), Events()
    async with (
        running_engine() as engine,
        secured(engine, SrtpSuite.AES_256_CM_HMAC_SHA1_80) as (leg, peer),
    ):
        other = engine.open_leg(heard)
        plain.target = ("127.0.0.1", other.local_port)
        other.connect(plain.media())
        leg.relay(other)
        other.relay(leg)
        peer.send(peer.outgoing.protect(peer.packet(b"\x12" * 160)))
        assert (await plain.packet()).payload == b"\x12" * 160
        plain.send(b"\x34" * 160)
        assert (await peer.heard()).payload == b"\x34" * 160
        plain.press(5, 9000)
        await heard.wait(DigitReceived)
        events = [await peer.heard() for _ in range(3)]
        assert all(event.payload_type == 101 and event.payload[0] == 5 for event in events)
        plain.close()


def received(leg: MediaLeg, count: int) -> bool:
    return leg.statistics().packets_received >= count


async def test_a_peer_with_ever_new_streams_takes_no_more_memory() -> None:
    # The state of SSRCs of long ago is dropped, so their packets count as new again.
    suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80
    async with running_engine() as engine, secured(engine, suite) as (leg, peer):
        first = [peer.outgoing.protect(peer.packet(b"\x12" * 160)) for _ in range(2)]
        for packet in first:
            peer.send(packet)
        await eventually(lambda: leg.statistics().packets_received == 2)
        for ssrc in range(1, 21):
            peer.plain.ssrc = ssrc
            stream = Srtp(peer.ours)
            for sequence in (1, 2):
                peer.send(stream.protect(peer.packet(b"\x13" * 160, sequence)))
            await eventually(partial(received, leg, 2 + ssrc))
        before = leg.statistics().packets_received
        for packet in first:
            peer.send(packet)
        await eventually(lambda: leg.statistics().packets_received > before)


def test_keys_of_two_suites_are_refused() -> None:
    engine = make_engine("native", host="127.0.0.1", ports=(20000, 20100))
    keys = new_key(SrtpSuite.AEAD_AES_128_GCM), new_key(SrtpSuite.AEAD_AES_256_GCM)
    peer = Peer()
    media = msgspec.structs.replace(peer.media(), send_key=keys[0], receive_key=keys[1])

    async def connect() -> None:
        engine.start()
        leg = engine.open_leg(Events())
        for wrong in (media, msgspec.structs.replace(media, receive_key=None)):
            with pytest.raises(ValueError, match="same suite"):
                leg.connect(wrong)
        engine.close()

    asyncio.run(connect())
    peer.close()
