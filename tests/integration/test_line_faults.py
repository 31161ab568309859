"""A bug in our handling of a call ends that call: on the wire, for its session, and with nothing left."""

from __future__ import annotations

import asyncio
import functools
import inspect
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from offhook.clock import SystemClock, new_id
from offhook.codes import CallStatus
from offhook.events import Side
from offhook.media import make_engine
from offhook.media.engine import LegFailed
from offhook.media.python.python_engine import PythonEngine
from offhook.session.ports.telephony import CallEnd, DialOrder
from offhook.session.session import TrunkTry
from offhook.sip import IncomingInvite, Timers
from offhook.sip.sdp import make_offer
from offhook.telephony import line as line_module
from offhook.telephony.dialer import Dialer
from offhook.telephony.endpoint import udp_endpoint
from offhook.telephony.incoming import IncomingCall
from offhook.telephony.leg_media import LegMedia
from offhook.telephony.line import Line
from offhook.telephony.line_call import LineCall
from offhook.telephony.line_call import faults as call_faults
from offhook.telephony.outgoing import OutgoingCall
from offhook.telephony.trunks import Trunk

DEADLINE = 20.0
FAST = Timers(t1=0.025, t2=0.1, t4=0.1)
"""A lost answer is given up after 1.6 s."""


class Injected(Exception):
    """The bug."""


class Ends:
    """Two lines that call each other over loopback; the far one answers, then hangs up."""

    def __init__(self, near: Line, far: Line) -> None:
        self.near = near
        self.far = far
        self.received: list[IncomingCall] = []
        self.far_ends: list[CallEnd] = []
        self.rung: list[tuple[int, bool]] = []
        self.trunks: tuple[str, ...] = ("far",)
        self.tasks: set[asyncio.Task[None]] = set()
        far.endpoint.on_incoming(self._on_invite)

    def _on_invite(self, invite: IncomingInvite) -> None:
        call = IncomingCall(self.far, new_id(), invite)
        self.received.append(call)
        task = asyncio.get_running_loop().create_task(self._answer(call))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, call: IncomingCall) -> None:
        call.ring()
        call.accept()
        if await call.answered() is not None:
            handle = call.invite.handle
            with self.far.endpoint.command() as (agent, now):
                agent.send_info(handle, now, "application/dtmf", b"5")
                agent.reinvite(handle, now, call.invite.sdp or b"")
            await asyncio.wait([asyncio.ensure_future(call.wait_ended())], timeout=0.5)
        self.far_ends.append(await call.hang_up())

    def _rung(self, status: int, early_media: bool) -> None:
        self.rung.append((status, early_media))

    async def call(self) -> CallEnd:
        """One call of the near line, to its end at both sides."""
        order = DialOrder(
            call_id=new_id(),
            source="+6512341234",
            destination="+12025550101",
            trunks=self.trunks,
            ring_timeout=10.0,
        )

        async def no_other(_trunk: str) -> bool:
            return False

        async with asyncio.timeout(DEADLINE):
            end = await Dialer(self.near).dial(order, self._rung, no_other).wait_ended()
            while self.tasks:
                await asyncio.wait(self.tasks)
            return end

    def faults(self) -> int:
        """Errors reported so far."""
        lines = (self.near, self.far)
        return call_faults.total + sum(line.endpoint._faults.total for line in lines)

    async def nothing_left(self) -> None:
        """Wait until neither side holds a call, a listener or a transaction."""
        async with asyncio.timeout(DEADLINE):
            for line in (self.near, self.far):
                while line.endpoint.agent.dialogs or line.endpoint.agent.transactions:
                    await asyncio.sleep(0.02)
                assert len(line.endpoint._listeners) == 0
                assert isinstance(line.media, PythonEngine)
                while line.media._legs:  # closed by the engine's own thread
                    await asyncio.sleep(0.02)


async def make_line(stack: AsyncExitStack, trunks: dict[str, Trunk]) -> Line:
    endpoint = udp_endpoint("127.0.0.1", 0, timers=FAST)
    await endpoint.start()
    stack.push_async_callback(endpoint.close)
    engine = make_engine("python", host="127.0.0.1", ports=(41000, 44999))
    engine.start()
    stack.callback(engine.close)
    return Line(
        endpoint=endpoint,
        media=engine,
        media_host="127.0.0.1",
        trunks=trunks,
        media_timeout=60.0,
        clock=SystemClock(),
    )


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    async with AsyncExitStack() as stack:
        far = await make_line(stack, {})
        port = far.endpoint.local_address[1]
        trunk = Trunk(name="far", transport="udp", host="127.0.0.1", port=port)
        yield Ends(await make_line(stack, {"far": trunk}), far)


@pytest.mark.parametrize("name", ["open_leg", "LegMedia"])
async def test_media_that_cannot_be_opened_costs_one_call_and_no_socket(
    ends: Ends, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first error is ours as the caller, the second ours as the callee."""
    fail = True

    def fails(original: Any) -> Any:
        @functools.wraps(original)
        def maybe(*args: Any, **more: Any) -> Any:
            if fail:
                raise Injected
            return original(*args, **more)

        return maybe

    if name == "open_leg":
        for line in (ends.near, ends.far):
            monkeypatch.setattr(line.media, name, fails(line.media.open_leg))
    else:
        monkeypatch.setattr(line_module, name, fails(LegMedia))
    end = await ends.call()
    assert (end.status, end.detail) == (CallStatus.ERROR, "internal error")
    fail = False
    assert (await ends.call()).status is CallStatus.COMPLETED
    await ends.nothing_left()


async def test_media_that_fails_in_a_call_ends_it_at_both_sides(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(call: IncomingCall) -> None:
        call.ring()
        call.accept()
        await call.answered()
        call.on_media(LegFailed(at=0.0, detail="no memory"))
        ends.far_ends.append(await call.wait_ended())

    monkeypatch.setattr(ends, "_answer", answer)
    assert (await ends.call()).status is CallStatus.COMPLETED
    (far_end,) = ends.far_ends
    assert far_end.detail == "internal error"
    await ends.nothing_left()


async def test_an_incoming_call_whose_media_cannot_be_opened_is_refused(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise Injected

    monkeypatch.setattr(ends.far.media, "open_leg", fails)
    end = await ends.call()
    assert (end.status, end.sip_code) == (CallStatus.FAILED, 500)
    await ends.nothing_left()


async def test_any_later_18x_may_bring_early_media(ends: Ends) -> None:
    def ring(invite: IncomingInvite) -> None:
        endpoint = ends.far.endpoint
        with endpoint.command() as (agent, now):
            agent.ring(invite.handle, now, 180)
            agent.ring(invite.handle, now, 183)
            agent.ring(invite.handle, now, 183, make_offer(host="127.0.0.1", port=41000))
            agent.ring(invite.handle, now, 183, make_offer(host="127.0.0.1", port=41000))
            agent.reject(invite.handle, now, 486)

    ends.far.endpoint.on_incoming(ring)
    assert (await ends.call()).status is CallStatus.BUSY
    assert ends.rung == [(180, False), (183, False), (183, True)]
    await ends.nothing_left()


async def test_a_refused_call_says_why_in_words_and_numbers(ends: Ends) -> None:
    def refuse(invite: IncomingInvite) -> None:
        headers = [("Reason", "Q.850;cause=20"), ("Warning", '399 pbx "subscriber absent"')]
        with ends.far.endpoint.command() as (agent, now):
            agent.reject(invite.handle, now, 480, "Not Here", headers)

    ends.far.endpoint.on_incoming(refuse)
    end = await ends.call()
    assert (end.status, end.sip_code, end.by) == (CallStatus.FAILED, 480, Side.CALLEE)
    assert (end.sip_reason, end.q850_cause) == ("Not Here", 20)
    assert end.warning == '399 pbx "subscriber absent"'
    assert end.tries == (TrunkTry(trunk="far", sip_code=480, sip_reason="Not Here"),)


async def test_an_unanswered_call_names_its_address_and_how_long_it_waited(
    ends: Ends,
) -> None:
    await ends.far.endpoint.close()
    port = ends.near.trunks["far"].port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", port))
        end = await ends.call()
    assert end.status is CallStatus.FAILED
    assert end.detail == f"no response from udp:127.0.0.1:{port} for 2 s"
    assert end.tries == (TrunkTry(trunk="far", detail=end.detail),)


async def test_a_trunk_that_a_reload_removed_is_passed_over(ends: Ends) -> None:
    ends.trunks = ("gone", "far")
    assert (await ends.call()).status is CallStatus.COMPLETED
    ends.trunks = ("gone",)
    end = await ends.call()
    assert (end.status, end.detail) == (CallStatus.ERROR, "trunk gone is no longer configured")


MUST_NOT_FAIL = frozenset(
    {
        "_guarded",
        "_fault",
        "_abandon",
        "_end",
        "_stop_ring_timer",
        "on_sip",
        "on_media",
        "__init__",
        "start",
        "_end_before_media",
        # called by the session, which has its own rules
        "ended", "connected", "has_media", "answered", "wait_ended", "play", "on_digit", "relay",
        "quality", "hang_up", "ring", "accept", "refuse", "answer_to_our_offer",
    }
)  # fmt: skip


def handlers(*parts: type[Any]) -> list[tuple[type[Any], str]]:
    """The methods that events, timers and tasks of a call go through."""
    return [
        (part, name)
        for part in parts
        for name, value in vars(part).items()
        if inspect.isfunction(value) and name not in MUST_NOT_FAIL
    ]


def name_of(handler: tuple[type[Any], str]) -> str:
    return f"{handler[0].__name__}.{handler[1]}"


async def test_a_call_without_bugs_ends_well(ends: Ends) -> None:
    end = await ends.call()
    assert (end.status, end.by, end.fault) == (CallStatus.COMPLETED, Side.CALLEE, False)
    await ends.nothing_left()


@pytest.mark.parametrize("handler", handlers(LineCall, OutgoingCall, IncomingCall), ids=name_of)
async def test_a_handler_that_raises_ends_its_call_at_both_sides(
    ends: Ends,
    handler: tuple[type[Any], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part, name = handler
    original = vars(part)[name]
    failed = False

    @functools.wraps(original)
    def fail_once(*args: Any, **more: Any) -> Any:
        nonlocal failed
        if not failed:
            failed = True
            raise Injected
        return original(*args, **more)

    before = ends.faults()
    monkeypatch.setattr(part, name, fail_once)
    end = await ends.call()
    assert end.status in CallStatus
    await ends.nothing_left()
    assert all(call.ended is not None for call in ends.received)
    assert ends.faults() - before == int(failed)
    monkeypatch.undo()
    assert (await ends.call()).status is CallStatus.COMPLETED, "the next call is not harmed"
