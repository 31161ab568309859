"""The contract of the store: usage is counted once, with the session that ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from tests.support.stores import NOW, accepted, leg, seconds, start_all, waiting

from offhook.codes import CallStatus, SessionStatus
from offhook.session.ports.metering import UsageRecord
from offhook.session.ports.record import Fenced, Node, NodeRole
from offhook.session.ports.stores import Store
from offhook.session.session import Charge, Direction, Leg, Session
from offhook.session.spending import Spent

TODAY = NOW.date()
CHARGE = Charge(
    increment="60+60",
    billable_seconds=120,
    currency="EUR",
    unit_price=Decimal("0.05"),
    total=Decimal("0.1"),
)


@pytest.fixture
async def node(store: Store) -> Node:
    """A registered voice node."""
    return await store.register_node("n1", NodeRole.VOICE, NOW)


def call(destination: str = "+6591234567", at: datetime = NOW, **changes: object) -> Leg:
    """A call of 61 seconds that was charged."""
    made = msgspec.structs.replace(
        leg(),
        destination=destination,
        initiated_at=at,
        connected_at=at + timedelta(seconds=4),
        disconnected_at=at + timedelta(seconds=65),
        status=CallStatus.COMPLETED,
        charge=CHARGE,
    )
    return msgspec.structs.replace(made, **changes)


BUSY = call(connected_at=None, charge=None, status=CallStatus.BUSY)
NEVER_DIALLED = call(connected_at=None, charge=None, status=CallStatus.ERROR, trunk=None)
INBOUND = call(direction=Direction.INBOUND, source="+4930123456", destination="+6568332048")


async def started(store: Store, node: Node) -> Session:
    """The session that waits, claimed."""
    (decision,) = await store.claim(node, start_all, NOW, limit=1)
    return decision.session


async def run(store: Store, node: Node, *legs: Leg, owner: str = "acme_corp") -> Session:
    """Run a session to its end with these calls."""
    await accepted(store, waiting(sub_account_id=owner))
    running = await started(store, node)
    ended = msgspec.structs.replace(
        running, status=SessionStatus.COMPLETED, legs=legs, ended_at=NOW + seconds(70)
    )
    await store.save(node, ended)
    return ended


def record(**changes: object) -> UsageRecord:
    made = UsageRecord(
        day=TODAY,
        sub_account_id="acme_corp",
        direction=Direction.OUTBOUND,
        country="SG",
        currency="EUR",
        calls=1,
        answered=1,
        seconds=61,
        billable_seconds=120,
        cost=Decimal("0.1"),
    )
    return msgspec.structs.replace(made, **changes)


async def test_calls_are_counted_by_country_direction_and_currency(
    store: Store, other: Store, node: Node
) -> None:
    await run(store, node, call(), call(), BUSY, NEVER_DIALLED)
    await run(store, node, INBOUND, call("+12025550100"))
    assert await other.usage(TODAY, TODAY) == [
        record(country="DE", direction=Direction.INBOUND),
        record(currency=None, answered=0, seconds=0, billable_seconds=0, cost=Decimal(0)),
        record(calls=2, answered=2, seconds=122, billable_seconds=240, cost=Decimal("0.2")),
        record(country="US"),
    ]


async def test_a_call_counts_on_the_day_it_was_initiated(store: Store, node: Node) -> None:
    midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
    await run(store, node, call(at=midnight - timedelta(seconds=1)))
    await run(store, node, call(at=midnight))
    yesterday = TODAY - timedelta(days=1)
    assert [each.day for each in await store.usage(yesterday, TODAY)] == [yesterday, TODAY]
    assert [each.day for each in await store.usage(TODAY, TODAY)] == [TODAY]
    assert await store.usage(TODAY + timedelta(days=1), date(2100, 1, 1)) == []


async def test_usage_of_one_sub_account(store: Store, node: Node) -> None:
    await run(store, node, call(), owner="acme_corp")
    await run(store, node, call(), owner="other_corp")
    assert [each.sub_account_id for each in await store.usage(TODAY, TODAY)] == [
        "acme_corp",
        "other_corp",
    ]
    (found,) = await store.usage(TODAY, TODAY, sub_account_id="other_corp")
    assert found.sub_account_id == "other_corp"


async def test_a_running_session_and_a_fenced_end_count_nothing(store: Store, node: Node) -> None:
    await accepted(store, waiting())
    running = await started(store, node)
    await store.save(node, msgspec.structs.replace(running, legs=(call(),)))
    ended = msgspec.structs.replace(running, status=SessionStatus.COMPLETED, legs=(call(),))
    await store.save(node, ended)
    with pytest.raises(Fenced):
        await store.save(node, ended)
    (found,) = await store.usage(TODAY, TODAY)
    assert found == record()


async def test_the_calls_of_a_dead_node_count_once(store: Store, node: Node) -> None:
    await accepted(store, waiting())
    running = await started(store, node)
    ended = msgspec.structs.replace(running, status=SessionStatus.ERROR, legs=(call(),))
    silent = await store.heartbeats()
    assert await store.end_orphan(ended, [], [], silent)
    assert not await store.end_orphan(ended, [], [], silent)
    assert await store.usage(TODAY, TODAY) == [record()]


async def test_spending_adds_up_all_nodes_and_counts_money_of_one_currency(
    store: Store, node: Node
) -> None:
    dollars = msgspec.structs.replace(CHARGE, currency="USD")
    await run(store, node, call(), call(charge=dollars))
    second = await store.register_node("n2", NodeRole.VOICE, NOW)
    await run(store, second, call())
    await run(store, node, call(), owner="other_corp")
    spent = await store.spent(TODAY, ["acme_corp", "none"], "EUR")
    assert spent == {"acme_corp": Spent(360, Decimal("0.2"))}
    assert await store.spent(TODAY - timedelta(days=1), ["acme_corp"], "EUR") == {}
