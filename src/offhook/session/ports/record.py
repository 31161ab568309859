"""The records that the store keeps and gives (its interfaces: :mod:`.stores`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from offhook.codes import SessionStatus
from offhook.events import AnyEvent
from offhook.session.session import Session
from offhook.session.tenancy import KeyGrant


class StoreUnavailable(Exception):
    """The database is away or too slow; nothing was written."""


class FateUnknown(StoreUnavailable):
    """The database was cut off while it wrote: nobody knows yet whether the write is stored."""


class SchemaMismatch(StoreUnavailable):
    """The database's schema is not the one this version needs; the text says what to do."""


class Fenced(Exception):
    """This node may not write the session: another ended it, or this node's epoch is over."""


class TrunkFull(Exception):
    """The trunk has no free channel."""


class TooFast(Exception):
    """The trunk starts as many calls a second as it may: try again a little later."""


class TrunkPace(NamedTuple):
    """How many calls a second a trunk takes, for a call that starts now."""

    cps: float
    now: datetime


class InboundLimits(NamedTuple):
    """What a trunk takes of calls from outside."""

    trunk: str
    channels: int | None = None
    """Legs at once, dialled ones too, over all nodes; None: no limit."""
    pace: TrunkPace | None = None
    """Calls from outside a second, over all nodes; None: no limit."""


class IdempotencyConflict(Exception):
    """The same Idempotency-Key came with another body."""


class NodeRole(StrEnum):
    """What a registered process does."""

    VOICE = "voice"
    API = "api"


class OutboxType(StrEnum):
    """What a webhook delivery carries."""

    VCS = "VCS"
    VSS = "VSS"
    VRU = "VRU"
    VNU = "VNU"
    DTMF = "DTMF"
    """The legacy ``dtmfCallbackUrl``."""


class DeliveryState(StrEnum):
    """Where a webhook delivery stands."""

    PENDING = "pending"
    """To be tried at its ``next_at``."""
    LEASED = "leased"
    """Being tried; due again when the lease is over. Shown as ``pending``."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up; it can be sent again on request."""
    DROPPED = "dropped"
    """Given up: the event is too old to be of use."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A process registered in the store; ``epoch`` grows with every registration of its name."""

    name: str
    epoch: int


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The last sign of life of a registered process, as it stands in the record."""

    name: str
    epoch: int
    at: datetime
    """By the clock of that process: only whether it changes means anything to others."""


class NodeState(msgspec.Struct, frozen=True, kw_only=True):
    """A registered process, as the others see it."""

    name: str
    role: NodeRole
    epoch: int
    heartbeat_at: datetime | None
    """The last one; None: it has retired."""
    sessions: int = 0
    """RUNNING sessions that are its own."""


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole installation at a glance; for status pages and metrics."""

    nodes: tuple[NodeState, ...]
    """By name."""
    queued: int
    oldest_queued_at: datetime | None
    """When the session that has waited longest was accepted."""
    passed_over: int
    """Waiting sessions that some node leaves to other nodes because it does not know them."""
    channels_by_trunk: Mapping[str, int]
    """Legs that hold a channel; a trunk that is absent has none."""
    pending_deliveries: int
    """Webhooks that wait for an attempt; counted to 100,000."""
    oldest_delivery_at: datetime | None
    """When the pending webhook that was stored first fell due or will fall due."""

    @property
    def running(self) -> int:
        """RUNNING sessions."""
        return sum(node.sessions for node in self.nodes)


class RequestRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered (``GET /requests/{callFlowRequestId}``), kept 30 days."""

    call_flow_request_id: str
    sub_account_id: str
    at: datetime
    body: bytes
    """As received (after inflation), at most 256 KiB."""
    http_status: int
    answer: bytes
    """The JSON answer."""
    session_id: str | None = None
    idempotency_key: str | None = None


class SessionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions of a sub-account are listed; a field that is None does not filter."""

    status: SessionStatus | None = None
    since: datetime | None = None
    """Created at this time or later."""
    until: datetime | None = None
    """Created before this time."""
    number: str | None = None
    """Source or destination of any leg, as stored: E.164 with ``+`` for a phone number."""
    client_request_id: str | None = None
    client_batch_id: str | None = None
    sip_code: int | None = None
    """Of any leg that has ended or been answered."""


EVERY_SESSION = SessionFilter()


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What the store must read for a plan, besides the sessions that wait.

    Calls per second of those that have a limit (``cps``, above 0); an absent one has no limit.
    """

    sub_accounts: Mapping[str, float] = {}
    trunks: Mapping[str, float] = {}
    opt_out_lists: frozenset[str] = frozenset()
    """The sub-accounts whose opt-out lists count (:attr:`Queued.opted_out`)."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """The usage at this moment, over all nodes; read in the claim's own transaction.

    Token buckets (capacity ``max(1, cps)``, refilled at ``cps`` a second, full at first) are durable.
    A call may start while its bucket holds at least 1. The store fills them up to the planner's
    ``now`` before it asks, and takes 1 off for every RUNNING decision: from its sub-account's bucket
    and from that of ``trunks[0]``. The planner counts down its own copy as it goes.
    """

    running_by_sub_account: Mapping[str, int]
    """RUNNING sessions; absent: 0."""
    channels_by_trunk: Mapping[str, int]
    """Legs with this ``trunk`` and no ``status``, of RUNNING sessions; absent: 0."""
    tokens_by_sub_account: Mapping[str, float]
    """Of every limited (:class:`Rates`) sub-account among the waiting; absent: no limit."""
    tokens_by_trunk: Mapping[str, float]
    """Of every limited trunk; absent: no limit."""


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """A waiting session, as the claim planner sees it."""

    session: Session
    ready_since: datetime | None
    """Since when only a trunk channel is missing (``queue_timeout`` runs from it)."""
    passed_over_since: datetime | None = None
    """Since when every live node, this one included, has passed it over; None: one has not."""
    opted_out: bool = False
    """Whether it is a voice message to a number on its sub-account's opt-out list."""


class ClaimDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner decides for one waiting session.

    ``session`` is the session as it must be stored now: RUNNING with leg A (claimed), a final
    status (expired, no route, overdue; the summary goes to the outbox with it), or QUEUED.
    """

    session: Session
    events: tuple[AnyEvent, ...] = ()
    outbox: tuple[OutboxEntry, ...] = ()
    ready_since: datetime | None = None
    """Once set it must be given again with every later decision of the session that stays QUEUED."""
    not_before: datetime | None = None
    """Outside of the calling hours: no claim looks at the session before this time."""
    passed_over: str | None = None
    """What this node does not know of the session (its sub-account, a route), so that it leaves it to
    other nodes. ``session`` is unchanged then. The claim stores and returns it the first time only."""
    trunks: tuple[str, ...] = ()
    """The trunks to try, in order. Claimed: the leg in ``session`` carries the first and its channel
    counts from now on. Waiting with ``ready_since``: the store looks at the sessions of each first
    trunk separately from then on, so that a full trunk hides no session bound for another."""


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook delivery to be made, stored in the transaction of what it reports."""

    delivery_id: str
    """Also ``webhook-id`` and the payload's ``eventId``: stable over retries."""
    sub_account_id: str
    type: OutboxType
    payload: bytes
    """The whole JSON body, envelope included."""
    created_at: datetime
    give_up_at: datetime
    session_id: str | None = None
    url: str | None = None
    """Only where it does not come from the sub-account's webhooks (the legacy callback)."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A due outbox entry, leased to the caller."""

    entry: OutboxEntry
    attempts: int
    """Made so far."""


class DeliveryResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one attempt."""

    delivery_id: str
    at: datetime
    http_status: int | None
    detail: str
    state: DeliveryState
    """Any but LEASED."""
    next_at: datetime | None = None
    """When a PENDING one is due again."""
    attempted: bool = True
    """False: nothing was sent. The lease is given back and the entry falls due at ``next_at``; it
    counts as no attempt and leaves no row among the attempts."""


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt of a delivery."""

    at: datetime
    http_status: int | None
    """None: no answer."""
    detail: str


class DeliveryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook delivery with all its attempts."""

    delivery_id: str
    type: OutboxType
    url: str | None
    """None: the URL of the sub-account's webhook of this type."""
    state: DeliveryState
    """Never LEASED: a leased one is PENDING."""
    created_at: datetime
    next_at: datetime | None
    """Of a PENDING one: when it is due, or when its lease is over."""
    attempts: tuple[DeliveryAttempt, ...]
    payload: bytes
    """The JSON body."""


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A stored API key, without its secret."""

    grant: KeyGrant
    name: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


DEAD_AFTER = timedelta(seconds=11)
"""Time without a heartbeat after which a node counts as dead (its sessions end within 15 s)."""

NO_RATES = Rates()
"""No limits in calls per second."""


Planner = Callable[[Sequence[Queued], Usage, datetime], Sequence[ClaimDecision]]
"""Decides which of the waiting sessions start now; pure (:mod:`offhook.session.claim_planner`)."""
