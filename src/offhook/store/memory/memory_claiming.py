"""The queue, the nodes and what they write, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from offhook.codes import SessionStatus
from offhook.events import AnyEvent, LateFact
from offhook.session.ports.claiming import Claiming
from offhook.session.ports.record import (
    DEAD_AFTER,
    NO_RATES,
    ClaimDecision,
    DeliveryState,
    Fenced,
    Heartbeat,
    InboundLimits,
    Installation,
    Node,
    NodeRole,
    NodeState,
    OutboxEntry,
    Planner,
    Rates,
    TooFast,
    TrunkPace,
)
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session
from offhook.store import node_names
from offhook.store.buckets import Buckets, channels_exceeded, running_and_channels, usage_of
from offhook.store.documents import encode, held_channels
from offhook.store.memory.memory_records import (
    MemoryPart,
    MemoryRecords,
    StoredNode,
    StoredSession,
)
from offhook.store.queueing import (
    Candidate,
    Group,
    PassedOver,
    Rotation,
    Waiting,
    asked_numbers,
    decided,
    due_groups,
    with_opt_outs,
)
from offhook.store.session_writes import ChannelCall, admit_call, save_call


class MemoryClaiming(MemoryPart, Claiming):
    """Gives waiting sessions to nodes and stores their states."""

    def __init__(self, records: MemoryRecords | None = None) -> None:
        super().__init__(records)
        self._queue = Rotation()

    # --- nodes

    async def register_node(
        self, name: str, role: NodeRole, now: datetime, *, place: str = ""
    ) -> Node:
        for free in node_names.candidates(name):
            if not node_names.is_taken(self._data.place_of(free), place, now):
                break
        return self._data.register(free, role, now, place)

    async def heartbeat(self, node: Node, now: datetime) -> None:
        self._registered(node).heartbeat_at = now

    async def retire_node(self, node: Node) -> None:
        self._registered(node).heartbeat_at = None

    def _registered(self, node: Node) -> StoredNode:
        stored = self._data.nodes.get(node.name)
        if stored is None or stored.epoch != node.epoch:
            raise Fenced(f"{node.name}'s epoch {node.epoch} is over")
        return stored

    # --- the queue

    async def claim(
        self, node: Node, plan: Planner, now: datetime, *, limit: int, rates: Rates = NO_RATES
    ) -> Sequence[ClaimDecision]:
        self._registered(node)
        data = self._data
        waiting = self._waiting(now, limit)
        if not waiting:
            return []
        buckets = Buckets((row._asdict() for row in data.buckets.values()), rates, now)
        marks = PassedOver(node, (row._asdict() for row in data.marks.values()), self._live(now))
        queued = Waiting.of(waiting).queued(marks)
        found = [pair for pair in asked_numbers(queued, rates) if pair in data.opt_outs]
        plans = plan(with_opt_outs(queued, found), usage_of(data.usage(), buckets), now)
        claimed = decided(node, waiting, plans, buckets, marks, now)
        stays = [each for each in claimed.decisions if each.passed_over is None]
        for decision, row in zip(stays, claimed.session_rows, strict=True):
            stored = data.sessions[row.session_id]
            stored.ready_since, stored.waits_for = row.ready_since, row.waits_for
            stored.node = node if row.node is not None else None
            data.write(stored, decision.session, decision.events, decision.outbox)
        data.buckets |= {(row.kind, row.name): row for row in buckets.rows()}
        data.marks |= {(row.session_id, row.node): row for row in claimed.new_marks}
        for session_id, name in claimed.old_marks:
            for key in [key for key in data.marks if key[0] == session_id]:
                if name in ("", key[1]):
                    del data.marks[key]
        return claimed.decisions

    def _live(self, now: datetime) -> list[dict[str, Any]]:
        """The live voice nodes."""
        since = now - DEAD_AFTER
        return [
            {"name": name, "epoch": node.epoch}
            for name, node in self._data.nodes.items()
            if node.role is NodeRole.VOICE
            and node.heartbeat_at is not None
            and node.heartbeat_at >= since
        ]

    def _waiting(self, now: datetime, limit: int) -> list[Candidate]:
        """At most ``limit`` sessions of the queue: the expired ones, then every group's oldest."""
        queued = [s for s in self._data.live.values() if s.session.status is SessionStatus.QUEUED]
        expired = [s for s in queued if s.valid_until is not None and s.valid_until <= now]
        found = sorted(expired, key=lambda each: each.valid_until or now)[:limit]
        groups: dict[Group, list[StoredSession]] = {}
        for stored in queued:
            groups.setdefault(stored.group(), []).append(stored)
        due = due_groups(sorted(groups), now)
        if due:
            share = -(-limit // len(due))
            for group in self._queue.turn(due, limit):
                oldest = sorted(groups[group], key=lambda each: each.session.created_at)
                found += oldest[:share]
        chosen = {each.session.session_id: each for each in found}
        return [each.candidate() for each in list(chosen.values())[:limit]]

    async def start(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent],
        limits: InboundLimits | None = None,
    ) -> None:
        self._registered(node)
        data = self._data
        call = admit_call(node, session, events, limits)
        rows = call.admitted(data.usage(), (row._asdict() for row in data.buckets.values()))
        data.insert(session, events, node)
        data.buckets |= {(row.kind, row.name): row for row in rows}

    async def save(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
    ) -> None:
        data = self._data
        stored = data.sessions.get(session.session_id)
        if stored is None:
            raise Fenced(session.session_id)
        running = stored.session.status is SessionStatus.RUNNING
        if not running or stored.node != node or data.node_of(stored) is None:
            stored.events.extend(LateFact(at=each.at, fact=encode(each)) for each in events)
            raise Fenced(session.session_id)
        data.write(stored, session, events, outbox)

    async def put_sip_trace(self, session_id: str, messages: Sequence[SipMessage]) -> None:
        self._data.sip_traces[session_id] = tuple(messages)

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
        stored = self._data.live.get(session.session_id)
        before = held_channels(stored.session) if stored is not None else "[]"
        after = held_channels(session)
        if channels is not None and channels_exceeded(
            self._data.usage(), trunk, before, after, channels
        ):
            return False
        call = ChannelCall(save_call(node, session, events, outbox), trunk, channels, pace)
        rows = call.paced(row._asdict() for row in self._data.buckets.values())
        if rows is None:
            raise TooFast(trunk)
        await self.save(node, session, events, outbox)
        self._data.buckets |= {(row.kind, row.name): row for row in rows}
        return True

    async def installation(self) -> Installation:
        data = self._data
        stored = data.live.values()
        queued = [each.session for each in stored if each.session.status is SessionStatus.QUEUED]
        running = Counter(
            each.node.name
            for each in stored
            if each.node is not None and each.session.status is SessionStatus.RUNNING
        )
        pending = [each for each in data.outbox.values() if each.state is DeliveryState.PENDING]
        return Installation(
            nodes=tuple(
                NodeState(
                    name=name,
                    role=node.role,
                    epoch=node.epoch,
                    heartbeat_at=node.heartbeat_at,
                    sessions=running[name],
                )
                for name, node in sorted(data.nodes.items())
            ),
            queued=len(queued),
            oldest_queued_at=min((session.created_at for session in queued), default=None),
            passed_over=len(
                {session.session_id for session in queued} & {marked for marked, _ in data.marks}
            ),
            channels_by_trunk=running_and_channels(data.usage())[1],
            pending_deliveries=len(pending),
            oldest_delivery_at=min((each.next_at for each in pending), default=None),
        )

    async def latest_heartbeats(self) -> Mapping[NodeRole, datetime]:
        latest: dict[NodeRole, datetime] = {}
        for node in self._data.nodes.values():
            if node.heartbeat_at is not None:
                latest[node.role] = max(node.heartbeat_at, latest.get(node.role, node.heartbeat_at))
        return latest

    # --- orphans

    async def time(self) -> datetime:
        return datetime.now(UTC)

    async def heartbeats(self) -> Sequence[Heartbeat]:
        return [
            Heartbeat(name=name, epoch=node.epoch, at=node.heartbeat_at)
            for name, node in self._data.nodes.items()
            if node.heartbeat_at is not None
        ]

    async def orphans(
        self, silent: Sequence[Heartbeat] = (), *, limit: int = 500
    ) -> Sequence[Session]:
        found = [each.session for each in self._data.live.values() if self._dead(each, silent)]
        return found[:limit]

    def _dead(self, stored: StoredSession, silent: Sequence[Heartbeat]) -> bool:
        """Whether the session runs on a dead node."""
        if stored.session.status is not SessionStatus.RUNNING:
            return False
        node = self._data.node_of(stored)
        if stored.node is None or node is None or node.heartbeat_at is None:
            return True
        last = Heartbeat(name=stored.node.name, epoch=node.epoch, at=node.heartbeat_at)
        return last in silent

    async def end_orphan(
        self,
        session: Session,
        events: Sequence[AnyEvent],
        outbox: Sequence[OutboxEntry],
        silent: Sequence[Heartbeat] = (),
    ) -> bool:
        stored = self._data.live.get(session.session_id)
        if stored is None or not self._dead(stored, silent):
            return False
        self._data.write(stored, session, events, outbox)
        return True
