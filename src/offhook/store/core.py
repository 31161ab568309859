"""What the stores on SQLite and PostgreSQL have in common: records in, rows to the database."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from offhook.events import AnyEvent
from offhook.session.ports.keeping import KEEP_USUAL, Retention
from offhook.session.ports.record import (
    DeliveryResult,
    Heartbeat,
    InboundLimits,
    Installation,
    Node,
    NodeRole,
    NodeState,
    OutboxEntry,
    RequestRecord,
    TrunkPace,
)
from offhook.session.ports.stores import Store
from offhook.session.session import Session
from offhook.store.buckets import running_and_channels
from offhook.store.documents import from_micros, known_session, optional_from_micros
from offhook.store.history import SqlHistory
from offhook.store.rows import ResultRow, result_row
from offhook.store.session_writes import (
    Accept,
    Admit,
    ChannelCall,
    Save,
    accept_call,
    admit_call,
    save_call,
)
from offhook.store.stored_campaigns import SqlCampaigns
from offhook.store.stored_console import SqlConsole
from offhook.store.stored_exports import SqlExports
from offhook.store.stored_media import SqlMedia
from offhook.store.stored_membership import SqlMembership
from offhook.store.stored_numbers import SqlNumbers
from offhook.store.stored_operating import SqlOperating
from offhook.store.stored_opt_outs import SqlOptOuts
from offhook.store.stored_phones import SqlPhones
from offhook.store.stored_recordings import SqlRecordings
from offhook.store.stored_tenancy import SqlTenancy
from offhook.store.stored_usage import SqlUsage
from offhook.store.upkeep import SqlUpkeep

NOBODY = Node(name="", epoch=0)
"""Stands for the node in writes without one: the API's, and the end of a dead node's session."""


class SqlStore(
    SqlHistory,
    SqlMembership,
    SqlUpkeep,
    SqlTenancy,
    SqlOptOuts,
    SqlRecordings,
    SqlUsage,
    SqlCampaigns,
    SqlMedia,
    SqlExports,
    SqlOperating,
    SqlNumbers,
    SqlPhones,
    SqlConsole,
    Store,
):
    """Encodes the hot calls; a dialect's store runs them in batches."""

    async def purge(self, now: datetime, keep: Retention = KEEP_USUAL) -> int:
        gone = await super().purge(now, keep)
        return gone + await self._purge_campaigns(now - timedelta(days=keep.sessions))

    # --- the API's side

    async def accept(
        self, session: Session, events: Sequence[AnyEvent], request: RequestRecord
    ) -> RequestRecord:
        return await self._accept(accept_call(request, session, events))

    async def record_request(self, request: RequestRecord) -> RequestRecord:
        return await self._accept(accept_call(request, None, ()))

    @abstractmethod
    async def _accept(self, call: Accept) -> RequestRecord:
        """Store a request in the next batch; returns the first request with the same key."""

    # --- the voice nodes' side

    async def save(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
    ) -> None:
        await self._save(save_call(node, session, events, outbox))

    @abstractmethod
    async def _save(self, call: Save) -> None:
        """Store a session's next state in the next batch. Raises Fenced."""

    async def start(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent],
        limits: InboundLimits | None = None,
    ) -> None:
        await self._start(node, admit_call(node, session, events, limits))

    @abstractmethod
    async def _start(self, node: Node, call: Admit) -> None:
        """Store a session that began with an inbound call. Raises Fenced, TrunkFull, TooFast."""

    async def take_channel(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
        *,
        trunk: str,
        channels: int | None,
        pace: TrunkPace | None = None,
    ) -> bool:
        save = save_call(node, session, events, outbox)
        return await self._take_channel(ChannelCall(save, trunk, channels, pace))

    @abstractmethod
    async def _take_channel(self, call: ChannelCall) -> bool:
        """Store a session if a channel is free; False: none is. Raises Fenced, TooFast."""

    async def latest_heartbeats(self) -> Mapping[NodeRole, datetime]:
        rows = await self._read_named("latest_heartbeats")
        return {NodeRole(row["role"]): from_micros(row["heartbeat_at"]) for row in rows}

    async def installation(self) -> Installation:
        running = {
            row["node"]: row["sessions"] for row in await self._read_named("running_by_node")
        }
        nodes = [
            NodeState(
                name=row["name"],
                role=NodeRole(row["role"]),
                epoch=row["epoch"],
                heartbeat_at=from_micros(row["heartbeat_at"]) if row["heartbeat_at"] else None,
                sessions=running.get(row["name"], 0),
            )
            for row in await self._read_named("nodes")
        ]
        (waiting,) = await self._read_named("waiting_figures")
        (pending,) = await self._read_named("pending_figures")
        return Installation(
            nodes=tuple(nodes),
            queued=waiting["sessions"],
            oldest_queued_at=optional_from_micros(waiting["oldest"]),
            passed_over=(await self._read_named("passed_over_count"))[0]["sessions"],
            channels_by_trunk=running_and_channels(await self._read_named("usage"))[1],
            pending_deliveries=pending["deliveries"],
            oldest_delivery_at=optional_from_micros(pending["oldest"]),
        )

    async def heartbeats(self) -> Sequence[Heartbeat]:
        rows = await self._read_named("nodes")
        return [
            Heartbeat(name=row["name"], epoch=row["epoch"], at=from_micros(row["heartbeat_at"]))
            for row in rows
            if row["heartbeat_at"]
        ]

    async def orphans(
        self, silent: Sequence[Heartbeat] = (), *, limit: int = 500
    ) -> Sequence[Session]:
        rows = await self._read_named("orphans", *self._beats(silent), limit)
        found = (known_session(row["document"]) for row in rows)
        return [session for session in found if session is not None]

    @abstractmethod
    def _beats(self, silent: Sequence[Heartbeat]) -> tuple[object, ...]:
        """Heartbeats as arguments of the statements ``orphans`` and ``orphan``."""

    # --- the outbox

    async def finish_deliveries(self, results: Sequence[DeliveryResult]) -> None:
        if results:
            await self._finish([result_row(result) for result in results])

    @abstractmethod
    async def _finish(self, results: Sequence[ResultRow]) -> None:
        """Record attempts in the next batch."""
