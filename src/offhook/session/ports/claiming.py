"""The part of the store for voice nodes, which claim sessions, run them, and end those of dead nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime

from offhook.events import AnyEvent
from offhook.session.ports.record import (
    NO_RATES,
    ClaimDecision,
    Heartbeat,
    InboundLimits,
    Installation,
    Node,
    NodeRole,
    OutboxEntry,
    Planner,
    Rates,
    TrunkPace,
)
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session


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
