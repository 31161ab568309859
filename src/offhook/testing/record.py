"""The record of a simulation: in memory, for one node, behind the calls that running a session makes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from offhook.events import AnyEvent
from offhook.session.ports.record import (
    NO_RATES,
    ClaimDecision,
    Fenced,
    Node,
    OutboxEntry,
    Planner,
    Queued,
    Rates,
)
from offhook.session.session import Session
from offhook.store.documents import decode_session, encode_session, held_channels
from offhook.store.queueing import Buckets, usage_of
from offhook.store.rows import BucketRow

NODE = Node(name="simulation", epoch=1)


class Row:
    """One stored session with everything that was stored about it."""

    def __init__(self, session: Session, events: Sequence[AnyEvent]) -> None:
        self.session = session
        self.events = list(events)
        self.outbox: list[OutboxEntry] = []
        self.ready_since: datetime | None = None
        self.ended = asyncio.Event()

    def write(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> None:
        """One transaction. The session passes through its stored form, as in a real store."""
        self.session = decode_session(encode_session(session))
        self.events += events
        self.outbox += outbox
        if session.status.final:
            self.ended.set()


class MemoryRecord:
    """Serves the parts of :class:`offhook.session.ports.stores.Store` that a running session needs."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._buckets: dict[tuple[str, str], BucketRow] = {}

    def accept(self, session: Session, events: Sequence[AnyEvent]) -> Row:
        """A QUEUED session."""
        row = self.rows[session.session_id] = Row(session, events)
        return row

    async def claim(
        self, node: Node, plan: Planner, now: datetime, *, limit: int, rates: Rates = NO_RATES
    ) -> Sequence[ClaimDecision]:
        """See :meth:`offhook.session.ports.stores.Store.claim`."""
        waiting = [row for row in self.rows.values() if row.session.status == "QUEUED"][:limit]
        if not waiting:
            return []
        buckets = Buckets((row._asdict() for row in self._buckets.values()), rates, now)
        queued = [Queued(session=row.session, ready_since=row.ready_since) for row in waiting]
        stored = []
        for decision in plan(queued, usage_of(self._usage(), buckets), now):
            row = self.rows[decision.session.session_id]
            row.ready_since = decision.ready_since
            if decision.session.status == "QUEUED":
                continue
            row.write(decision.session, decision.events, decision.outbox)
            stored.append(decision)
            if decision.session.status == "RUNNING":
                buckets.take("sub_account", decision.session.sub_account_id)
                buckets.take("trunk", decision.trunks[0])
        self._buckets |= {(row.kind, row.name): row for row in buckets.rows()}
        return stored

    async def start(self, node: Node, session: Session, events: Sequence[AnyEvent]) -> None:
        """See :meth:`offhook.session.ports.stores.Store.start`."""
        self.rows[session.session_id] = Row(session, events)

    async def save(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
    ) -> None:
        """See :meth:`offhook.session.ports.stores.Store.save`."""
        row = self.rows[session.session_id]
        if row.session.status.final:
            raise Fenced(session.session_id)
        row.write(session, events, outbox)

    async def take_channel(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
        *,
        trunk: str,
        channels: int | None,
    ) -> bool:
        """See :meth:`offhook.session.ports.stores.Store.take_channel`."""
        others = [row for row in self.rows.values() if row.session.session_id != session.session_id]
        held = sum(json.loads(held_channels(row.session)).count(trunk) for row in others)
        own = [leg for leg in session.legs if leg.trunk == trunk and leg.status is None]
        if channels is not None and held + len(own) > channels:
            return False
        await self.save(node, session, events, outbox)
        return True

    async def heartbeat(self, node: Node, now: datetime) -> None:
        """See :meth:`offhook.session.ports.record.Store.heartbeat`."""

    async def orphans(self, silent_since: datetime) -> Sequence[Session]:
        """See :meth:`offhook.session.ports.record.Store.orphans`; there is no other node."""
        return ()

    def _usage(self) -> list[dict[str, Any]]:
        """What every running session holds."""
        return [
            {
                "sub_account_id": row.session.sub_account_id,
                "channels": held_channels(row.session),
                "sessions": 1,
            }
            for row in self.rows.values()
            if row.session.status == "RUNNING"
        ]
