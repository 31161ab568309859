"""The UDP endpoint over real sockets: loss, names, errors, listeners that fail, and its end."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.support.net import free_port
from tests.support.udp_proxy import UdpProxy, Weather

from offhook.sip import (
    Address,
    Answered,
    AnyEvent,
    Canceled,
    Confirmed,
    Ended,
    Ignored,
    IncomingInvite,
    Judgement,
    Rejected,
    Screen,
    Timers,
)
from offhook.sip.message import Request
from offhook.sip.sdp import make_offer
from offhook.telephony.endpoint import SipEndpoint, udp_endpoint

SDP = make_offer(host="127.0.0.1", port=4000)
FAST = Timers(t1=0.05, t2=0.2, t4=0.25, trying=0.05)


class Caller:
    """Places calls and waits for the last event of each."""

    def __init__(self, endpoint: SipEndpoint) -> None:
        self.endpoint = endpoint
        self.events: dict[str, list[AnyEvent]] = {}
        self.over: dict[str, asyncio.Event] = {}

    def call(self, port: int, host: str = "127.0.0.1") -> str:
        with self.endpoint.command() as (agent, now):
            handle = agent.invite(
                now,
                target=Address("udp", host, port),
                request_uri=f"sip:bob@{host}:{port}",
                from_uri="sip:alice@127.0.0.1",
                to_uri="sip:bob@127.0.0.1",
                sdp=SDP,
            )
        self.events[handle] = []
        self.over[handle] = asyncio.Event()
        self.endpoint.listen(handle, self.hear)
        return handle

    def hear(self, event: AnyEvent) -> None:
        self.events[event.handle].append(event)
        if isinstance(event, Answered):
            with self.endpoint.command() as (agent, now):
                agent.bye(event.handle, now)
        elif isinstance(event, Rejected | Ended | Canceled):
            self.over[event.handle].set()

    async def end_of(self, handle: str) -> AnyEvent:
        async with asyncio.timeout(20):
            await self.over[handle].wait()
        return self.events[handle][-1]


def answers(endpoint: SipEndpoint, heard: list[AnyEvent]) -> None:
    """Make an endpoint answer every call."""

    def on_incoming(event: IncomingInvite) -> None:
        endpoint.listen(event.handle, heard.append)
        with endpoint.command() as (agent, now):
            agent.ring(event.handle, now)
            agent.accept(event.handle, now, SDP)

    endpoint.on_incoming(on_incoming)


async def answered_call(alice: SipEndpoint, bob: SipEndpoint) -> str:
    """A call between the two that is up; returns the caller's handle."""
    answered = asyncio.Event()

    def on_event(event: AnyEvent) -> None:
        if isinstance(event, Answered):
            answered.set()

    with alice.command() as (agent, now):
        handle = agent.invite(
            now,
            target=Address("udp", "127.0.0.1", bob.local_address[1]),
            request_uri="sip:bob@127.0.0.1",
            from_uri="sip:alice@127.0.0.1",
            to_uri="sip:bob@127.0.0.1",
            sdp=SDP,
        )
    alice.listen(handle, on_event)
    async with asyncio.timeout(20):
        await answered.wait()
    return handle


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def start(stack: AsyncExitStack, **kwargs: object) -> SipEndpoint:
    endpoint = udp_endpoint("127.0.0.1", 0, timers=FAST, **kwargs)  # type: ignore[arg-type]
    await endpoint.start()
    stack.push_async_callback(endpoint.close)
    return endpoint


async def test_no_call_is_lost_though_datagrams_are(stack: AsyncExitStack) -> None:
    """10 % lost, 10 % doubled, 20 % overtaken, each way, the whole dialog through the bad network."""
    weather = Weather(drop=0.1, double=0.1, delay=0.2)
    port = free_port()
    proxy = await stack.enter_async_context(UdpProxy(("127.0.0.1", port), weather, seed=1))
    bob = udp_endpoint("127.0.0.1", port, timers=FAST, advertise_port=proxy.port)
    await bob.start()
    stack.push_async_callback(bob.close)
    answers(bob, [])
    alice = await start(stack)
    caller = Caller(alice)
    for handle in [caller.call(proxy.port) for _ in range(60)]:
        assert isinstance(await caller.end_of(handle), Ended)
    assert proxy.dropped > 20
    assert alice.agent.dialogs == 0


async def test_the_callee_hears_of_each_call_once(stack: AsyncExitStack) -> None:
    alice, bob = await start(stack), await start(stack)
    heard: list[AnyEvent] = []
    answers(bob, heard)
    caller = Caller(alice)
    for _ in range(3):
        await caller.end_of(caller.call(bob.local_address[1]))
    assert [type(event) for event in heard] == [Confirmed, Ended] * 3
    assert bob.agent.dialogs == 0
    assert len(bob._listeners) == 0
    assert len(alice._listeners) == 0


async def test_no_response_is_reported_as_our_own_timeout(stack: AsyncExitStack) -> None:
    caller = Caller(await start(stack))
    event = await caller.end_of(caller.call(free_port()))
    assert isinstance(event, Rejected)
    assert (event.status, event.local) == (408, True)


async def test_names_are_looked_up(stack: AsyncExitStack) -> None:
    alice, bob = await start(stack), await start(stack)
    answers(bob, [])
    caller = Caller(alice)
    assert isinstance(await caller.end_of(caller.call(bob.local_address[1], "localhost")), Ended)


@pytest.mark.parametrize(("host", "port"), [("does-not.invalid", 5060), ("127.0.0.1", 0)])
async def test_where_nothing_can_be_sent_the_call_fails_at_once(
    stack: AsyncExitStack, host: str, port: int
) -> None:
    caller = Caller(await start(stack))
    event = await caller.end_of(caller.call(port, host))
    assert isinstance(event, Rejected)
    assert event.local


async def test_without_a_listener_calls_are_refused(stack: AsyncExitStack) -> None:
    alice, bob = await start(stack), await start(stack)
    caller = Caller(alice)
    event = await caller.end_of(caller.call(bob.local_address[1]))
    assert isinstance(event, Rejected)
    assert event.status == 480


async def test_a_failing_listener_is_logged_and_harms_no_other_call(
    stack: AsyncExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = await start(stack), await start(stack)
    calls = 0

    def fail(_: AnyEvent) -> None:
        raise RuntimeError("another bug")

    def on_incoming(event: IncomingInvite) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("bug")
        bob.listen(event.handle, fail)
        with bob.command() as (agent, now):
            agent.accept(event.handle, now, SDP)

    bob.on_incoming(on_incoming)
    caller = Caller(alice)
    with caplog.at_level(logging.ERROR):
        first = await caller.end_of(caller.call(bob.local_address[1]))
        second = await caller.end_of(caller.call(bob.local_address[1]))
    assert isinstance(first, Rejected)
    assert first.status == 500
    assert isinstance(second, Ended)
    assert "handling IncomingInvite of a call: internal error" in caplog.text
    assert "handling Confirmed of a call: internal error" in caplog.text


async def test_a_bug_of_the_engine_costs_one_datagram(
    stack: AsyncExitStack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await start(stack), await start(stack)
    receive = bob.agent.receive
    seen = 0

    def fail_once(data: bytes, source: Address, now: float) -> None:
        nonlocal seen
        seen += 1
        if seen == 1:
            raise RuntimeError("bug")
        receive(data, source, now)

    monkeypatch.setattr(bob.agent, "receive", fail_once)
    answers(bob, [])
    caller = Caller(alice)
    with caplog.at_level(logging.ERROR):
        assert isinstance(await caller.end_of(caller.call(bob.local_address[1])), Ended)
    assert "handling a message from 127.0.0.1: internal error" in caplog.text


async def test_a_refused_call_leaves_no_listener(stack: AsyncExitStack) -> None:
    alice, bob = await start(stack), await start(stack)

    def on_incoming(event: IncomingInvite) -> None:
        bob.listen(event.handle, lambda _: None)
        if len(caller.over) == 1:
            with bob.command() as (agent, now):
                agent.reject(event.handle, now, 486)
        else:
            with bob.command() as (agent, now):
                agent.bye(event.handle, now)

    bob.on_incoming(on_incoming)
    caller = Caller(alice)
    for status in (486, 480):
        event = await caller.end_of(caller.call(bob.local_address[1]))
        assert isinstance(event, Rejected)
        assert event.status == status
    assert len(bob._listeners) == 0


class Deaf(Screen):
    """Lets nobody in, and answers nobody."""

    def ignores(self, request: Request, source: Address) -> bool:
        return True

    def judge(self, invite: Request, source: Address) -> Judgement:
        return Ignored()


async def test_ignored_addresses_get_no_answer(stack: AsyncExitStack) -> None:
    alice, bob = await start(stack), await start(stack)
    bob.screen(Deaf())
    caller = Caller(alice)
    event = await caller.end_of(caller.call(bob.local_address[1]))
    assert isinstance(event, Rejected)
    assert event.local


async def test_a_taken_port_says_so_and_leaves_nothing_open() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = udp_endpoint("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await endpoint.start()
    with pytest.raises(RuntimeError, match="not started"):
        _ = endpoint.agent
    with pytest.raises(RuntimeError, match="not started"):
        _ = endpoint.local_address


async def test_closing_twice_and_in_the_middle_of_a_call_is_quiet(stack: AsyncExitStack) -> None:
    endpoint = await start(stack)
    Caller(endpoint).call(free_port())
    Caller(endpoint).call(5060, "does-not.invalid")
    await endpoint.close()
    await endpoint.close()


async def test_closing_waits_until_a_lost_bye_was_repeated(stack: AsyncExitStack) -> None:
    alice, bob = await start(stack), await start(stack)
    heard: list[AnyEvent] = []
    answers(bob, heard)
    byes: list[bytes] = []
    receive = bob.agent.receive

    def lose_the_first_bye(data: bytes, source: Address, now: float) -> None:
        if data.startswith(b"BYE"):
            byes.append(data)
            if len(byes) == 1:
                return
        receive(data, source, now)

    bob.agent.receive = lose_the_first_bye  # type: ignore[method-assign]
    handle = await answered_call(alice, bob)
    with alice.command() as (agent, now):
        agent.bye(handle, now)
    await alice.close()
    assert len(byes) == 2
    assert isinstance(heard[-1], Ended)


async def test_closing_does_not_wait_for_ever(stack: AsyncExitStack) -> None:
    alice, bob = await start(stack), await start(stack)
    answers(bob, [])
    handle = await answered_call(alice, bob)
    await bob.close()
    with alice.command() as (agent, now):
        agent.bye(handle, now)
    async with asyncio.timeout(20):
        await alice.close(grace=0.1)
    assert alice.agent.hanging_up == 1


async def test_other_transports_are_not_pretended(stack: AsyncExitStack) -> None:
    endpoint = await start(stack)
    with pytest.raises(ValueError, match="tcp"), endpoint.command() as (agent, now):
        agent.invite(
            now,
            target=Address("tcp", "127.0.0.1", 5060),
            request_uri="sip:a@b",
            from_uri="sip:a@b",
            to_uri="sip:a@b",
            sdp=SDP,
        )


async def test_an_endpoint_on_every_address_advertises_one_of_its_own() -> None:
    endpoint = udp_endpoint("0.0.0.0", 0)
    await endpoint.start()
    sent: list[bytes] = []
    endpoint.tap = lambda direction, data, address: sent.append(data)
    Caller(endpoint).call(free_port())
    await endpoint.close()
    assert b"0.0.0.0" not in sent[0].partition(b"\r\n\r\n")[0]
