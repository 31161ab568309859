"""Two lines over real sockets: a call outlives its session's interval because one side refreshes it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from offhook.clock import SystemClock, new_id
from offhook.media import make_engine
from offhook.session.ports.telephony import DialOrder
from offhook.sip import Address, IncomingInvite, Timers
from offhook.telephony.dialer import Dialer
from offhook.telephony.endpoint import udp_endpoint
from offhook.telephony.incoming import IncomingCall
from offhook.telephony.line import Line
from offhook.telephony.trunks import Trunk

TIMERS = Timers(t1=0.1, t2=0.4, t4=0.5, min_session=1)
INTERVAL = 2
"""Seconds."""


async def make_line(stack: AsyncExitStack, first_port: int) -> Line:
    endpoint = udp_endpoint("127.0.0.1", 0, timers=TIMERS)
    await endpoint.start()
    stack.push_async_callback(endpoint.close)
    engine = make_engine("python", host="127.0.0.1", ports=(first_port, first_port + 99))
    engine.start()
    stack.callback(engine.close)
    return Line(
        endpoint=endpoint,
        media=engine,
        media_host="127.0.0.1",
        trunks={},
        media_timeout=60.0,
        clock=SystemClock(),
    )


async def test_a_call_outlives_its_interval_by_a_re_invite_and_an_update() -> None:
    received: list[IncomingCall] = []
    refreshes: list[bytes] = []
    async with AsyncExitStack() as stack:
        near = await make_line(stack, 41_000)
        far = await make_line(stack, 42_000)
        host, port = far.endpoint.local_address
        trunk = Trunk(name="far", transport="udp", host=host, port=port, session_timer=INTERVAL)
        near.use({"far": trunk}, media_timeout=60.0)

        def take(invite: IncomingInvite) -> None:
            call = IncomingCall(far, new_id(), invite)
            received.append(call)
            call.accept()
            agent_call = far.endpoint.agent.call_of(invite.handle)
            assert agent_call is not None
            agent_call.session_timer.updates = False  # until an answer says what it takes

        def watch(direction: str, data: bytes, _far: Address) -> None:
            if direction == ">" and data.startswith((b"UPDATE ", b"INVITE ")):
                refreshes.append(data)

        far.endpoint.on_incoming(take)
        far.watch_sip(watch)
        order = DialOrder(
            call_id=new_id(),
            source="+6512341234",
            destination="+12025550101",
            trunks=("far",),
            ring_timeout=10.0,
        )

        async def no_other(_trunk: str) -> bool:
            return False

        call = Dialer(near).dial(order, lambda _status, _early: None, no_other)
        assert await call.answered() is not None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.6 * INTERVAL):
                await call.wait_ended()
        first, second = dict.fromkeys(data.partition(b" ")[0] for data in refreshes)
        assert (first, second) == (b"INVITE", b"UPDATE")
        assert call.has_media
        assert received[0].has_media
        await call.hang_up()
        await received[0].wait_ended()
