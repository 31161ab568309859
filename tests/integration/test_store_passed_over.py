"""The contract of the store: sessions that a node leaves to others because it does not know them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tests.support.stores import NOW, accepted, seconds, start_all, waiting

from offhook.session.ports.record import ClaimDecision, Node, NodeRole, Planner, Queued, Usage
from offhook.session.ports.stores import Store
from offhook.session.session import Session

UNKNOWN = "its sub-account"


def knows_nothing(seen: list[datetime | None]) -> Planner:
    """Passes everything over; notes since when every live node has."""

    def plan(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
        seen.extend(queued.passed_over_since for queued in waiting)
        return [ClaimDecision(session=each.session, passed_over=UNKNOWN) for each in waiting]

    return plan


def waits(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
    """Knows every session, and starts none."""
    return [ClaimDecision(session=queued.session) for queued in waiting]


async def passed_over(store: Store, node: Node, after: float = 0) -> datetime | None:
    """What a claim of a node that does not know the only session is told about it."""
    seen: list[datetime | None] = []
    await store.claim(node, knows_nothing(seen), NOW + seconds(after), limit=10)
    (since,) = seen
    return since


async def test_it_is_returned_the_first_time_only(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    (session,) = await accepted(store, waiting())
    (decision,) = await store.claim(node, knows_nothing([]), NOW, limit=10)
    assert (decision.session, decision.passed_over) == (session, UNKNOWN)
    assert await store.claim(node, knows_nothing([]), NOW, limit=10) == []
    assert await store.session("acme_corp", session.session_id) == session


async def test_one_node_alone_counts_from_its_own_look(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    await accepted(store, waiting())
    assert await passed_over(store, node, 1) is None
    assert await passed_over(store, node, 2) == NOW + seconds(1)
    assert await passed_over(store, node, 8) == NOW + seconds(1)


async def test_every_live_node_must_have_passed_it_over(store: Store, other: Store) -> None:
    first = await store.register_node("n1", NodeRole.VOICE, NOW)
    second = await other.register_node("n2", NodeRole.VOICE, NOW)
    await store.register_node("n3/api", NodeRole.API, NOW)
    await accepted(store, waiting())
    assert (await store.installation()).passed_over == 0
    await passed_over(store, first, 1)
    assert await passed_over(store, first, 2) is None
    await passed_over(other, second, 3)
    assert (await store.installation()).passed_over == 1
    assert await passed_over(store, first, 4) == NOW + seconds(3)


async def test_a_dead_node_is_not_waited_for(store: Store) -> None:
    first = await store.register_node("n1", NodeRole.VOICE, NOW)
    await store.register_node("n2", NodeRole.VOICE, NOW)
    await accepted(store, waiting())
    await passed_over(store, first, 1)
    assert await passed_over(store, first, 8) is None
    assert await passed_over(store, first, 30) == NOW + seconds(1)


async def test_a_node_that_knows_it_now_takes_its_word_back(store: Store, other: Store) -> None:
    first = await store.register_node("n1", NodeRole.VOICE, NOW)
    second = await other.register_node("n2", NodeRole.VOICE, NOW)
    await accepted(store, waiting())
    await passed_over(store, first, 1)
    await passed_over(other, second, 1)
    assert await store.claim(first, waits, NOW + seconds(2), limit=10) == []
    assert await passed_over(other, second, 3) is None


async def test_a_node_that_started_again_looks_afresh(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    await accepted(store, waiting())
    await passed_over(store, node, 1)
    again = await store.register_node("n1", NodeRole.VOICE, NOW + seconds(2))
    assert await passed_over(store, again, 3) is None
    assert await passed_over(store, again, 4) == NOW + seconds(3)


async def test_a_node_that_knows_it_starts_it(store: Store, other: Store) -> None:
    first = await store.register_node("n1", NodeRole.VOICE, NOW)
    second = await other.register_node("n2", NodeRole.VOICE, NOW)
    sessions: list[Session] = await accepted(store, *(waiting() for _ in range(3)))
    await store.claim(first, knows_nothing([]), NOW, limit=10)
    assert (await store.installation()).passed_over == 3
    decisions = await other.claim(second, start_all, NOW, limit=10)
    assert (await store.installation()).passed_over == 0
    assert {each.session.session_id for each in decisions} == {
        session.session_id for session in sessions
    }
