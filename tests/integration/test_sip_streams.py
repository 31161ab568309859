"""SIP over TCP: calls, one connection for all of them, and peers that are slow, many, or gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.support.endpoints import Talker, started
from tests.support.net import free_port

from offhook.sip import Address, Answered, Ended, Ignored, Judgement, Rejected, Screen, Timers
from offhook.sip.message import Request
from offhook.sip.transport import Protocol
from offhook.telephony.transports.sip_connection import Patience
from offhook.telephony.transports.stream_transport import Places, StreamTransport

OPTIONS = (
    b"OPTIONS sip:offhook@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
    b"X-Long: " + b"a" * 300 + b"\r\nContent-Length: 0\r\n\r\n"
)
"""Long, so that its answer may be long too."""


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def tcp(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    patience: Patience = Patience(),  # noqa: B008 frozen
    places: Places = Places(),  # noqa: B008 frozen
) -> StreamTransport:
    return StreamTransport(Protocol.TCP, host, port, patience=patience, places=places)


def at(transport: StreamTransport) -> Address:
    return Address("tcp", *transport.local_address)


async def test_a_call_over_tcp_needs_one_connection(stack: AsyncExitStack) -> None:
    ours, theirs = tcp(), tcp()
    alice, bob = Talker(await started(stack, ours)), Talker(await started(stack, theirs))
    for hangs_up in (alice, bob):
        handle = alice.call(at(theirs))
        await alice.hears(handle, Answered)
        hangs_up.hang_up(handle if hangs_up is alice else bob.invites[-1].handle)
        assert isinstance(await alice.ends(handle), Ended)
        assert isinstance(await bob.ends(bob.invites[-1].handle), Ended)
    assert (ours.connections, theirs.connections) == (1, 1)


async def test_nothing_is_repeated_over_tcp(stack: AsyncExitStack) -> None:
    """A listener that never answers gets the INVITE once, though timer A would have fired."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    sent: list[bytes] = []
    alice = Talker(await started(stack, tcp(), timers=Timers(t1=0.01)))
    alice.endpoint.tap = lambda direction, data, _: sent.append(data)
    handle = alice.call(Address("tcp", *listener.getsockname()))
    event = await alice.ends(handle)
    assert isinstance(event, Rejected)
    assert (event.status, len(sent)) == (408, 1)


async def test_a_refused_connection_fails_the_call_at_once(stack: AsyncExitStack) -> None:
    alice = Talker(await started(stack, tcp()))
    event = await alice.ends(alice.call(Address("tcp", "127.0.0.1", free_port())))
    assert isinstance(event, Rejected)
    assert event.local
    assert "Connection refused" in (event.problem or "")


async def test_a_broken_connection_fails_what_waits_on_it(stack: AsyncExitStack) -> None:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    listener.setblocking(False)
    alice = Talker(await started(stack, tcp()))
    handle = alice.call(Address("tcp", *listener.getsockname()))
    sock, _ = await asyncio.get_running_loop().sock_accept(listener)
    await received(sock, 1)
    sock.close()
    event = await alice.hears(handle, Rejected, within=1)
    assert isinstance(event, Rejected)
    assert "is over" in (event.problem or "")


async def connect(
    stack: AsyncExitStack, transport: StreamTransport, source: str = "127.0.0.1"
) -> socket.socket:
    """A peer without any SIP of ours, closed with the stack."""
    sock = stack.enter_context(socket.socket())
    sock.setblocking(False)
    sock.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(sock, transport.local_address)
    return sock


async def send(sock: socket.socket, octets: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, octets)


async def received(sock: socket.socket, enough: int = 1_000_000, within: float = 8) -> bytes:
    """What comes until the connection is closed, or until there are ``enough`` octets."""
    octets = b""
    async with asyncio.timeout(within):
        with contextlib.suppress(ConnectionError):
            while len(octets) < enough:
                more = await asyncio.get_running_loop().sock_recv(sock, 65_536)
                if not more:
                    break
                octets += more
    return octets


async def test_an_answer_takes_the_connection_of_its_request(stack: AsyncExitStack) -> None:
    transport = tcp()
    await started(stack, transport)
    sock = await connect(stack, transport)
    await send(sock, OPTIONS + b"\r\n\r\n" + OPTIONS + b"no SIP\r\n")
    octets = await received(sock)
    contact = b"Contact: <sip:offhook@127.0.0.1:%d;transport=tcp>\r\n" % at(transport).port
    assert octets.count(b"SIP/2.0 200 OK\r\n") == octets.count(contact) == 2


async def test_a_slow_sender_loses_its_connection(stack: AsyncExitStack) -> None:
    transport = tcp(patience=Patience(first=0.2, rest=0.2, look=0.05))
    await started(stack, transport)
    sock = await connect(stack, transport)
    closed = asyncio.create_task(received(sock))
    with contextlib.suppress(ConnectionError):
        for octet in OPTIONS[:-1]:
            if closed.done():
                break
            await send(sock, bytes([octet]))
            await asyncio.sleep(0.02)
    assert await closed == b""


async def test_a_message_that_has_begun_must_end_in_time(stack: AsyncExitStack) -> None:
    """Also for a peer that has said something before, and whatever octets come meanwhile."""
    transport = tcp(patience=Patience(rest=0.2, look=0.02))
    await started(stack, transport)
    sock = await connect(stack, transport)
    await send(sock, OPTIONS)
    await received(sock, 1)
    closed = asyncio.create_task(received(sock))
    sent = 0
    with contextlib.suppress(ConnectionError):
        for octet in OPTIONS[:-1]:
            if closed.done():
                break
            await send(sock, bytes([octet]))
            sent += 1
            await asyncio.sleep(0.02)
    await closed
    assert sent < len(OPTIONS) - 1


async def test_who_only_pings_gets_no_more_time_than_who_is_silent(stack: AsyncExitStack) -> None:
    transport = tcp(patience=Patience(first=0.3, look=0.05))
    await started(stack, transport)
    sock = await connect(stack, transport)
    closed = asyncio.create_task(received(sock))
    with contextlib.suppress(ConnectionError):
        while not closed.done():
            await send(sock, b"\r\n\r\n")
            await asyncio.sleep(0.05)
    assert set(await closed) <= set(b"\r\n")
    assert transport.connections == 0


async def test_another_protocol_is_closed_at_once(stack: AsyncExitStack) -> None:
    transport = tcp()
    await started(stack, transport)
    sock = await connect(stack, transport)
    await send(sock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await received(sock, within=2) == b""


async def send_for_ever(sock: socket.socket, octets: bytes) -> None:
    while True:
        await asyncio.get_running_loop().sock_sendall(sock, octets)


async def test_who_does_not_read_loses_the_connection(stack: AsyncExitStack) -> None:
    transport = tcp()
    await started(stack, transport)
    sock = await connect(stack, transport)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with asyncio.timeout(20):
        with pytest.raises(ConnectionError):
            await send_for_ever(sock, OPTIONS * 100)
    assert transport.connections == 0


class Acquainted(Screen):
    """Knows one host, and bans another."""

    def __init__(self, known: str, banned: str = "") -> None:
        self._known, self._banned = known, banned

    def ignores(self, request: Request, source: Address) -> bool:
        return self.bans(source.host)

    def bans(self, host: str) -> bool:
        return host == self._banned

    def knows(self, host: str) -> bool:
        return host == self._known

    def judge(self, invite: Request, source: Address) -> Judgement:
        return Ignored()


async def stays(stack: AsyncExitStack, transport: StreamTransport, source: str) -> bool:
    """Whether a connection from ``source`` is kept until it has an answer."""
    sock = await connect(stack, transport, source)
    with contextlib.suppress(ConnectionError):
        await send(sock, OPTIONS)
    return bool(await received(sock, 1))


async def test_a_flood_of_connections_leaves_known_hosts_their_places(
    stack: AsyncExitStack,
) -> None:
    transport = tcp(places=Places(all=50, unknown=6, each=4))
    endpoint = await started(stack, transport)
    endpoint.screen(Acquainted("127.0.0.2"))
    from_one = [await stays(stack, transport, "127.0.0.3") for _ in range(6)]
    from_all = [await stays(stack, transport, f"127.0.0.{last}") for last in range(4, 9)]
    known = [await stays(stack, transport, "127.0.0.2") for _ in range(20)]
    assert (from_one.count(True), from_all.count(True), known.count(True)) == (4, 2, 20)


async def test_a_place_is_free_again_when_its_connection_is_closed(stack: AsyncExitStack) -> None:
    transport = tcp(places=Places(each=1))
    endpoint = await started(stack, transport)
    endpoint.screen(Acquainted("127.0.0.2"))
    async with asyncio.timeout(20):
        for _ in range(3):
            async with AsyncExitStack() as short:
                assert await stays(short, transport, "127.0.0.3")
            while transport.connections:
                await asyncio.sleep(0.005)


async def test_a_banned_host_cannot_connect(stack: AsyncExitStack) -> None:
    transport = tcp()
    endpoint = await started(stack, transport)
    endpoint.screen(Acquainted("127.0.0.2", banned="127.0.0.3"))
    assert await received(await connect(stack, transport, "127.0.0.3"), within=2) == b""
    assert await stays(stack, transport, "127.0.0.2")


async def test_a_peer_that_sends_a_lot_does_not_hold_up_another(stack: AsyncExitStack) -> None:
    transport = tcp()
    endpoint = await started(stack, transport)
    busy, other = await connect(stack, transport), await connect(stack, transport)
    ports: list[int] = []

    def note(direction: str, _: bytes, far: Address) -> None:
        if direction == "<":
            ports.append(far.port)

    endpoint.tap = note
    await send(busy, OPTIONS * 100)
    await send(other, OPTIONS)
    await received(other, 1)
    theirs = other.getsockname()[1]
    async with asyncio.timeout(20):
        while len(ports) < 101:
            await asyncio.sleep(0.005)
    assert ports.index(theirs) < 100


async def test_our_connections_are_kept_alive_and_given_up_when_the_peer_stops_answering(
    stack: AsyncExitStack,
) -> None:
    """RFC 5626 §4.4.1: a peer that has answered pings before must go on to."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    listener.setblocking(False)
    transport = tcp(patience=Patience(ping=0.1, pong=0.1, look=0.02))
    alice = Talker(await started(stack, transport))
    alice.call(Address("tcp", *listener.getsockname()))
    sock, _ = await asyncio.get_running_loop().sock_accept(listener)
    stack.enter_context(sock)
    octets = b""
    async with asyncio.timeout(20):
        while not octets.endswith(b"\r\n\r\n\r\n\r\n"):
            octets += await received(sock, 1)
        await send(sock, b"\r\n")
        rest = await received(sock)
    assert set(rest) <= set(b"\r\n")
    assert transport.connections == 0


async def test_a_peer_that_has_never_answered_a_ping_is_not_given_up(stack: AsyncExitStack) -> None:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    transport = tcp(patience=Patience(ping=0.05, pong=0.05, look=0.02))
    alice = Talker(await started(stack, transport))
    alice.call(Address("tcp", *listener.getsockname()))
    listener.setblocking(False)
    sock, _ = await asyncio.get_running_loop().sock_accept(listener)
    stack.enter_context(sock)
    octets = b""
    async with asyncio.timeout(20):
        while octets.count(b"\r\n\r\n") < 6:
            octets += await received(sock, 1)
    assert transport.connections == 1


async def test_a_host_that_is_not_known_may_not_be_silent_for_long(stack: AsyncExitStack) -> None:
    transport = tcp(patience=Patience(unknown=0.2, look=0.02))
    endpoint = await started(stack, transport)
    endpoint.screen(Acquainted("127.0.0.2"))
    known = await connect(stack, transport, "127.0.0.2")
    stranger = await connect(stack, transport, "127.0.0.3")
    for sock in (known, stranger):
        await send(sock, OPTIONS)
    assert await received(stranger)  # to its end
    assert transport.connections == 1
