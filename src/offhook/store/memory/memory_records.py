"""What a memory store holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from offhook.codes import SessionStatus
from offhook.events import AnyEvent
from offhook.session.campaign import Campaign, Target
from offhook.session.menus import Menu
from offhook.session.ports.console_records import SignIn
from offhook.session.ports.exports import ExportJob
from offhook.session.ports.media_library import MediaFile
from offhook.session.ports.membership import NodeFacts
from offhook.session.ports.number_records import NumberState
from offhook.session.ports.operating import LogLine, TrunkState
from offhook.session.ports.opt_out_lists import OptOut
from offhook.session.ports.phone_bindings import FirstCall, PhoneBinding
from offhook.session.ports.record import (
    DeliveryAttempt,
    DeliveryRecord,
    DeliveryState,
    KeyRecord,
    Node,
    NodeRole,
    OutboxEntry,
    RequestRecord,
)
from offhook.session.ports.recording import RecordingRecord
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session
from offhook.session.tenancy import PushConfig, Scenario, SubAccount, VirtualNumber, Webhook
from offhook.store.cursors import cursor_at, position_of
from offhook.store.documents import decode_session, encode_session, held_channels, micros
from offhook.store.queueing import Candidate, Group, MarkRow
from offhook.store.rows import BucketRow
from offhook.store.usage_rows import CountedUsage, usage_rows

T = TypeVar("T")

UNDER_WAY = (DeliveryState.PENDING, DeliveryState.LEASED)


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
        """The time after which it is not dialled."""
        return self.session.valid_until

    def group(self) -> Group:
        """Its group in the queue."""
        return self.session.sub_account_id, self.waits_for

    def candidate(self) -> Candidate:
        """The row of the queue for a claim."""
        return Candidate(
            session_id=self.session.session_id,
            ready_since=self.ready_since,
            waits_for=self.waits_for,
            event_count=len(self.events),
            document=encode_session(self.session),
        )


class StoredDelivery:
    """One outbox entry and its attempts."""

    def __init__(self, entry: OutboxEntry) -> None:
        self.entry = entry
        self.state = DeliveryState.PENDING
        self.next_at = entry.created_at
        self.attempts: list[DeliveryAttempt] = []

    def group(self) -> Group:
        """The endpoint it goes to."""
        return self.entry.sub_account_id, self.entry.type.value

    def record(self) -> DeliveryRecord:
        """The record as readers get it."""
        leased = self.state is DeliveryState.LEASED
        return DeliveryRecord(
            delivery_id=self.entry.delivery_id,
            type=self.entry.type,
            url=self.entry.url,
            state=DeliveryState.PENDING if leased else self.state,
            created_at=self.entry.created_at,
            next_at=self.next_at if self.state in UNDER_WAY else None,
            attempts=tuple(self.attempts),
            payload=self.entry.payload,
        )


class StoredExport:
    """One export job with the pieces of its file."""

    def __init__(self, job: ExportJob) -> None:
        self.job = job
        self.pieces: list[bytes] = []
        self.owner: str | None = None
        self.lease_until = job.created_at
        self.expires_at = job.created_at + timedelta(days=31)

    def is_due(self, now: datetime) -> bool:
        """Whether it waits, or has lost its worker."""
        return not self.job.state.final and self.lease_until <= now

    def change(self, **changes: Any) -> ExportJob:
        """Its next record."""
        self.job = msgspec.structs.replace(self.job, **changes)
        return self.job


class StoredNode(msgspec.Struct):
    """One registered process."""

    role: NodeRole
    epoch: int
    heartbeat_at: datetime | None
    """None: retired."""
    place: str = ""


class StoredCampaign:
    """One campaign with its list."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.active = False
        self.owner: str | None = None
        self.lease_until = campaign.created_at
        self.targets: dict[int, Target] = {}


class MemoryRecords:
    """What one or more :class:`MemoryStore` hold, as the processes of a site share a database."""

    def __init__(self) -> None:
        self.requests: dict[str, RequestRecord] = {}
        self.keys_seen: dict[tuple[str, str], RequestRecord] = {}
        self.sessions: dict[str, StoredSession] = {}
        self.live: dict[str, StoredSession] = {}
        """The sessions that have not ended."""
        self.sip_traces: dict[str, Sequence[SipMessage]] = {}
        self.node_facts: dict[str, NodeFacts] = {}
        self.trunk_states: dict[tuple[str, str], TrunkState] = {}
        self.log_lines: dict[str, list[LogLine]] = {}
        self.captures: dict[str, bytes] = {}
        self.nodes: dict[str, StoredNode] = {}
        self.buckets: dict[tuple[str, str], BucketRow] = {}
        self.marks: dict[tuple[str, str], MarkRow] = {}
        self.outbox: dict[str, StoredDelivery] = {}
        self.sub_accounts: dict[str, SubAccount] = {}
        self.webhooks: dict[tuple[str, str], Webhook] = {}
        self.scenarios: dict[tuple[str, str], Scenario] = {}
        self.recordings: dict[str, RecordingRecord] = {}
        self.push_configs: dict[str, PushConfig] = {}
        self.api_keys: dict[str, tuple[bytes, KeyRecord]] = {}
        self.phones: dict[tuple[str, str], PhoneBinding] = {}
        self.first_calls: dict[tuple[str, str], FirstCall] = {}
        self.sign_ins: dict[bytes, SignIn] = {}
        self.opt_outs: dict[tuple[str, str], OptOut] = {}
        self.campaigns: dict[str, StoredCampaign] = {}
        self.menus: dict[tuple[str, str], Menu] = {}
        self.media: dict[tuple[str, str], tuple[MediaFile, bytes]] = {}
        self.tenancy_version = 0
        self.exports: dict[str, StoredExport] = {}
        self.numbers: dict[str, tuple[str, VirtualNumber]] = {}
        self.number_states: dict[tuple[str, str], NumberState] = {}
        self.number_receivers: dict[str, str] = {}
        self.tests_under_way: dict[tuple[str, str], tuple[datetime, bool]] = {}
        self.duties: dict[str, tuple[str, datetime]] = {}
        self.troubles: dict[str, datetime] = {}
        self.usage_counted: list[CountedUsage] = []

    def forget_numbers(self, sub_account_id: str) -> None:
        """The sub-account is deleted: nothing of its numbers stays."""
        self.numbers = {k: v for k, v in self.numbers.items() if v[0] != sub_account_id}
        self.number_states = {k: v for k, v in self.number_states.items() if k[0] != sub_account_id}
        self.number_receivers.pop(sub_account_id, None)

    def register(self, name: str, role: NodeRole, now: datetime, place: str = "") -> Node:
        """A new epoch of a node."""
        epoch = self.nodes[name].epoch + 1 if name in self.nodes else 1
        self.nodes[name] = StoredNode(role=role, epoch=epoch, heartbeat_at=now, place=place)
        return Node(name=name, epoch=epoch)

    def place_of(self, name: str) -> dict[str, Any] | None:
        """Where a node runs, and its last heartbeat, as :func:`.node_names.is_taken` reads them."""
        node = self.nodes.get(name)
        if node is None:
            return None
        at = 0 if node.heartbeat_at is None else micros(node.heartbeat_at)
        return {"place": node.place, "heartbeat_at": at}

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
        self.usage_counted += usage_rows(session, stored.node.name if stored.node else "")
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
        """The channels and calls of all running sessions."""
        return [
            {
                "sub_account_id": each.session.sub_account_id,
                "channels": held_channels(each.session),
                "sessions": 1,
            }
            for each in self.live.values()
            if each.session.status is SessionStatus.RUNNING
        ]


class MemoryPart:
    """What the parts of a memory store share."""

    def __init__(self, records: MemoryRecords | None = None) -> None:
        self.records = records or MemoryRecords()
        self.failure: Exception | None = None
        """While set, every call raises it, as when the database is away (``StoreUnavailable()``)."""

    @property
    def _data(self) -> MemoryRecords:
        if self.failure is not None:
            raise self.failure
        return self.records


def page(
    records: Sequence[T],
    position: Callable[[T], tuple[int, str]],
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[T], str | None]:
    """One page, newest first; ``position`` gives a record's time in microseconds, and its id."""
    before = None if cursor is None else position_of(cursor)
    found = sorted(records, key=position, reverse=True)
    if before is not None:
        found = [each for each in found if position(each) < before]
    if len(found) <= limit:
        return found, None
    return found[:limit], cursor_at(*position(found[limit - 1]))
