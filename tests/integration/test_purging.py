"""Of several machines one purges, and timelines that are gone already are not looked for again."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.support.stores import CONNECTED, NOW, ended, opened, request_for, start_all, waiting

from offhook.clock import Clock
from offhook.processes.purging import PURGE_EVERY, Purge
from offhook.session.ports.keeping import Retention
from offhook.session.ports.record import Node, NodeRole
from offhook.session.ports.stores import Store
from offhook.session.session import Session


class PurgeClock(Clock):
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0


async def final(store: Store, node: Node, days: float) -> Session:
    """A session that has ended, with a timeline, made so many days ago."""
    made = waiting(created_at=NOW - timedelta(days=days))
    await store.accept(made, [CONNECTED], request_for(made, at=made.created_at))
    (decision,) = await store.claim(node, start_all, NOW, limit=1)
    over = ended(decision.session)
    await store.save(node, over)
    return over


async def test_one_of_two_machines_purges_and_the_other_when_it_is_gone(
    store: Store, other: Store
) -> None:
    clock = PurgeClock()
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    first, second = (
        Purge(each, clock, name, Retention()) for each, name in ((store, "a"), (other, "b"))
    )
    for purge, rows in ((first, 2), (second, 0), (first, 2)):
        await final(store, node, 100)
        assert (await purge.once() > 0) is (rows > 0)
        clock.at += timedelta(minutes=30)
    await final(store, node, 100)
    clock.at += timedelta(seconds=PURGE_EVERY)
    assert await second.once()
    assert not await first.once()


async def test_the_timelines_that_are_gone_are_not_looked_for_again(database_url: str) -> None:
    clock = PurgeClock()
    async with opened(database_url) as store:
        node = await store.register_node("n1", NodeRole.VOICE, NOW)
        purge = Purge(store, clock, "a", Retention(events=10))
        assert await purge.once() == 0
        old, young = [await final(store, node, days) for days in (13, 10.5)]
        assert await purge.once()
        assert await store.events(old.session_id)
        assert not await store.events(young.session_id)
        purge.use(Retention(events=9))
        assert await purge.once()
        assert not await store.events(old.session_id)
