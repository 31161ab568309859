"""What the record in memory knows of the nodes beside their heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from offhook.session.ports.membership import Membership, NodeFacts
from offhook.store.memory.memory_records import MemoryPart


class MemoryMembership(MemoryPart, Membership):
    """A dictionary by name."""

    async def put_node_facts(self, facts: NodeFacts) -> None:
        known = self._data.node_facts.get(facts.name)
        drained = known.drained_since if known is not None else None
        self._data.node_facts[facts.name] = msgspec.structs.replace(facts, drained_since=drained)

    async def node_facts(self) -> Sequence[NodeFacts]:
        return [facts for _, facts in sorted(self._data.node_facts.items())]

    async def order_drain(self, name: str, since: datetime | None) -> bool:
        known = self._data.node_facts.get(name)
        if known is None:
            return False
        self._data.node_facts[name] = msgspec.structs.replace(known, drained_since=since)
        return True

    async def is_drained(self, name: str) -> bool:
        known = self._data.node_facts.get(name)
        return known is not None and known.drained_since is not None
