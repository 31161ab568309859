"""A public address that a STUN server tells, and that changes while calls go on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from ipaddress import ip_address
from typing import cast

import pytest
from tests.support.endpoints import started

from offhook.sip import Address
from offhook.telephony import public_address
from offhook.telephony.public_address import PublicAddress
from offhook.telephony.transports.udp import UdpTransport


class StunServer(asyncio.DatagramProtocol):
    """Tells everybody the same address; the first ``lost`` questions get no answer."""

    def __init__(self) -> None:
        self.told = "203.0.113.5"
        self.asked = 0
        self.lost = 0
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.transport.get_extra_info("sockname")
        return host, port

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if self.asked <= self.lost:
            return
        host = bytes(a ^ b for a, b in zip(ip_address(self.told).packed, data[4:8], strict=True))
        head = b"\x01\x01\x00\x0c" + data[4:20]
        self.transport.sendto(b"garbage", addr)
        self.transport.sendto(head + b"\x00\x20\x00\x08\x00\x01\x00\x00" + host, addr)


@pytest.fixture
async def server() -> AsyncIterator[StunServer]:
    server = StunServer()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: server, ("127.0.0.1", 0))
    yield server
    transport.close()


async def test_a_lost_question_is_asked_again(
    server: StunServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_address, "TRIES", (0.05, 5.0))
    server.lost = 1
    told: list[str] = []
    assert await PublicAddress(server.address, told.append).ask()
    assert (told, server.asked) == (["203.0.113.5"], 2)


async def test_a_silent_server_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_address, "TRIES", (0.05,))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        told: list[str] = []
        assert not await PublicAddress(mute.getsockname(), told.append).ask()
    assert told == []


async def test_it_is_asked_again_when_the_network_changes(
    server: StunServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_address, "LOOK_EVERY", 0.02)
    own = ["10.0.0.1"]
    told: asyncio.Queue[str] = asyncio.Queue()
    address = PublicAddress(server.address, told.put_nowait, own=lambda: own[0])
    assert await address.ask()
    running = asyncio.create_task(address.run())
    async with asyncio.timeout(5):
        assert await told.get() == "203.0.113.5"
        server.told = "203.0.113.6"
        own[0] = "10.0.0.2"
        assert await told.get() == "203.0.113.6"
    running.cancel()
    assert server.asked == 2


async def test_new_messages_name_the_new_address() -> None:
    async with AsyncExitStack() as stack:
        transport = UdpTransport("127.0.0.1", 0)
        endpoint = await started(stack, transport)
        record = endpoint.agent.transports.to(Address("udp", "127.0.0.1", 9))
        endpoint.advertise("203.0.113.5")
        assert record.sent_by == f"203.0.113.5:{transport.local_address[1]}"
        assert endpoint.advertised_host == "203.0.113.5"
