"""The store's interface: the durable record. One contract test runs over every implementation.

Each hot call is durable when it returns and is group-committed: calls that wait at the same moment
share one transaction. :class:`StoreUnavailable` means nothing was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from offhook.events import AnyEvent
from offhook.session.session import Session
from offhook.session.tenancy import KeyGrant, Scenario, SubAccount, Webhook


class StoreUnavailable(Exception):
    """The database is away or too slow; nothing was written."""


class SchemaMismatch(StoreUnavailable):
    """The database's schema is not the one this version needs; the text says what to do."""


class Fenced(Exception):
    """The session is no longer this node's: another ended it, or this node's epoch is over."""


class IdempotencyConflict(Exception):
    """The same Idempotency-Key came with another body."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A process registered in the store; ``epoch`` grows with every registration of its name."""

    name: str
    epoch: int


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


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Calls per second of those that have a limit (``cps``, above 0); whoever is absent has none."""

    sub_accounts: Mapping[str, float] = {}
    trunks: Mapping[str, float] = {}


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What is in use at this moment, over all nodes; read in the claim's own transaction.

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
    trunks: tuple[str, ...] = ()
    """The trunks to try, in order. Claimed: the leg in ``session`` carries the first and its channel
    counts from now on. Waiting with ``ready_since``: the store looks at the sessions of each first
    trunk separately from then on, so that a full trunk hides no session bound for another."""


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook delivery to be made, stored in the transaction of what it reports."""

    delivery_id: str
    """Also ``webhook-id`` and the payload's ``eventId``: stable over retries."""
    sub_account_id: str
    type: str
    """VCS, VSS, VRU, VNU, or DTMF (the legacy callback)."""
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
    """What became of one attempt."""

    delivery_id: str
    at: datetime
    http_status: int | None
    detail: str
    state: str
    """``delivered``, ``pending`` (try again at ``next_at``), ``dead`` or ``dropped``."""
    next_at: datetime | None = None
    attempted: bool = True
    """False: nothing was sent. The lease is given back and the entry falls due at ``next_at``; it
    counts as no attempt and leaves no row among the attempts."""


NO_RATES = Rates()
"""Nobody is limited in calls per second."""


class Planner(Protocol):
    """Decides which waiting sessions start; pure (:mod:`offhook.session.claim_planner`)."""

    def __call__(
        self, waiting: Sequence[Queued], usage: Usage, now: datetime
    ) -> Sequence[ClaimDecision]: ...


class Store(Protocol):
    """The durable record."""

    async def open(self) -> None:
        """Connect and check that the schema is current.

        Raises :class:`SchemaMismatch` or :class:`StoreUnavailable`, with a text for the operator.
        """
        ...

    async def close(self) -> None:
        """Finish what waits, disconnect."""
        ...

    # --- the API's side

    async def accept(
        self, session: Session, events: Sequence[AnyEvent], request: RequestRecord
    ) -> RequestRecord:
        """Store a QUEUED session, its first events and the request, durably.

        With an ``idempotency_key`` seen within 24 h for the sub-account, nothing is stored and the
        first request is returned (same body) or :class:`IdempotencyConflict` raised. Otherwise
        returns ``request``.
        """
        ...

    async def record_request(self, request: RequestRecord) -> RequestRecord:
        """Store a rejected request (same idempotency rule). Group-committed too."""
        ...

    async def request(self, sub_account_id: str, call_flow_request_id: str) -> RequestRecord | None:
        """One request."""
        ...

    async def session(self, sub_account_id: str, session_id: str) -> Session | None:
        """One session as last saved."""
        ...

    async def sessions(
        self,
        sub_account_id: str,
        *,
        status: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Session], str | None]:
        """Newest first; the second item is the cursor of the next page, None at the end.

        ``since`` (inclusive) and ``until`` (exclusive) bound ``created_at``. Raises ValueError for
        a cursor that is none of ours.
        """
        ...

    async def events(self, session_id: str, after: int = 0) -> Sequence[tuple[int, AnyEvent]]:
        """The timeline from number ``after`` + 1 on, each with its number (1, 2, …)."""
        ...

    async def deliveries(self, session_id: str) -> Sequence[dict[str, Any]]:
        """Every webhook delivery of a session with its attempts, oldest first.

        Keys: deliveryId, type, url (None: the sub-account's webhook), state, createdAt, nextAt,
        attempts (a list of ``at``, ``httpStatus``, ``detail``), payload (parsed JSON).
        """
        ...

    async def cancel_queued(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        """Store ``session`` (CANCELED) if it is still QUEUED and unclaimed; False: too late."""
        ...

    # --- the voice nodes' side

    async def register_node(self, name: str, role: str, now: datetime) -> Node:
        """A new epoch for ``name``: everything of its older epochs is fenced from now on."""
        ...

    async def heartbeat(self, node: Node, now: datetime) -> None:
        """Say that we live. Raises :class:`Fenced` when our epoch is over."""
        ...

    async def retire_node(self, node: Node) -> None:
        """A graceful end: the node has nothing running any more."""
        ...

    async def claim(
        self, node: Node, plan: Planner, now: datetime, *, limit: int, rates: Rates = NO_RATES
    ) -> Sequence[ClaimDecision]:
        """Plan at most ``limit`` waiting sessions and store the decisions, in one transaction.

        Fair between sub-accounts: one that is over its limits hides nobody else's sessions.
        Sessions past their ``valid_until`` come first, wherever they stand in the queue.
        Returns the decisions that were stored (RUNNING ones are now ours, durably); QUEUED ones
        that changed nothing are left out. Raises :class:`Fenced` when the node's epoch is over.
        """
        ...

    async def start(self, node: Node, session: Session, events: Sequence[AnyEvent]) -> None:
        """Store a session that began with an inbound call, RUNNING and ours."""
        ...

    async def save(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
    ) -> None:
        """Store the session, new events and webhooks in one transaction.

        Raises :class:`Fenced` when it is final already or not ours any more; the events are then
        kept as :class:`~offhook.events.LateFact`.
        """
        ...

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
        """:meth:`save` a session with a new or moved leg on ``trunk`` if a channel is free there.

        For leg B, which does not queue, and for leg A that goes on to its next trunk. False, and
        nothing stored, when ``channels`` others hold one already (over all nodes; None: no limit).
        """
        ...

    async def orphans(
        self, now: datetime, dead_after: float, *, limit: int = 500
    ) -> Sequence[Session]:
        """RUNNING sessions whose node's epoch is over or whose heartbeat is older than that."""
        ...

    async def end_orphan(
        self,
        session: Session,
        events: Sequence[AnyEvent],
        outbox: Sequence[OutboxEntry],
        now: datetime,
        dead_after: float,
    ) -> bool:
        """Store the final ``session`` if it is still an orphan and not final; else False."""
        ...

    # --- the outbox

    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        """Due deliveries, ours for ``lease`` seconds (another takes them over after that).

        Taken in turn from every (sub-account, type), of each at most 64 at a time: a slow or dead
        endpoint's thousands hide nobody else's.
        """
        ...

    async def finish_deliveries(self, results: Sequence[DeliveryResult]) -> None:
        """Record attempts (group-committed)."""
        ...

    async def redeliver(
        self, sub_account_id: str, delivery_id: str, now: datetime, give_up_at: datetime
    ) -> bool:
        """Make a finished entry due again, whatever became of it; False: no such entry."""
        ...

    async def deliveries_of_type(
        self, sub_account_id: str, type_: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[dict[str, Any]], str | None]:
        """A sub-account's deliveries of one webhook type, newest first; see :meth:`sessions`."""
        ...

    async def next_delivery_at(self) -> datetime | None:
        """When the next pending delivery falls due."""
        ...

    # --- tenancy

    async def sub_accounts(self) -> Sequence[SubAccount]:
        """All stored sub-accounts with numbers, webhooks and scenarios."""
        ...

    async def put_sub_account(self, sub_account: SubAccount) -> None:
        """Create or replace."""
        ...

    async def delete_sub_account(self, sub_account_id: str) -> bool:
        """False: there was none."""
        ...

    async def put_webhook(self, sub_account_id: str, webhook: Webhook) -> None:
        """Create or replace the webhook of its type, also for a sub-account of the file."""
        ...

    async def delete_webhook(self, sub_account_id: str, type_: str) -> bool:
        """False: there was none."""
        ...

    async def put_scenario(self, sub_account_id: str, scenario: Scenario) -> None:
        """Create or replace a scenario, also for a sub-account of the file."""
        ...

    async def delete_scenario(self, sub_account_id: str, name: str) -> bool:
        """False: there was none."""
        ...

    async def scenarios(self) -> Sequence[tuple[str, Scenario]]:
        """All scenarios stored with :meth:`put_scenario`, with their sub-account's id."""
        ...

    async def webhooks(self) -> Sequence[tuple[str, Webhook]]:
        """All stored webhooks with their sub-account's id."""
        ...

    async def keys(self) -> Sequence[tuple[bytes, KeyGrant]]:
        """All unexpired, unrevoked keys: SHA-256 of the key, and what it opens."""
        ...

    async def put_key(self, digest: bytes, grant: KeyGrant, name: str, now: datetime) -> None:
        """Store a key's hash."""
        ...

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        """False: there was none."""
        ...

    async def list_keys(self) -> Sequence[dict[str, Any]]:
        """Keys without their secrets: id, name, account, sub-accounts, scopes, created, expires,
        last used, revoked."""
        ...

    async def touch_keys(self, used: dict[str, datetime]) -> None:
        """Record when keys were last used (batched by the caller)."""
        ...

    async def tenancy_version(self) -> int:
        """Grows with every change of accounts, keys, webhooks or scenarios."""
        ...

    # --- upkeep

    async def purge(
        self, now: datetime, *, requests_days: int = 30, sessions_days: int = 90
    ) -> int:
        """Delete what is older; returns how many rows went."""
        ...
