"""What a database knows of the nodes beside their heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from offhook.session.ports.membership import Membership, NodeFacts
from offhook.store import schema
from offhook.store.documents import (
    from_micros,
    micros,
    optional_from_micros,
    optional_micros,
)
from offhook.store.statements import Statements


class SqlMembership(Statements, Membership):
    """One row for each node."""

    async def put_node_facts(self, facts: NodeFacts) -> None:
        told = {
            "version": facts.version,
            "since": micros(facts.since),
            "capacity": facts.capacity,
        }
        values = {"name": facts.name, **told}
        await self._write(self._upsert(schema.node_facts, ["name"], values, told))

    async def node_facts(self) -> Sequence[NodeFacts]:
        t = schema.node_facts
        return [
            NodeFacts(
                name=row["name"],
                version=row["version"],
                since=from_micros(row["since"]),
                capacity=row["capacity"],
                drained_since=optional_from_micros(row["drained_since"]),
            )
            for row in await self._read(select(t).order_by(t.c.name))
        ]

    async def order_drain(self, name: str, since: datetime | None) -> bool:
        t = schema.node_facts
        order = update(t).where(t.c.name == name).values(drained_since=optional_micros(since))
        return await self._changed(order, t.c.name)

    async def is_drained(self, name: str) -> bool:
        t = schema.node_facts
        rows = await self._read(select(t.c.drained_since).where(t.c.name == name))
        return bool(rows) and rows[0]["drained_since"] is not None
