"""Calls over a trunk with several servers: one that is silent, refuses or is overloaded costs no call."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.support.name_server import NameServer
from tests.support.net import free_port

from offhook.clock import SystemClock, new_id
from offhook.codes import CallStatus
from offhook.media import make_engine
from offhook.session.ports.telephony import CallEnd, DialOrder
from offhook.sip import IncomingInvite
from offhook.telephony import outgoing
from offhook.telephony.dialer import Dialer
from offhook.telephony.endpoint import SipEndpoint, udp_endpoint
from offhook.telephony.line import Line
from offhook.telephony.transports.locator import Locator
from offhook.telephony.trunks import Trunk


class Carrier:
    """A server of a carrier: refuses each call with one status, and counts them."""

    def __init__(self, endpoint: SipEndpoint, status: int) -> None:
        self.calls = 0
        self._endpoint, self._status = endpoint, status
        endpoint.on_incoming(self._refuse)

    def _refuse(self, invite: IncomingInvite) -> None:
        self.calls += 1
        with self._endpoint.command() as (agent, now):
            agent.reject(invite.handle, now, self._status)


class World:
    """A line with a trunk whose servers a name server tells."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.line: Line

    async def carrier(self, status: int) -> tuple[Carrier, int]:
        endpoint = udp_endpoint("127.0.0.1", 0)
        await endpoint.start()
        self._stack.push_async_callback(endpoint.close)
        return Carrier(endpoint, status), endpoint.local_address[1]

    async def begin(self, *ports: int) -> None:
        """Servers in this order."""
        records = "".join(
            f"_sip._udp.carrier.example. 60 SRV {place} 0 {port} localhost.\n"
            for place, port in enumerate(ports)
        )
        names = await self._stack.enter_async_context(NameServer(records))
        endpoint = udp_endpoint("127.0.0.1", 0)
        endpoint.locator = Locator([("udp", False)], resolver=names.resolver)
        await endpoint.start()
        self._stack.push_async_callback(endpoint.close)
        engine = make_engine("python", host="127.0.0.1", ports=(41000, 44999))
        engine.start()
        self._stack.callback(engine.close)
        trunk = Trunk(name="carrier", transport="udp", host="carrier.example", port=0)
        self.line = Line(
            endpoint=endpoint,
            media=engine,
            media_host="127.0.0.1",
            trunks={"carrier": trunk},
            media_timeout=60.0,
            clock=SystemClock(),
        )

    async def call(self) -> CallEnd:
        order = DialOrder(
            call_id=new_id(),
            source="+6512341234",
            destination="+12025550101",
            trunks=("carrier",),
            ring_timeout=10.0,
        )

        async def no_other(_trunk: str) -> bool:
            return False

        async with asyncio.timeout(15):
            call = Dialer(self.line).dial(order, lambda _status, _early: None, no_other)
            return await call.wait_ended()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(stack)


@pytest.mark.parametrize("first", ["overloaded", "refusing", "silent"])
async def test_the_next_server_takes_the_call(
    world: World, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "PATIENCE", 0.3)
    busy, port = await world.carrier(486)
    away = free_port()  # a closed port: ICMP tells it, or it is silent
    if first == "overloaded":
        _, away = await world.carrier(503)
    elif first == "silent":
        mute = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        world._stack.callback(mute.close)
        mute.bind(("127.0.0.1", 0))
        away = mute.getsockname()[1]
    await world.begin(away, port)
    end = await world.call()
    assert end.status is CallStatus.BUSY
    assert [(each.trunk, each.sip_code) for each in end.tries][-1] == ("carrier", 486)
    assert len(end.tries) == 2
    end = await world.call()
    assert (end.status, len(end.tries), busy.calls) == (CallStatus.BUSY, 1, 2)


async def test_a_refusal_that_is_no_overload_is_the_answer(world: World) -> None:
    _, first = await world.carrier(404)
    other, second = await world.carrier(486)
    await world.begin(first, second)
    end = await world.call()
    assert (end.sip_code, other.calls) == (404, 0)


async def test_when_every_server_fails_the_last_words_are_told(world: World) -> None:
    _, first = await world.carrier(503)
    _, second = await world.carrier(503)
    await world.begin(first, second)
    end = await world.call()
    assert (end.sip_code, len(end.tries)) == (503, 2)


async def test_a_domain_that_does_not_exist_fails_the_call_with_its_reason(world: World) -> None:
    await world.begin()
    end = await world.call()
    assert end.status is CallStatus.FAILED
    assert (end.detail or "").startswith("cannot look up carrier.example: ")
