"""The record in memory: for simulations and tests, behind the same interface as the databases.

It passes the same contract tests. Nothing is durable, and a claim looks at every session that has
not ended, so it suits thousands of sessions, not millions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, final

import msgspec

from offhook.codes import SessionStatus
from offhook.events import AnyEvent, LateFact
from offhook.session.ports.record import (
    DEAD_AFTER,
    EVERY_SESSION,
    NO_RATES,
    ClaimDecision,
    Delivery,
    DeliveryAttempt,
    DeliveryRecord,
    DeliveryResult,
    DeliveryState,
    Fenced,
    IdempotencyConflict,
    KeyRecord,
    Node,
    NodeRole,
    OutboxEntry,
    OutboxType,
    Planner,
    Rates,
    RequestRecord,
    SessionFilter,
)
from offhook.session.ports.stores import Store
from offhook.session.session import Session
from offhook.session.tenancy import KeyGrant, Scenario, SubAccount, Webhook
from offhook.store.cursors import cursor_at, position_of
from offhook.store.documents import decode_session, encode, encode_session, held_channels, micros
from offhook.store.queueing import (
    Buckets,
    Candidate,
    Group,
    MarkRow,
    PassedOver,
    Rotation,
    channels_exceeded,
    decided,
    shares,
    usage_of,
)
from offhook.store.rows import BucketRow, attempt_of
from offhook.store.search_terms import all_terms, wanted_terms

T = TypeVar("T")

_IDEMPOTENCY_WINDOW = timedelta(hours=24)
_UNDER_WAY = (DeliveryState.PENDING, DeliveryState.LEASED)


class StoredSession:
    """One session with its timeline."""

    def __init__(self, session: Session, node: Node | None) -> None:
        self.session = session
        self.node = node
        self.ready_since: int | None = None
        self.waits_for = ""
        self.events: list[AnyEvent] = []
        self.ended = asyncio.Event()

    @property
    def valid_until(self) -> datetime | None:
        """When it is too late to dial."""
        return self.session.valid_until

    def group(self) -> Group:
        """Where it stands in the queue."""
        return self.session.sub_account_id, self.waits_for

    def candidate(self) -> Candidate:
        """As a claim sees it."""
        return Candidate(
            session_id=self.session.session_id,
            ready_since=self.ready_since,
            waits_for=self.waits_for,
            event_count=len(self.events),
            document=encode_session(self.session),
        )


class StoredDelivery:
    """One outbox entry and what has become of it."""

    def __init__(self, entry: OutboxEntry) -> None:
        self.entry = entry
        self.state = DeliveryState.PENDING
        self.next_at = entry.created_at
        self.attempts: list[DeliveryAttempt] = []

    def group(self) -> Group:
        """The endpoint it goes to."""
        return self.entry.sub_account_id, self.entry.type.value

    def record(self) -> DeliveryRecord:
        """As it is shown."""
        leased = self.state is DeliveryState.LEASED
        return DeliveryRecord(
            delivery_id=self.entry.delivery_id,
            type=self.entry.type,
            url=self.entry.url,
            state=DeliveryState.PENDING if leased else self.state,
            created_at=self.entry.created_at,
            next_at=self.next_at if self.state in _UNDER_WAY else None,
            attempts=tuple(self.attempts),
            payload=self.entry.payload,
        )


class StoredNode(msgspec.Struct):
    """One registered process."""

    role: NodeRole
    epoch: int
    heartbeat_at: datetime | None
    """None: retired."""


class MemoryRecords:
    """What one or more :class:`MemoryStore` hold, as the processes of a site share a database."""

    def __init__(self) -> None:
        self.requests: dict[str, RequestRecord] = {}
        self.keys_seen: dict[tuple[str, str], RequestRecord] = {}
        self.sessions: dict[str, StoredSession] = {}
        self.live: dict[str, StoredSession] = {}
        """Those that have not ended."""
        self.nodes: dict[str, StoredNode] = {}
        self.buckets: dict[tuple[str, str], BucketRow] = {}
        self.marks: dict[tuple[str, str], MarkRow] = {}
        self.outbox: dict[str, StoredDelivery] = {}
        self.sub_accounts: dict[str, SubAccount] = {}
        self.webhooks: dict[tuple[str, str], Webhook] = {}
        self.scenarios: dict[tuple[str, str], Scenario] = {}
        self.api_keys: dict[str, tuple[bytes, KeyRecord]] = {}
        self.tenancy_version = 0

    def register(self, name: str, role: NodeRole, now: datetime) -> Node:
        """A new epoch of a node."""
        epoch = self.nodes[name].epoch + 1 if name in self.nodes else 1
        self.nodes[name] = StoredNode(role=role, epoch=epoch, heartbeat_at=now)
        return Node(name=name, epoch=epoch)

    def insert(self, session: Session, events: Sequence[AnyEvent], node: Node | None) -> None:
        """A new session; one that is there already stays as it is."""
        if session.session_id not in self.sessions:
            stored = StoredSession(session, node)
            stored.events.extend(events)
            self.sessions[session.session_id] = self.live[session.session_id] = stored

    def write(
        self,
        stored: StoredSession,
        session: Session,
        events: Sequence[AnyEvent],
        outbox: Sequence[OutboxEntry],
    ) -> None:
        """A session's next state. It passes through its stored form, as in a database."""
        stored.session = decode_session(encode_session(session))
        stored.events.extend(events)
        self.add_deliveries(outbox)
        if session.status.final:
            self.live.pop(session.session_id, None)
            stored.ended.set()

    def add_deliveries(self, entries: Iterable[OutboxEntry]) -> None:
        """New deliveries, due at once."""
        for entry in entries:
            self.outbox.setdefault(entry.delivery_id, StoredDelivery(entry))

    def node_of(self, stored: StoredSession) -> StoredNode | None:
        """The live epoch that runs a session; None: its epoch is over."""
        if stored.node is None:
            return None
        found = self.nodes.get(stored.node.name)
        return found if found is not None and found.epoch == stored.node.epoch else None

    def usage(self) -> list[dict[str, Any]]:
        """What every running session holds."""
        return [
            {
                "sub_account_id": each.session.sub_account_id,
                "channels": held_channels(each.session),
                "sessions": 1,
            }
            for each in self.live.values()
            if each.session.status is SessionStatus.RUNNING
        ]


@final
class MemoryStore(Store):
    """The record of one process; give ``records`` to let several share it."""

    def __init__(self, records: MemoryRecords | None = None) -> None:
        self.records = records or MemoryRecords()
        self.failure: Exception | None = None
        """While set, every call raises it: a database that is away (``StoreUnavailable()``)."""
        self._queue = Rotation()
        self._endpoints = Rotation()

    @property
    def _data(self) -> MemoryRecords:
        if self.failure is not None:
            raise self.failure
        return self.records

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def ended(self, session_id: str) -> Session:
        """Wait until a session has ended. Raises KeyError when there is none."""
        stored = self.records.sessions[session_id]
        await stored.ended.wait()
        return stored.session

    # --- the API's side

    async def accept(
        self, session: Session, events: Sequence[AnyEvent], request: RequestRecord
    ) -> RequestRecord:
        first = await self.record_request(request)
        if first is request:
            self._data.insert(session, events, None)
        return first

    async def record_request(self, request: RequestRecord) -> RequestRecord:
        data = self._data
        if request.idempotency_key is not None:
            key = (request.sub_account_id, request.idempotency_key)
            first = data.keys_seen.get(key)
            if first is not None and request.at - first.at < _IDEMPOTENCY_WINDOW:
                if first.body != request.body:
                    text = "this Idempotency-Key came with another body before"
                    raise IdempotencyConflict(text)
                return first
            data.keys_seen[key] = request
        data.requests.setdefault(request.call_flow_request_id, request)
        return request

    async def cancel_queued(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        stored = self._data.live.get(session.session_id)
        if stored is None or stored.session.status is not SessionStatus.QUEUED:
            return False
        self._data.write(stored, session, events, outbox)
        return True

    # --- nodes

    async def register_node(self, name: str, role: NodeRole, now: datetime) -> Node:
        return self._data.register(name, role, now)

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
        queued = [candidate.queued(marks) for candidate in waiting]
        plans = plan(queued, usage_of(data.usage(), buckets), now)
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
        """The voice nodes that live."""
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
        if groups:
            share = -(-limit // len(groups))
            for group in self._queue.turn(sorted(groups), limit):
                oldest = sorted(groups[group], key=lambda each: each.session.created_at)
                found += oldest[:share]
        chosen = {each.session.session_id: each for each in found}
        return [each.candidate() for each in list(chosen.values())[:limit]]

    async def start(self, node: Node, session: Session, events: Sequence[AnyEvent]) -> None:
        self._registered(node)
        self._data.insert(session, events, node)

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
        stored = self._data.live.get(session.session_id)
        before = held_channels(stored.session) if stored is not None else "[]"
        after = held_channels(session)
        if channels is not None and channels_exceeded(
            self._data.usage(), trunk, before, after, channels
        ):
            return False
        await self.save(node, session, events, outbox)
        return True

    async def passed_over(self) -> int:
        live = self._data.live
        marked = {session_id for session_id, _ in self._data.marks if session_id in live}
        return sum(live[each].session.status is SessionStatus.QUEUED for each in marked)

    # --- orphans

    async def orphans(self, silent_since: datetime, *, limit: int = 500) -> Sequence[Session]:
        found = [
            each.session for each in self._data.live.values() if self._dead(each, silent_since)
        ]
        return found[:limit]

    def _dead(self, stored: StoredSession, silent_since: datetime) -> bool:
        """Whether the session runs on a dead node."""
        if stored.session.status is not SessionStatus.RUNNING:
            return False
        node = self._data.node_of(stored)
        return node is None or node.heartbeat_at is None or node.heartbeat_at < silent_since

    async def end_orphan(
        self,
        session: Session,
        events: Sequence[AnyEvent],
        outbox: Sequence[OutboxEntry],
        silent_since: datetime,
    ) -> bool:
        stored = self._data.live.get(session.session_id)
        if stored is None or not self._dead(stored, silent_since):
            return False
        self._data.write(stored, session, events, outbox)
        return True

    # --- history

    async def request(self, sub_account_id: str, call_flow_request_id: str) -> RequestRecord | None:
        found = self._data.requests.get(call_flow_request_id)
        return found if found is not None and found.sub_account_id == sub_account_id else None

    async def session(self, sub_account_id: str, session_id: str) -> Session | None:
        stored = self._data.sessions.get(session_id)
        if stored is None or stored.session.sub_account_id != sub_account_id:
            return None
        return stored.session

    async def sessions(
        self,
        sub_account_id: str,
        chosen: SessionFilter = EVERY_SESSION,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Session], str | None]:
        found = [
            each.session
            for each in self._data.sessions.values()
            if each.session.sub_account_id == sub_account_id and _matches(each.session, chosen)
        ]
        return _page(found, lambda each: (micros(each.created_at), each.session_id), cursor, limit)

    async def events(self, session_id: str, after: int = 0) -> Sequence[tuple[int, AnyEvent]]:
        stored = self._data.sessions.get(session_id)
        return [] if stored is None else list(enumerate(stored.events, 1))[after:]

    async def deliveries(self, session_id: str) -> Sequence[DeliveryRecord]:
        found = [
            each.record()
            for each in self._data.outbox.values()
            if each.entry.session_id == session_id
        ]
        return sorted(found, key=lambda each: each.created_at)

    async def purge(
        self, now: datetime, *, requests_days: int = 30, sessions_days: int = 90
    ) -> int:
        data = self._data
        requests = [
            key
            for key, request in data.requests.items()
            if request.at < now - timedelta(days=requests_days)
        ]
        for key in requests:
            del data.requests[key]
        sessions = [
            key
            for key, each in data.sessions.items()
            if each.session.status.final
            and each.session.created_at < now - timedelta(days=sessions_days)
        ]
        for key in sessions:
            del data.sessions[key]
        gone = {*sessions}
        for key in [k for k, each in data.outbox.items() if each.entry.session_id in gone]:
            del data.outbox[key]
        return len(requests) + len(sessions)

    # --- the outbox

    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        due: dict[Group, list[StoredDelivery]] = {}
        leased: dict[Group, int] = {}
        for each in self._data.outbox.values():
            if each.state is DeliveryState.LEASED and each.next_at > now:
                leased[each.group()] = leased.get(each.group(), 0) + 1
            elif each.state in _UNDER_WAY and each.next_at <= now:
                due.setdefault(each.group(), []).append(each)
        taken: list[StoredDelivery] = []
        for group, share in shares(self._endpoints.turn(sorted(due), limit), leased, limit):
            taken += sorted(due[group], key=lambda each: each.next_at)[:share]
        for each in taken:
            each.state = DeliveryState.LEASED
            each.next_at = now + timedelta(seconds=lease)
        return [Delivery(entry=each.entry, attempts=len(each.attempts)) for each in taken]

    async def finish_deliveries(self, results: Sequence[DeliveryResult]) -> None:
        outbox = self._data.outbox
        for result in results:
            stored = outbox.get(result.delivery_id)
            if stored is None or stored.state not in _UNDER_WAY:
                continue
            stored.state = result.state
            stored.next_at = result.next_at or result.at
            if result.attempted:
                stored.attempts.append(attempt_of(result))

    async def make_due(
        self,
        sub_account_id: str,
        type_: OutboxType,
        url: str | None,
        now: datetime,
        *,
        limit: int = 500,
    ) -> int:
        group = (sub_account_id, type_.value)
        waiting = [
            each
            for each in self._data.outbox.values()
            if each.state is DeliveryState.PENDING
            and each.group() == group
            and each.entry.url == url
            and each.next_at > now
        ]
        first = sorted(waiting, key=lambda each: each.next_at)[:limit]
        for each in first:
            each.next_at = each.entry.created_at
        return len(first)

    async def redeliver(
        self, sub_account_id: str, delivery_id: str, now: datetime, give_up_at: datetime
    ) -> bool:
        stored = self._data.outbox.get(delivery_id)
        if stored is None or stored.entry.sub_account_id != sub_account_id:
            return False
        if stored.state in _UNDER_WAY:
            return False
        stored.state, stored.next_at = DeliveryState.PENDING, now
        stored.entry = msgspec.structs.replace(stored.entry, give_up_at=give_up_at)
        return True

    async def deliveries_of_type(
        self, sub_account_id: str, type_: OutboxType, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[DeliveryRecord], str | None]:
        group = (sub_account_id, type_.value)
        found = [each.record() for each in self._data.outbox.values() if each.group() == group]
        return _page(found, lambda each: (micros(each.created_at), each.delivery_id), cursor, limit)

    async def next_delivery_at(self) -> datetime | None:
        return min(
            (each.next_at for each in self._data.outbox.values() if each.state in _UNDER_WAY),
            default=None,
        )

    # --- tenancy

    async def sub_accounts(self) -> Sequence[SubAccount]:
        return list(self._data.sub_accounts.values())

    async def put_sub_account(self, sub_account: SubAccount) -> None:
        self._data.sub_accounts[sub_account.sub_account_id] = sub_account
        self._data.tenancy_version += 1

    async def delete_sub_account(self, sub_account_id: str) -> bool:
        return self._gone(self._data.sub_accounts.pop(sub_account_id, None))

    async def put_webhook(self, sub_account_id: str, webhook: Webhook) -> None:
        self._data.webhooks[sub_account_id, webhook.type.value] = webhook
        self._data.tenancy_version += 1

    async def delete_webhook(self, sub_account_id: str, type_: str) -> bool:
        return self._gone(self._data.webhooks.pop((sub_account_id, type_), None))

    async def webhooks(self) -> Sequence[tuple[str, Webhook]]:
        return [(owner, webhook) for (owner, _), webhook in self._data.webhooks.items()]

    async def put_scenario(self, sub_account_id: str, scenario: Scenario) -> None:
        self._data.scenarios[sub_account_id, scenario.name] = scenario
        self._data.tenancy_version += 1

    async def delete_scenario(self, sub_account_id: str, name: str) -> bool:
        return self._gone(self._data.scenarios.pop((sub_account_id, name), None))

    async def scenarios(self) -> Sequence[tuple[str, Scenario]]:
        return [(owner, scenario) for (owner, _), scenario in self._data.scenarios.items()]

    def _gone(self, removed: object | None) -> bool:
        self._data.tenancy_version += 1
        return removed is not None

    async def keys(self) -> Sequence[tuple[bytes, KeyGrant]]:
        now = datetime.now(UTC)
        return [
            (digest, key.grant)
            for digest, key in self._data.api_keys.values()
            if key.revoked_at is None
            and (key.grant.expires_at is None or key.grant.expires_at > now)
        ]

    async def put_key(self, digest: bytes, grant: KeyGrant, name: str, now: datetime) -> None:
        made = KeyRecord(grant=grant, name=name, created_at=now, last_used_at=None, revoked_at=None)
        self._data.api_keys[grant.key_id] = (digest, made)
        self._data.tenancy_version += 1

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        stored = self._data.api_keys.get(key_id)
        if stored is None or stored[1].revoked_at is not None:
            return self._gone(None)
        self._change_key(key_id, revoked_at=now)
        return self._gone(stored)

    async def list_keys(self) -> Sequence[KeyRecord]:
        keys = [key for _, key in self._data.api_keys.values()]
        return sorted(keys, key=lambda each: (each.created_at, each.grant.key_id))

    async def touch_keys(self, used: Mapping[str, datetime]) -> None:
        for key_id, at in used.items():
            if key_id in self._data.api_keys:
                self._change_key(key_id, last_used_at=at)

    def _change_key(self, key_id: str, **changes: datetime) -> None:
        digest, key = self._data.api_keys[key_id]
        self._data.api_keys[key_id] = (digest, msgspec.structs.replace(key, **changes))

    async def tenancy_version(self) -> int:
        return self._data.tenancy_version


def _matches(session: Session, chosen: SessionFilter) -> bool:
    return (
        chosen.status in (None, session.status)
        and (chosen.since is None or session.created_at >= chosen.since)
        and (chosen.until is None or session.created_at < chosen.until)
        and {row.term for row in all_terms(session)}.issuperset(wanted_terms(chosen))
    )


def _page(
    records: Sequence[T],
    position: Callable[[T], tuple[int, str]],
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[T], str | None]:
    """One page, newest first, as :meth:`.history.SqlHistory._page` makes it."""
    before = None if cursor is None else position_of(cursor)
    found = sorted(records, key=position, reverse=True)
    if before is not None:
        found = [each for each in found if position(each) < before]
    if len(found) <= limit:
        return found, None
    return found[:limit], cursor_at(*position(found[limit - 1]))
