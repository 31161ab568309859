"""The contract of the store: the whole installation at a glance."""

from __future__ import annotations

from tests.support.outbox import entry
from tests.support.stores import NOW, accepted, seconds, start_all, waiting

from offhook.session.ports.record import Installation, NodeRole, NodeState
from offhook.session.ports.stores import Store


async def test_an_empty_store_has_nothing_to_tell(store: Store) -> None:
    assert await store.installation() == Installation(
        nodes=(),
        queued=0,
        oldest_queued_at=None,
        passed_over=0,
        channels_by_trunk={},
        pending_deliveries=0,
        oldest_delivery_at=None,
    )


async def test_the_queue_has_a_length_and_an_age(store: Store) -> None:
    await accepted(store, waiting(created_at=NOW + seconds(5)), waiting(created_at=NOW))
    seen = await store.installation()
    assert (seen.queued, seen.oldest_queued_at, seen.running) == (2, NOW, 0)


async def test_each_node_has_its_running_sessions_and_its_last_heartbeat(store: Store) -> None:
    busy = await store.register_node("n1", NodeRole.VOICE, NOW)
    gone = await store.register_node("n2", NodeRole.VOICE, NOW)
    await store.register_node("n3/api", NodeRole.API, NOW + seconds(1))
    await store.retire_node(gone)
    await accepted(store, waiting(), waiting())
    await store.claim(busy, start_all, NOW, limit=10)
    await store.heartbeat(busy, NOW + seconds(2))
    seen = await store.installation()
    assert seen.nodes == (
        NodeState(
            name="n1", role=NodeRole.VOICE, epoch=1, heartbeat_at=NOW + seconds(2), sessions=2
        ),
        NodeState(name="n2", role=NodeRole.VOICE, epoch=1, heartbeat_at=None),
        NodeState(name="n3/api", role=NodeRole.API, epoch=1, heartbeat_at=NOW + seconds(1)),
    )
    assert (seen.queued, seen.running) == (0, 2)
    assert sum(seen.channels_by_trunk.values()) == 2


async def test_webhooks_that_wait_for_an_attempt_are_counted(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    (session,) = await accepted(store, waiting())
    (decision,) = await store.claim(node, start_all, NOW, limit=10)
    entries = [entry(at=NOW + seconds(late), session=session.session_id) for late in (3, 1)]
    await store.save(node, decision.session, (), entries)
    seen = await store.installation()
    assert (seen.pending_deliveries, seen.oldest_delivery_at) == (2, NOW + seconds(1))
    await store.lease_deliveries("d", NOW + seconds(9), lease=30, limit=1)
    assert (await store.installation()).pending_deliveries == 1
