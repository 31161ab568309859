"""Packets between a browser's stream and the voice node, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from offhook.media.python.port_pool import PortPool
from offhook.media.telephone_event import event_packets
from offhook.negotiated import Codec, NegotiatedMedia
from offhook.webphone.browser_description import StreamTypes
from offhook.webphone.packet_relay import PacketRelay, is_rtcp, translated

LOCAL = "127.0.0.1"
TYPES = StreamTypes(0, 126)


def packet(number: int, *, marker: bool = False, sequence: int = 7, payload: bytes = b"x") -> bytes:
    second = number | (0x80 if marker else 0)
    return bytes([0x80, second]) + sequence.to_bytes(2) + bytes(4) + b"ssrc" + payload


class Ends:
    """The relay, and what came out of it."""

    def __init__(self) -> None:
        self.node = PortPool(LOCAL, (15_000, 15_400)).open()
        self.other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.other.bind(("127.0.0.2", 0))
        pair = PortPool(LOCAL, (15_500, 15_900)).open()
        self.port = pair.port
        self.browser: asyncio.Queue[bytes] = asyncio.Queue()
        self.digits: list[str] = []
        self.relay = PacketRelay(pair, self.browser.put_nowait, self.digits.append)

    def close(self) -> None:
        self.relay.close()
        self.node.close()
        self.other.close()

    def use(self) -> None:
        media = NegotiatedMedia(
            remote_host="203.0.113.1",  # what the node shows to others
            remote_port=self.node.port,
            codec=Codec.PCMU,
            payload_type=0,
            dtmf_payload_type=101,
            dtmf_receive_payload_type=101,
        )
        self.relay.use(LOCAL, media, TYPES)

    async def at_the_node(self, sock: socket.socket) -> bytes:
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recv(sock, 2048), 20)

    async def at_the_browser(self) -> bytes:
        return await asyncio.wait_for(self.browser.get(), 20)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    made = Ends()
    yield made
    made.close()


async def test_the_payload_types_are_each_sides_own_and_all_else_passes(ends: Ends) -> None:
    ends.use()
    ends.relay.from_browser(packet(126, marker=True))
    assert await ends.at_the_node(ends.node.rtp) == packet(101, marker=True)
    ends.node.rtp.sendto(packet(0, payload=b"sound"), (LOCAL, ends.port))
    assert await ends.at_the_browser() == packet(0, payload=b"sound")


async def test_rtcp_goes_to_its_own_port_and_comes_from_there(ends: Ends) -> None:
    ends.use()
    report = packet(72, marker=True)  # 200: a sender report
    assert is_rtcp(report)
    ends.relay.from_browser(report)
    assert await ends.at_the_node(ends.node.rtcp) == report
    ends.node.rtcp.sendto(report, (LOCAL, ends.port + 1))
    assert await ends.at_the_browser() == report


async def test_a_key_of_the_far_end_is_told_once_and_passes(ends: Ends) -> None:
    ends.use()
    sent = event_packets("5", 0.1)
    for number, one in enumerate(sent):
        octets = packet(101, marker=one.marker, sequence=number, payload=one.payload)
        ends.node.rtp.sendto(octets, (LOCAL, ends.port))
    got = [await ends.at_the_browser() for _ in sent]
    assert {one[1] & 0x7F for one in got} == {126}
    assert ends.digits == ["5"]


async def test_other_hosts_and_other_types_are_not_relayed(ends: Ends) -> None:
    ends.relay.from_browser(packet(0))  # before anything is agreed
    ends.use()
    ends.other.sendto(packet(0, payload=b"forged"), (LOCAL, ends.port))
    ends.node.rtp.sendto(packet(96), (LOCAL, ends.port))
    ends.node.rtp.sendto(b"\x80", (LOCAL, ends.port))
    ends.node.rtp.sendto(packet(0, payload=b"real"), (LOCAL, ends.port))
    assert await ends.at_the_browser() == packet(0, payload=b"real")
    ends.relay.from_browser(packet(111))
    ends.relay.from_browser(packet(0, payload=b"late"))
    assert await ends.at_the_node(ends.node.rtp) == packet(0, payload=b"late")


def test_what_is_too_short_is_no_packet() -> None:
    assert translated(b"", {0: 0}) is None
    assert translated(packet(0)[:11], {0: 0}) is None
