"""The contract of the store: what nodes say of themselves, and orders to drain."""

from __future__ import annotations

import msgspec
from tests.support.stores import NOW, seconds

from offhook.session.ports.membership import NodeFacts
from offhook.session.ports.stores import Store

FACTS = NodeFacts(name="m1/udp:127.0.0.1:5060/0", version="1.0", since=NOW, capacity=100)


async def test_an_order_to_drain_outlives_a_restart(store: Store, other: Store) -> None:
    await store.put_node_facts(FACTS)
    assert not await store.is_drained(FACTS.name)
    assert await other.order_drain(FACTS.name, NOW)
    assert await store.is_drained(FACTS.name)
    restarted = msgspec.structs.replace(FACTS, version="1.1", since=NOW + seconds(60))
    await store.put_node_facts(restarted)
    drained = msgspec.structs.replace(restarted, drained_since=NOW)
    assert list(await other.node_facts()) == [drained]
    assert await other.order_drain(FACTS.name, None)
    assert not await store.is_drained(FACTS.name)


async def test_an_unknown_node_is_not_drained(store: Store) -> None:
    assert not await store.order_drain("nobody", NOW)
    assert not await store.is_drained("nobody")
    assert list(await store.node_facts()) == []
