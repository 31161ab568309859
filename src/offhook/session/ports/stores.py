"""The store's interfaces, one per client; the full :class:`Store` has them all.

One contract test runs over every implementation (``tests/integration/test_store_*.py``): memory,
SQLite and PostgreSQL.

A write is durable when its call returns. Hot writes are group-committed: calls that wait at the same
moment share one transaction. Every call may raise :class:`.StoreUnavailable`; then nothing was
written, unless the connection broke while the commit was on its way. :meth:`Accepting.accept` tells the
two apart: :class:`.FateUnknown` means that nobody knows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime

from offhook.events import AnyEvent
from offhook.session.menus import Menu
from offhook.session.ports.campaign_records import Campaigns
from offhook.session.ports.console_records import ConsoleRecords
from offhook.session.ports.exports import Exporting
from offhook.session.ports.keeping import Upkeep
from offhook.session.ports.media_library import MediaLibrary
from offhook.session.ports.membership import Membership
from offhook.session.ports.metering import Metering
from offhook.session.ports.number_records import Numbers
from offhook.session.ports.operating import Operating
from offhook.session.ports.opt_out_lists import OptOuts
from offhook.session.ports.phones import Phones
from offhook.session.ports.record import (
    EVERY_SESSION,
    NO_RATES,
    ClaimDecision,
    Delivery,
    DeliveryRecord,
    DeliveryResult,
    DeliveryState,
    Heartbeat,
    InboundLimits,
    Installation,
    KeyRecord,
    Node,
    NodeRole,
    OutboxEntry,
    OutboxType,
    Planner,
    Rates,
    RequestRecord,
    SessionFilter,
    TrunkPace,
)
from offhook.session.ports.recording import RecordingStore
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session
from offhook.session.tenancy import (
    KeyGrant,
    PushConfig,
    Scenario,
    SubAccount,
    Webhook,
    WebhookType,
)


class Accepting(ABC):
    """The part of the store for the API, which accepts callflows."""

    @abstractmethod
    async def accept(
        self, session: Session, events: Sequence[AnyEvent], request: RequestRecord
    ) -> RequestRecord:
        """Store a QUEUED session, its first events and the request, durably.

        With an ``idempotency_key`` seen within 24 h for the sub-account, nothing is stored and the
        first request is returned (same body) or :class:`.IdempotencyConflict` raised. Otherwise
        returns ``request``.
        """

    @abstractmethod
    async def record_request(self, request: RequestRecord) -> RequestRecord:
        """Store a rejected request (same idempotency rule). Group-committed too."""

    @abstractmethod
    async def cancel_queued(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        """Store ``session`` (CANCELED) if it is still QUEUED and unclaimed; False: too late."""


class Claiming(ABC):
    """The part of the store for voice nodes, which run sessions."""

    @abstractmethod
    async def register_node(
        self, name: str, role: NodeRole, now: datetime, *, place: str = ""
    ) -> Node:
        """A new epoch for ``name``: everything of its older epochs is fenced from now on.

        ``place`` says where the process runs. Where another place uses the name and has not retired, the
        node gets another name that begins so. Empty: the name is taken over in any case.
        """

    @abstractmethod
    async def heartbeat(self, node: Node, now: datetime) -> None:
        """Say that the node lives. Raises :class:`.Fenced` when its epoch is over."""

    @abstractmethod
    async def retire_node(self, node: Node) -> None:
        """The node ends: nothing runs on it."""

    @abstractmethod
    async def latest_heartbeats(self) -> Mapping[NodeRole, datetime]:
        """The last heartbeat that any node of a role has written; retired nodes have none."""

    @abstractmethod
    async def claim(
        self, node: Node, plan: Planner, now: datetime, *, limit: int, rates: Rates = NO_RATES
    ) -> Sequence[ClaimDecision]:
        """Plan at most ``limit`` waiting sessions and store the decisions, in one transaction.

        Fair between sub-accounts: one that is over its limits does not delay the sessions of other
        sub-accounts.
        Sessions past their ``valid_until`` come first, wherever they stand in the queue.
        Returns the decisions that were stored (RUNNING ones are now this node's, durably); QUEUED ones
        that changed nothing are left out. Raises :class:`Fenced` when the node's epoch is over.
        """

    @abstractmethod
    async def start(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent],
        limits: InboundLimits | None = None,
    ) -> None:
        """Store a session that began with an inbound call, RUNNING and this node's.

        Nothing is stored where its trunk has no free channel (:class:`.TrunkFull`) or gets too many
        calls a second (:class:`.TooFast`), by ``limits``. Raises :class:`.Fenced` when the node's epoch
        is over.
        """

    @abstractmethod
    async def save(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
    ) -> None:
        """Store the session, new events and webhooks in one transaction.

        Raises :class:`.Fenced` when it is final already or belongs to another node; the events are then
        kept as :class:`~offhook.events.LateFact`.
        """

    @abstractmethod
    async def put_sip_trace(self, session_id: str, messages: Sequence[SipMessage]) -> None:
        """Keep the SIP messages of a session as long as the session; replaces earlier ones."""

    @abstractmethod
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
        """:meth:`save` a session with a new or moved leg on ``trunk`` if a channel is free there.

        For leg B, which does not queue, and for leg A that goes on to its next trunk. False, and
        nothing stored, when the trunk would then hold more than ``channels``, over all nodes and with
        the session's other legs (None: no limit).
        With a ``pace`` the call counts among those that the trunk starts a second, leg A's included; when it
        starts as many already, nothing is stored and :class:`.TooFast` is raised.
        Raises :class:`.Fenced` as :meth:`save` does, but only when a channel is free.
        """

    @abstractmethod
    async def installation(self) -> Installation:
        """Nodes, queue, channels and pending webhooks at this moment."""

    @abstractmethod
    async def time(self) -> datetime:
        """The time by the clock that all processes of the installation share: the database's."""

    @abstractmethod
    async def heartbeats(self) -> Sequence[Heartbeat]:
        """The last heartbeat of every process that has not retired."""

    @abstractmethod
    async def orphans(
        self, silent: Sequence[Heartbeat] = (), *, limit: int = 500
    ) -> Sequence[Session]:
        """RUNNING sessions of dead nodes.

        A node is dead when its epoch is over, it has retired, or its last heartbeat is still the one in
        ``silent``.
        """

    @abstractmethod
    async def end_orphan(
        self,
        session: Session,
        events: Sequence[AnyEvent],
        outbox: Sequence[OutboxEntry],
        silent: Sequence[Heartbeat] = (),
    ) -> bool:
        """Store the final ``session`` if it is still an orphan and not final; else False."""


class History(ABC):
    """Reads what was stored."""

    @abstractmethod
    async def request(self, sub_account_id: str, call_flow_request_id: str) -> RequestRecord | None:
        """One request."""

    @abstractmethod
    async def session(self, sub_account_id: str, session_id: str) -> Session | None:
        """One session as last saved."""

    @abstractmethod
    async def sessions(
        self,
        sub_account_id: str,
        chosen: SessionFilter = EVERY_SESSION,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Session], str | None]:
        """The chosen sessions, newest first; with the cursor of the next page, None at the end.

        Raises ValueError for an invalid cursor.
        """

    @abstractmethod
    async def events(self, session_id: str, after: int = 0) -> Sequence[tuple[int, AnyEvent]]:
        """The timeline from number ``after`` + 1 on, each with its number (1, 2, …)."""

    @abstractmethod
    async def sip_trace(self, session_id: str) -> Sequence[SipMessage]:
        """The stored SIP messages of a session, in order; none were kept, or no such session: empty."""

    @abstractmethod
    async def deliveries(self, session_id: str) -> Sequence[DeliveryRecord]:
        """Every webhook delivery of a session with its attempts, oldest first."""


class Outbox(ABC):
    """Webhook deliveries to be made, and their results."""

    @abstractmethod
    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        """Due deliveries, leased to ``owner`` for ``lease`` seconds; then they are due again.

        Taken in turn from every (sub-account, type), of each at most 64 at a time: a slow or dead
        endpoint with thousands of deliveries does not delay other endpoints.
        """

    @abstractmethod
    async def finish_deliveries(self, results: Sequence[DeliveryResult]) -> None:
        """Record attempts (group-committed)."""

    @abstractmethod
    async def make_due(
        self,
        sub_account_id: str,
        type_: OutboxType,
        url: str | None,
        now: datetime,
        *,
        limit: int = 500,
    ) -> int:
        """Let the pending deliveries of one endpoint fall due now, in the order of their creation.

        ``url`` is that of the entries (None: the sub-account's webhook). Returns how many it changed,
        at most ``limit``: ask again while it is as many.
        """

    @abstractmethod
    async def redeliver(
        self, sub_account_id: str, delivery_id: str, now: datetime, give_up_at: datetime
    ) -> bool:
        """Make a finished entry due again, whether it was delivered or given up; False: no such entry."""

    @abstractmethod
    async def deliveries_of_type(
        self,
        sub_account_id: str,
        type_: OutboxType,
        *,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[DeliveryRecord], str | None]:
        """A sub-account's deliveries of one webhook type, newest first; see :meth:`sessions`.

        ``state``: only those in that state; LEASED ones are PENDING here.
        """

    @abstractmethod
    async def next_delivery_at(self) -> datetime | None:
        """When the next pending delivery falls due."""


class Tenancy(ABC):
    """Stored sub-accounts, webhooks, scenarios and API keys."""

    @abstractmethod
    async def sub_accounts(self) -> Sequence[SubAccount]:
        """All stored sub-accounts with numbers, webhooks and scenarios."""

    @abstractmethod
    async def put_sub_account(self, sub_account: SubAccount) -> None:
        """Create or replace."""

    @abstractmethod
    async def delete_sub_account(self, sub_account_id: str) -> bool:
        """Delete it and what is stored of its numbers. False: there was none."""

    @abstractmethod
    async def put_webhook(self, sub_account_id: str, webhook: Webhook) -> None:
        """Create or replace the webhook of its type, also for a sub-account of the file."""

    @abstractmethod
    async def delete_webhook(self, sub_account_id: str, type_: WebhookType) -> bool:
        """False: there was none."""

    @abstractmethod
    async def webhooks(self) -> Sequence[tuple[str, Webhook]]:
        """All stored webhooks with their sub-account's id."""

    @abstractmethod
    async def put_scenario(self, sub_account_id: str, scenario: Scenario) -> None:
        """Create or replace a scenario, also for a sub-account of the file."""

    @abstractmethod
    async def delete_scenario(self, sub_account_id: str, name: str) -> bool:
        """False: there was none."""

    @abstractmethod
    async def scenarios(self) -> Sequence[tuple[str, Scenario]]:
        """All scenarios stored with :meth:`put_scenario`, with their sub-account's id."""

    @abstractmethod
    async def put_push_config(self, sub_account_id: str, config: PushConfig) -> None:
        """Create or replace a sub-account's push configuration."""

    @abstractmethod
    async def delete_push_config(self, sub_account_id: str) -> bool:
        """False: there was none."""

    @abstractmethod
    async def push_configs(self) -> Sequence[tuple[str, PushConfig]]:
        """All of them with their sub-account's id."""

    @abstractmethod
    async def put_menu(self, sub_account_id: str, menu: Menu) -> None:
        """Create or replace a stored menu, also for a sub-account of the file."""

    @abstractmethod
    async def delete_menu(self, sub_account_id: str, name: str) -> bool:
        """False: there was none."""

    @abstractmethod
    async def menus(self) -> Sequence[tuple[str, Menu]]:
        """All menus stored with :meth:`put_menu`, with their sub-account's id."""

    @abstractmethod
    async def keys(self) -> Sequence[tuple[bytes, KeyGrant]]:
        """All unexpired, unrevoked keys: SHA-256 of the key, and what it opens."""

    @abstractmethod
    async def put_key(self, digest: bytes, grant: KeyGrant, name: str, now: datetime) -> None:
        """Store a key's hash."""

    @abstractmethod
    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        """False: there was none."""

    @abstractmethod
    async def list_keys(self) -> Sequence[KeyRecord]:
        """Every key, oldest first, also expired and revoked ones."""

    @abstractmethod
    async def touch_keys(self, used: Mapping[str, datetime]) -> None:
        """Record when keys were last used (batched by the caller)."""

    @abstractmethod
    async def tenancy_version(self) -> int:
        """Grows with every change of accounts, keys, webhooks or scenarios."""


class Store(
    Accepting,
    Claiming,
    History,
    Membership,
    Upkeep,
    Outbox,
    Tenancy,
    OptOuts,
    RecordingStore,
    Metering,
    Campaigns,
    MediaLibrary,
    Exporting,
    Operating,
    Numbers,
    Phones,
    ConsoleRecords,
):
    """The whole durable record."""

    @abstractmethod
    async def open(self) -> None:
        """Connect and check that the schema is current.

        Raises :class:`.SchemaMismatch` or :class:`.StoreUnavailable`, with a text for the operator.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish the waiting writes, disconnect."""
