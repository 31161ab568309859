"""Calls from outside that no session can be begun for, and whose number was called."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from tests.support.node_world import SwitchedSpending

from offhook.clock import SystemClock
from offhook.codes import CallStatus
from offhook.config import UnverifiedCallers
from offhook.events import (
    AnyEvent,
    Attestation,
    CallerVerification,
    CallReceived,
    Diverted,
    Verstat,
)
from offhook.execution.dispatcher import Dispatcher
from offhook.execution.inbound_calls import (
    COME_BACK_AFTER,
    InboundCalls,
    NumberBook,
    refusal_of,
)
from offhook.execution.runner import SessionRunner
from offhook.session.ports.record import (
    Fenced,
    InboundLimits,
    Node,
    StoreUnavailable,
    TooFast,
    TrunkFull,
)
from offhook.session.ports.stores import Store
from offhook.session.ports.telephony import CallFacts, ReceivedCall
from offhook.session.session import Session
from offhook.session.tenancy import SubAccount, VirtualNumber
from offhook.telephony.inbound_refusals import InboundRefusals

OURS = "+6568332048"
ACME = SubAccount(
    sub_account_id="acme",
    account_id="acme",
    numbers=(
        VirtualNumber(msisdn=OURS, reference_id="PSTN1"),
        VirtualNumber(msisdn="+6568332049", active=False),
    ),
)


FORWARDED = Diverted(number="+6561111111", reason="no-answer")


class Ringing:
    """A call that rings; remembers how it was refused."""

    call_id = "call-1"

    def __init__(self) -> None:
        self.refused: tuple[int, CallStatus] | None = None
        self.retry_after: int | None = None
        self.verdict: CallerVerification | None = None

    def facts(self) -> CallFacts:
        return CallFacts(diverted=(FORWARDED,))

    async def verify(self) -> CallerVerification | None:
        return self.verdict

    def belongs_to(self, session_id: str) -> None:
        self.session_id = session_id

    def refuse(self, sip_code: int, status: CallStatus, *, retry_after: int | None = None) -> None:
        self.refused = (sip_code, status)
        self.retry_after = retry_after


class World:
    """Everything InboundCalls works with, as far as it does."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.draining = False
        self.spending = SwitchedSpending()
        self.tests_itself = False
        self.started: list[Session] = []
        self.owned: list[str] = []
        self.given_up: list[str] = []
        self.happenings: list[AnyEvent] = []

    async def start(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent],
        limits: InboundLimits | None,
    ) -> None:
        self.limits = limits
        if self.failure is not None:
            raise self.failure
        self.started.append(session)

    def own(self, session_id: str, runner: SessionRunner) -> None:
        self.owned.append(session_id)

    def happened(self, event: AnyEvent) -> None:
        self.happenings.append(event)

    def make_refused(self, session: Session, why: str) -> SessionRunner:
        self.given_up.append(f"{session.session_id}: {why}")
        return cast(SessionRunner, self)

    async def is_test(self, number: VirtualNumber, caller: str) -> bool:
        return caller == number.msisdn and self.tests_itself

    async def take(
        self,
        caller: str = "+4915112345678",
        called: str = OURS,
        verdict: CallerVerification | None = None,
    ) -> Ringing:
        call = Ringing()
        call.verdict = verdict
        inbound = InboundCalls(
            refusals=InboundRefusals(),
            store=cast(Store, self),
            node=Node(name="n", epoch=1),
            dispatcher=cast(Dispatcher, self),
            numbers=NumberBook(lambda: [ACME]),
            make_runner=lambda session, received: cast(SessionRunner, self),
            make_refused=self.make_refused,
            spending=self.spending,
            is_test=self.is_test,
            limits_of=lambda trunk: InboundLimits(trunk, channels=1),
            clock=SystemClock(),
        )
        inbound.take(cast(ReceivedCall, call), "carrier", caller, called)
        await inbound.close()
        assert len(asyncio.all_tasks()) == 1
        return call


async def test_a_node_whose_epoch_is_over_refuses_a_caller_with_503() -> None:
    world = World(Fenced("another epoch"))
    call = await world.take()
    assert call.refused == (503, CallStatus.ERROR)
    assert world.owned == []


@pytest.mark.parametrize("limit", [TrunkFull("all are in use"), TooFast("too many a second")])
async def test_a_trunk_without_room_is_told_to_come_back_later(limit: Exception) -> None:
    world = World(limit)
    call = await world.take()
    assert call.refused == (503, CallStatus.ERROR)
    assert call.retry_after == COME_BACK_AFTER
    assert world.limits == InboundLimits("carrier", channels=1)
    assert world.owned == []


async def test_a_session_that_may_be_stored_is_ended_when_its_caller_is_refused() -> None:
    world = World(StoreUnavailable("away"))
    call = await world.take()
    assert call.refused == (503, CallStatus.ERROR)
    assert world.given_up == [f"{world.owned[0]}: away"]


async def test_an_error_of_ours_refuses_the_caller_too() -> None:
    assert (await World(RuntimeError("a bug")).take()).refused == (503, CallStatus.ERROR)


async def test_a_node_that_drains_takes_nobody() -> None:
    world = World()
    world.draining = True
    assert (await world.take()).refused == (503, CallStatus.ERROR)
    assert world.started == []


async def test_a_caller_is_refused_with_480_once_the_budget_of_the_day_is_spent() -> None:
    world = World()
    world.spending.reason = "the budget of the day is spent"
    assert (await world.take()).refused == (480, CallStatus.ERROR)
    assert world.started == []


async def test_a_number_that_was_lost_since_it_rang() -> None:
    assert (await World().take(called="+6568332049")).refused == (503, CallStatus.ERROR)


@pytest.mark.parametrize("called", [OURS, OURS.removeprefix("+")])
@pytest.mark.parametrize(
    ("caller", "source"),
    [
        ("+4915112345678", "+4915112345678"),
        ("4915112345678", "+4915112345678"),
        ("alice", "alice"),
        ("", "anonymous"),
    ],
)
async def test_the_session_of_a_call_from_outside(called: str, caller: str, source: str) -> None:
    world = World()
    call = await world.take(caller, called)
    assert call.refused is None
    (session,) = world.started
    assert world.owned == [session.session_id]
    assert call.session_id == session.session_id
    (leg,) = session.legs
    assert (leg.call_id, leg.source, leg.destination) == ("call-1", source, OURS)
    assert (leg.reference_id, leg.trunk) == ("PSTN1", "carrier")
    (received,) = world.happenings
    assert isinstance(received, CallReceived)
    assert received.diverted == (FORWARDED,)


PASSED, FAILED, UNSIGNED = (
    CallerVerification(result=Verstat.PASSED, attestation=Attestation.B),
    CallerVerification(result=Verstat.FAILED, reason="the signature is wrong"),
    CallerVerification(result=Verstat.NONE),
)


@pytest.mark.parametrize(
    ("policy", "verdict", "refused"),
    [
        ("accept", FAILED, None),
        ("accept", UNSIGNED, None),
        ("refuse_failed", PASSED, None),
        ("refuse_failed", FAILED, 438),
        ("refuse_failed", UNSIGNED, None),
        ("refuse", PASSED, None),
        ("refuse", FAILED, 438),
        ("refuse", UNSIGNED, 428),
        ("refuse", None, None),
    ],
)
def test_a_number_decides_about_callers_that_nobody_vouches_for(
    policy: str, verdict: CallerVerification | None, refused: int | None
) -> None:
    number = VirtualNumber(msisdn=OURS, unverified_callers=UnverifiedCallers(policy))
    assert refusal_of(verdict, number) == refused


async def test_the_verdict_on_the_caller_is_kept_with_the_leg() -> None:
    world = World()
    await world.take(verdict=PASSED)
    (session,) = world.started
    assert session.legs[0].verification == PASSED
    (received,) = world.happenings
    assert isinstance(received, CallReceived)
    assert received.verification == PASSED


def test_the_book_follows_the_sub_accounts() -> None:
    accounts = [[ACME], [SubAccount(sub_account_id="none", account_id="none")]]
    current = 0
    book = NumberBook(lambda: accounts[current])
    owner = book.owner(OURS)
    assert owner is not None
    assert owner[0] is ACME
    assert book.owner("+6568332049") is None
    assert book.owner("nonsense") is None
    current = 1
    assert book.owner(OURS) is None


async def test_a_test_call_is_refused_with_486_and_begins_no_session() -> None:
    world = World()
    world.tests_itself = True
    assert (await world.take(caller=OURS)).refused == (486, CallStatus.BUSY)
    assert (world.started, world.owned) == ([], [])
    assert (await world.take()).refused is None
    assert len(world.started) == 1
