"""Legs of IPv4 and of IPv6 in one engine, and bridges between them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from tests.integration.media_peer import DEADLINE, PORTS, Events, Peer, UnderTest, in_all

from offhook.media import make_engine, rtp
from offhook.media.engine import MediaEngine, MediaLeg, PortsExhausted

pytestmark = pytest.mark.usefixtures("each_engine")


@asynccontextmanager
async def both(ports: tuple[int, int] = PORTS) -> AsyncIterator[MediaEngine]:
    engine = make_engine(UnderTest.kind, host="127.0.0.1", other="::1", ports=ports)
    engine.start()
    UnderTest.engine = engine
    try:
        yield engine
    finally:
        engine.close()


def wide_phone(leg: MediaLeg) -> tuple[socket.socket, Peer]:
    """A telephone at ::1; of the other one only its numbers are used."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("::1", 0))
    sock.setblocking(False)
    plain = Peer()
    media = msgspec.structs.replace(
        plain.media(), remote_host="::1", remote_port=sock.getsockname()[1]
    )
    leg.connect(media)
    return sock, plain


async def heard_by(sock: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    packet = rtp.parse(await asyncio.wait_for(loop.sock_recv(sock, 2048), DEADLINE))
    assert packet is not None
    return bytes(packet.payload)


async def test_a_prompt_is_heard_over_either_and_a_bridge_joins_them() -> None:
    async with both() as engine:
        wide = engine.open_leg(Events(), ip_version=6)
        sock, plain = wide_phone(wide)
        narrow = engine.open_leg(Events(), ip_version=4)
        peer = Peer()
        peer.target = ("127.0.0.1", narrow.local_port)
        narrow.connect(peer.media())
        wide.play(in_all(b"w" * 160))
        narrow.play(in_all(b"n" * 160))
        assert await heard_by(sock) == b"w" * 160
        assert bytes((await peer.packet()).payload) == b"n" * 160
        wide.relay(narrow)
        narrow.relay(wide)
        peer.send(b"\x11" * 160)
        assert await heard_by(sock) == b"\x11" * 160
        packet = rtp.build(
            payload_type=0, sequence=1, timestamp=160, ssrc=7, payload=b"\x22" * 160, marker=True
        )
        sock.sendto(packet, ("::1", wide.local_port))
        assert bytes((await peer.packet()).payload) == b"\x22" * 160
        for each in (sock, plain, peer):
            each.close()


async def test_each_version_has_the_whole_range_of_ports() -> None:
    async with both((21_200, 21_201)) as engine:
        legs = [engine.open_leg(Events(), ip_version=version) for version in (4, 6)]
        assert [leg.local_port for leg in legs] == [21_200, 21_200]
        for version in (4, 6):
            with pytest.raises(PortsExhausted):
                engine.open_leg(Events(), ip_version=version)
        legs[1].close()
        with pytest.raises(PortsExhausted):
            engine.open_leg(Events())
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    assert engine.open_leg(Events(), ip_version=6).local_port == 21_200
                    return
                except PortsExhausted:
                    await asyncio.sleep(0.002)  # another thread closes it


async def test_a_leg_has_peers_of_its_version_only() -> None:
    async with both() as engine:
        peer = Peer()
        wide = engine.open_leg(Events(), ip_version=6)
        with pytest.raises(ValueError, match="cannot exchange media"):
            wide.connect(peer.media())
        media = msgspec.structs.replace(peer.media(), remote_host="::1")
        with pytest.raises(ValueError, match="cannot exchange media"):
            engine.open_leg(Events()).connect(media)
        peer.close()


async def test_two_addresses_of_one_version_are_refused_and_a_version_that_is_not_there() -> None:
    with pytest.raises(ValueError):
        make_engine(UnderTest.kind, host="127.0.0.1", other="127.0.0.2", ports=PORTS)
    engine = make_engine(UnderTest.kind, host="127.0.0.1", ports=PORTS)
    engine.start()
    with pytest.raises(ValueError):
        engine.open_leg(Events(), ip_version=6)
    engine.close()
