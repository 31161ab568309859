"""SIP over WebSocket (RFC 7118) with another implementation of WebSocket as the browser: aiohttp's."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from tests.support.endpoints import SDP, Talker, started

from offhook.sip import Ended
from offhook.sip.message import MAX_MESSAGE, Request, parse
from offhook.sip.transport import Protocol
from offhook.telephony.transports.sip_connection import Patience
from offhook.telephony.transports.stream_transport import StreamTransport

VIA = "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK"


def request(method: str, cseq: int, body: str = "", to_tag: str = "") -> str:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} sip:offhook@127.0.0.1 SIP/2.0\r\nVia: {VIA}{method}{cseq}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:ann@example.org>;tag=1\r\nTo: <sip:b@example.org>{to_tag}\r\n"
        f"Call-ID: 1\r\nCSeq: {cseq} {method}\r\n"
        f"Contact: <sip:ann@df7jal23ls0d.invalid;transport=ws>\r\n{kind}\r\n{body}"
    )


class World:
    def __init__(self, stack: AsyncExitStack, talker: Talker, transport: StreamTransport) -> None:
        self.stack, self.talker, self.transport = stack, talker, transport
        self.url = f"http://127.0.0.1:{transport.local_address[1]}/"

    async def browser(self) -> aiohttp.ClientWebSocketResponse:
        session = await self.stack.enter_async_context(aiohttp.ClientSession())
        return await self.stack.enter_async_context(
            session.ws_connect(self.url, protocols=("sip",))
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        patience = Patience(first=0.5, look=0.05)
        transport = StreamTransport(Protocol.WS, "127.0.0.1", 0, patience=patience)
        talker = Talker(await started(stack, transport))
        yield World(stack, talker, transport)


async def test_a_browser_calls_and_is_hung_up_over_its_connection(world: World) -> None:
    browser = await world.browser()
    assert browser.protocol == "sip"
    await browser.send_str(request("INVITE", 1, SDP.decode()))
    async with asyncio.timeout(5):
        while not (accepted := await browser.receive_str()).startswith("SIP/2.0 200"):
            pass
    assert ";transport=ws>" in accepted
    tag = re.search(r"\r\nTo: [^\r]*(;tag=[^\r]+)", accepted)
    assert tag is not None
    await browser.send_str(request("ACK", 1, to_tag=tag[1]))
    handle = world.talker.invites[0].handle
    world.talker.hang_up(handle)
    async with asyncio.timeout(5):
        bye = parse((await browser.receive_str()).encode())
    assert isinstance(bye, Request)
    assert (bye.method, bye.uri) == ("BYE", "sip:ann@df7jal23ls0d.invalid;transport=ws")
    vias = "".join(f"Via: {via}\r\n" for via in bye.lines("via"))
    await browser.send_str(
        f"SIP/2.0 200 OK\r\n{vias}From: {bye.get('from')}\r\nTo: {bye.get('to')}\r\n"
        f"Call-ID: {bye.call_id}\r\nCSeq: {bye.get('cseq')}\r\n\r\n"
    )
    assert isinstance(await world.talker.ends(handle), Ended)


async def test_without_the_subprotocol_it_is_refused(world: World) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(world.url)
        assert refused.value.status == 400
        async with session.get(world.url) as plain:
            assert plain.status == 426


async def test_a_message_that_is_too_long_ends_the_connection(world: World) -> None:
    browser = await world.browser()
    await browser.send_str("a" * (MAX_MESSAGE + 1))
    async with asyncio.timeout(5):
        assert (await browser.receive()).type in (
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.CLOSED,
        )
    assert browser.close_code == 1009


async def test_a_ping_is_answered(world: World) -> None:
    browser = await world.browser()
    await browser.send_str(request("OPTIONS", 1))
    await browser.ping(b"x")
    async with asyncio.timeout(5):
        assert (await browser.receive_str()).startswith("SIP/2.0 200 OK")


async def test_who_does_not_finish_the_handshake_is_closed(world: World) -> None:
    reader, writer = await asyncio.open_connection(*world.transport.local_address)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()


async def test_nothing_is_sent_to_a_browser_that_has_left(world: World) -> None:
    browser = await world.browser()
    await browser.send_str(request("INVITE", 1, SDP.decode()))
    async with asyncio.timeout(5):
        while not world.talker.invites:
            await asyncio.sleep(0.005)
    await browser.close()
    async with asyncio.timeout(10):
        while world.transport.connections:
            await asyncio.sleep(0.005)
    handle = world.talker.invites[0].handle
    world.talker.hang_up(handle)  # after the ACK that never comes
    assert isinstance(await world.talker.ends(handle), Ended)
