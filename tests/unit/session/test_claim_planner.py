"""Which waiting sessions start (spec/execution.md; DESIGN.md, "dispatch")."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from offhook import config
from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import AnyEvent
from offhook.flow.actions import Callflow, Hangup, MakeCall
from offhook.session.calling_hours import CallingHours, CallingWindow, OutsideHours
from offhook.session.claim_planner import LONGEST_HOLD, ClaimPlanner
from offhook.session.ports.metering import NoBudgets, Spending
from offhook.session.ports.record import (
    ClaimDecision,
    OutboxEntry,
    OutboxType,
    Queued,
    Usage,
)
from offhook.session.ports.webhooks import Reports
from offhook.session.session import Session
from offhook.session.tenancy import OptOutSettings, SubAccount, VirtualNumber

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDLE = Usage(
    running_by_sub_account={},
    channels_by_trunk={},
    tokens_by_sub_account={},
    tokens_by_trunk={},
)
ROUTES = (
    config.RouteSection(prefix="", trunks=("one", "two")),
    config.RouteSection(prefix="+44", trunks=("uk",)),
    config.RouteSection(prefix="+4479", trunks=("mobile",), subaccounts=("other",)),
)
TRUNKS = (
    config.TrunkSection(name="one", address="udp:127.0.0.1:1", channels=1),
    config.TrunkSection(name="two", address="udp:127.0.0.1:2", channels=1),
    config.TrunkSection(name="uk", address="udp:127.0.0.1:3"),
    config.TrunkSection(name="mobile", address="udp:127.0.0.1:4"),
)


USERS = (
    config.SipUserSection(username="ann", password="12345678", number="+12025550199"),
    config.SipUserSection(
        username="bob", password="12345678", number="+12025550198", subaccounts=("other",)
    ),
)


class Told(Reports):
    """Makes an entry for each session that ended; remembers the facts that were told."""

    def __init__(self) -> None:
        self.facts: list[AnyEvent] = []

    def happened(
        self, session: Session, events: Sequence[AnyEvent], client_action_id: str | None
    ) -> Sequence[OutboxEntry]:
        self.facts += events
        return []

    def captured(
        self, session: Session, url: str, digits: str | None, at: datetime
    ) -> Sequence[OutboxEntry]:
        return []

    def session_ended(self, session: Session) -> Sequence[OutboxEntry]:
        return [entry(session)]


def planner(
    sub_account: SubAccount,
    spending: Spending | None = None,
    down: frozenset[str] = frozenset(),
    **limits: Any,
) -> ClaimPlanner:
    return ClaimPlanner(
        node_name="n1",
        routes=ROUTES,
        trunks=TRUNKS,
        users=USERS,
        is_down=down.__contains__,
        limits=config.Limits(**limits),
        sub_account={sub_account.sub_account_id: sub_account}.get,
        country_of=lambda number: "GB" if number.startswith("+44") else "US",
        reports=Told(),
        spending=NoBudgets() if spending is None else spending,
    )


def entry(session: Session) -> OutboxEntry:
    return OutboxEntry(
        delivery_id="d",
        sub_account_id=session.sub_account_id,
        type=OutboxType.VSS,
        payload=b"{}",
        created_at=NOW,
        give_up_at=NOW,
        session_id=session.session_id,
    )


def queued(
    number: int = 0,
    *,
    destination: str = "+12025550100",
    age: float = 0,
    ready: float | None = None,
    valid_until: datetime | None = None,
) -> Queued:
    call = MakeCall(source="+6512341234", destination=destination)
    return Queued(
        session=Session(
            session_id=f"s{number}",
            sub_account_id="acme",
            call_flow_request_id="r",
            status=SessionStatus.QUEUED,
            callflow=Callflow(actions=(call, Hangup()), valid_until=valid_until),
            created_at=NOW - timedelta(seconds=age),
        ),
        ready_since=None if ready is None else NOW - timedelta(seconds=ready),
    )


ACME = SubAccount(
    sub_account_id="acme",
    account_id="a",
    numbers=(VirtualNumber(msisdn="+6512341234", reference_id="REF"),),
)


def test_a_free_session_starts_with_its_leg_and_trunks() -> None:
    (decision,) = planner(ACME)([queued()], IDLE, NOW)
    assert decision.session.status is SessionStatus.RUNNING
    assert decision.trunks == ("one", "two")
    (leg,) = decision.session.legs
    assert (leg.trunk, leg.destination, leg.initiated_at) == ("one", "+12025550100", NOW)
    assert leg.reference_id == "REF"
    assert decision.outbox == ()


def test_the_longest_prefix_open_to_the_sub_account_wins() -> None:
    (decision,) = planner(ACME)([queued(destination="+447900000000")], IDLE, NOW)
    assert decision.trunks == ("uk",)


@pytest.mark.parametrize(
    ("down", "trunks"),
    [
        ({"one"}, ("two", "one")),
        ({"two"}, ("one", "two")),
        ({"one", "two"}, ("one", "two")),
    ],
)
def test_a_trunk_that_is_down_is_tried_last(down: set[str], trunks: tuple[str, ...]) -> None:
    (decision,) = planner(ACME, down=frozenset(down))([queued()], IDLE, NOW)
    assert decision.trunks == trunks
    assert decision.session.legs[0].trunk == trunks[0]


def test_a_trunk_that_is_down_does_not_stand_in_for_a_full_one() -> None:
    plan = planner(ACME, down=frozenset({"one"}))
    decisions = plan([queued(n) for n in range(2)], IDLE, NOW)
    assert [d.session.status.value for d in decisions] == ["RUNNING", "QUEUED"]
    assert plan.left_waiting


def test_the_number_of_a_user_rings_its_phones_whatever_coverage_says() -> None:
    nowhere = SubAccount(sub_account_id="acme", account_id="a", coverage=())
    (decision,) = planner(nowhere)([queued(destination="+12025550199")], IDLE, NOW)
    assert decision.trunks == ("user:ann",)
    assert decision.session.legs[0].call_type == "VOIP"


def test_the_number_of_a_user_that_is_not_open_to_the_sub_account_goes_to_a_trunk() -> None:
    (decision,) = planner(ACME)([queued(destination="+12025550198")], IDLE, NOW)
    assert decision.trunks == ("one", "two")
    assert decision.session.legs[0].call_type == "PSTN"


def test_full_trunks_are_passed_over_and_then_waited_for() -> None:
    plan = planner(ACME)
    decisions = plan([queued(n) for n in range(3)], IDLE, NOW)
    assert [d.trunks for d in decisions] == [("one", "two"), ("two",), ("one", "two")]
    assert decisions[2].session.status is SessionStatus.QUEUED
    assert decisions[2].ready_since == NOW
    assert plan.left_waiting


@pytest.mark.parametrize(("waited", "status"), [(29.9, "QUEUED"), (30, "ERROR")])
def test_a_trunk_channel_is_waited_for_no_longer_than_queue_timeout(
    waited: float, status: str
) -> None:
    full = Usage(
        running_by_sub_account={},
        channels_by_trunk={"one": 1, "two": 1},
        tokens_by_sub_account={},
        tokens_by_trunk={},
    )
    (decision,) = planner(ACME)([queued(ready=waited)], full, NOW)
    assert decision.session.status == status
    if status == "ERROR":
        assert decision.session.error is not None
        assert decision.session.error.code is RuntimeCode.CAPACITY_EXCEEDED
        assert len(decision.outbox) == 1


def test_max_calls_counts_what_this_plan_starts() -> None:
    two_more = SubAccount(sub_account_id="acme", account_id="a", max_calls=3)
    usage = Usage(
        running_by_sub_account={"acme": 1},
        channels_by_trunk={},
        tokens_by_sub_account={},
        tokens_by_trunk={},
    )
    uk = [queued(n, destination="+441234567890") for n in range(4)]
    decisions = planner(two_more)(uk, usage, NOW)
    assert [d.session.status.value for d in decisions] == ["RUNNING", "RUNNING", "QUEUED", "QUEUED"]
    assert decisions[2].ready_since is None


def test_calls_per_second_are_tokens() -> None:
    usage = Usage(
        running_by_sub_account={},
        channels_by_trunk={},
        tokens_by_sub_account={"acme": 1.5},
        tokens_by_trunk={},
    )
    uk = [queued(n, destination="+441234567890") for n in range(2)]
    decisions = planner(ACME)(uk, usage, NOW)
    assert [d.session.status.value for d in decisions] == ["RUNNING", "QUEUED"]


@pytest.mark.parametrize(("waited", "status"), [(3599, "QUEUED"), (3600, "ERROR")])
def test_own_limits_are_waited_for_no_longer_than_max_queue_time(
    waited: float, status: str
) -> None:
    none_free = SubAccount(sub_account_id="acme", account_id="a", max_calls=0)
    (decision,) = planner(none_free)([queued(age=waited)], IDLE, NOW)
    assert decision.session.status == status


@pytest.mark.parametrize(
    ("waiting", "code"),
    [
        (queued(valid_until=NOW), RuntimeCode.VALIDITY_EXPIRED),
        (queued(destination="+33123456789"), RuntimeCode.NO_COVERAGE),
    ],
)
def test_what_cannot_be_dialled_ends_without_dialling(waiting: Queued, code: RuntimeCode) -> None:
    only_britain = SubAccount(sub_account_id="acme", account_id="a", coverage=("GB", "+1"))
    (decision,) = planner(only_britain)([waiting], IDLE, NOW)
    assert decision.session.status is SessionStatus.ERROR
    assert decision.session.error is not None
    assert decision.session.error.code is code
    assert decision.session.error.action == "MAKE_CALL"
    assert decision.session.legs[0].status == "ERROR"
    assert decision.session.last_action == "MAKE_CALL"
    assert [e.session_id for e in decision.outbox] == ["s0"]
    assert decision.trunks == ()


STRANGER = SubAccount(sub_account_id="another", account_id="a")


@pytest.mark.parametrize(
    ("owner", "destination", "code"),
    [
        (STRANGER, "+12025550100", RuntimeCode.INTERNAL),
        (ACME, "+4930123456", RuntimeCode.NO_COVERAGE),
    ],
)
@pytest.mark.parametrize(
    ("since", "ends"), [(None, False), (29.9, False), (30.0, True)], ids=["none", "29.9", "30"]
)
def test_what_a_node_does_not_know_ends_once_no_live_node_knew_it_for_queue_timeout(
    owner: SubAccount, destination: str, code: RuntimeCode, since: float | None, ends: bool
) -> None:
    chosen = ClaimPlanner(
        node_name="n1",
        routes=(config.RouteSection(prefix="+1", trunks=("one",)),),
        trunks=TRUNKS,
        limits=config.Limits(queue_timeout=30),
        sub_account={owner.sub_account_id: owner}.get,
        country_of=lambda _number: "US",
        reports=Told(),
        spending=NoBudgets(),
    )
    at = None if since is None else NOW - timedelta(seconds=since)
    session = queued(destination=destination, age=3000)
    waiting = msgspec.structs.replace(session, passed_over_since=at)
    (decision,) = chosen([waiting], IDLE, NOW)
    if ends:
        assert decision.session.error is not None
        assert decision.session.error.code is code
        assert decision.passed_over is None
    else:
        assert decision.session == waiting.session
        assert decision.passed_over in ("its sub-account", "a route to it")


def test_the_calls_of_one_claim_count_against_a_trunk_s_calls_per_second() -> None:
    """The store fills the buckets once for the whole claim; the plan counts them down."""
    usage = msgspec.structs.replace(IDLE, tokens_by_trunk={"uk": 2.5})
    waiting = [queued(number, destination="+442071234567") for number in range(4)]
    plan = planner(ACME)
    decisions = plan(waiting, usage, NOW)
    statuses = [decision.session.status for decision in decisions]
    assert statuses == [SessionStatus.RUNNING] * 2 + [SessionStatus.QUEUED] * 2
    assert plan.left_waiting


def test_a_call_goes_over_the_next_trunk_when_the_first_has_no_token_left() -> None:
    trunks = {"one": 1.0, "two": 1.0}
    usage = msgspec.structs.replace(IDLE, tokens_by_trunk=trunks)
    decisions = planner(ACME)([queued(number) for number in range(3)], usage, NOW)
    assert [decision.trunks[:1] for decision in decisions[:2]] == [("one",), ("two",)]
    assert decisions[2].session.status is SessionStatus.QUEUED


def test_a_session_that_is_refused_tells_that_its_leg_was_never_dialled() -> None:
    plan = planner(ACME)
    gone = NOW - timedelta(seconds=1)
    (decision,) = plan([queued(valid_until=gone)], IDLE, NOW)
    (leg,) = decision.session.legs
    assert (leg.status, leg.sip_code, leg.trunk) == (CallStatus.ERROR, 503, None)
    disconnected, ended = decision.events
    assert (type(disconnected).__name__, type(ended).__name__) == (
        "CallDisconnected",
        "SessionEnded",
    )


class TestCallingHours:
    """NOW is midnight in London: 08:00 in Singapore, 19:00 of the day before in Washington."""

    HOURS = CallingHours(windows=(CallingWindow(opens=9 * 60, closes=21 * 60),))
    SINGAPORE = "+6591234567"

    def decide(
        self, hours: CallingHours, waiting: Queued, usage: Usage = IDLE, now: datetime = NOW
    ) -> ClaimDecision:
        sub_account = msgspec.structs.replace(ACME, calling_hours=hours, max_calls=1)
        (decision,) = planner(sub_account)([waiting], usage, now)
        return decision

    def test_a_callee_in_another_time_zone_may_be_called(self) -> None:
        decision = self.decide(self.HOURS, queued(destination="+12025550100"))
        assert decision.session.status is SessionStatus.RUNNING

    def test_outside_of_them_a_session_waits_for_the_opening(self) -> None:
        early = NOW - timedelta(minutes=1)
        decision = self.decide(self.HOURS, queued(destination=self.SINGAPORE), now=early)
        assert decision.session.status is SessionStatus.QUEUED
        assert decision.not_before == early + LONGEST_HOLD
        assert self.decide(self.HOURS, queued(destination=self.SINGAPORE)).not_before == (
            NOW + timedelta(hours=1)
        )

    def test_or_ends_without_dialling_and_says_why(self) -> None:
        refusing = msgspec.structs.replace(self.HOURS, outside=OutsideHours.REFUSE)
        decision = self.decide(refusing, queued(destination=self.SINGAPORE))
        error = decision.session.error
        assert decision.session.status is SessionStatus.ERROR
        assert error is not None
        assert error.code is RuntimeCode.CAPACITY_EXCEEDED
        assert error.reason == "outside the calling hours of the destination (Asia/Singapore)"
        assert error.detail == error.reason

    def test_a_number_that_may_be_anywhere_is_refused_because_waiting_does_not_help(self) -> None:
        decision = self.decide(self.HOURS, queued(destination="+870773111632"))
        assert decision.session.error is not None
        assert "time zone unknown" in (decision.session.error.reason or "")

    def test_the_wait_does_not_count_toward_max_queue_time(self) -> None:
        busy = msgspec.structs.replace(IDLE, running_by_sub_account={"acme": 1})
        at = NOW + timedelta(hours=1, minutes=59)  # 09:59: since 09:00 it may be called
        waiting = queued(destination=self.SINGAPORE, age=3600 * 10)
        assert self.decide(self.HOURS, waiting, busy, at).session.status is SessionStatus.QUEUED
        at += timedelta(minutes=1)
        error = self.decide(self.HOURS, waiting, busy, at).session.error
        assert error is not None
        assert error.detail == "waited max_queue_time for the sub-account's own limits"

    def test_valid_until_counts_outside_of_them_too(self) -> None:
        decision = self.decide(self.HOURS, queued(destination=self.SINGAPORE, valid_until=NOW))
        assert decision.session.error is not None
        assert decision.session.error.code is RuntimeCode.VALIDITY_EXPIRED


def test_a_voice_message_to_a_listed_number_ends_without_dialling() -> None:
    listed = msgspec.structs.replace(queued(), opted_out=True)
    leaves = msgspec.structs.replace(ACME, opt_out=OptOutSettings(key="9"))
    plan = planner(leaves)
    (decision,) = plan([listed], IDLE, NOW)
    session = decision.session
    assert (session.status, session.legs) == (SessionStatus.UNSUBSCRIBED_CONTACT, ())
    assert (session.ended_at, session.last_action, session.error) == (NOW, None, None)
    assert [entry.type for entry in decision.outbox] == [OutboxType.VSS]
    (undisturbed,) = planner(ACME)([listed], IDLE, NOW)
    assert undisturbed.session.status is SessionStatus.RUNNING


def test_only_the_lists_of_those_with_a_key_are_read() -> None:
    leaves = msgspec.structs.replace(ACME, opt_out=OptOutSettings(key="9"))
    assert planner(ACME).rates([ACME]).opt_out_lists == frozenset()
    assert planner(ACME).rates([leaves]).opt_out_lists == {"acme"}


class SpentOut(Spending):
    def spent_out(self, sub_account: SubAccount, now: datetime) -> str | None:
        return "the budget of the day is spent: 10 minutes"


def test_a_session_that_waits_when_the_budget_is_spent_ends_and_says_why() -> None:
    (decision,) = planner(ACME, SpentOut())([queued()], IDLE, NOW)
    error = decision.session.error
    assert error is not None
    assert error.code is RuntimeCode.CAPACITY_EXCEEDED
    assert error.reason == "the budget of the day is spent: 10 minutes"
