"""The part of the store with the campaigns and their lists."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

import msgspec

from offhook.events import AnyEvent
from offhook.session.campaign import (
    Campaign,
    CampaignCounts,
    CampaignOrder,
    NewTarget,
    Settled,
    Target,
    TargetState,
)
from offhook.session.session import Session


class TargetFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which numbers of a list are read; a field that is None does not filter."""

    state: TargetState | None = None
    outcome: str | None = None


EVERY_TARGET = TargetFilter()


class TargetCall(msgspec.Struct, frozen=True, kw_only=True):
    """One number that is called now."""

    position: int
    attempts: int
    """Made before this one: another runner that called it meanwhile has changed it."""
    session: Session
    """QUEUED."""
    events: tuple[AnyEvent, ...]


class CallingTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One number that is being called."""

    target: Target
    waits: bool
    """Its session waits in the queue."""
    ended: Session | None
    """Its session, once it has ended."""


class Campaigns(ABC):
    """Campaigns, their lists, and the lease under which one process calls a list.

    The process that holds the lease (``owner``) is the only one whose :meth:`call_targets` and
    :meth:`settle_targets` change anything: a process that was cut off cannot call a number twice.
    """

    @abstractmethod
    async def create_campaign(self, campaign: Campaign) -> None:
        """Store a new one, a DRAFT."""

    @abstractmethod
    async def campaign(self, sub_account_id: str, campaign_id: str) -> Campaign | None:
        """One campaign."""

    @abstractmethod
    async def campaigns(
        self, sub_account_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[Campaign], str | None]:
        """A sub-account's campaigns, newest first; with the cursor of the next page, None at the end.

        Raises ValueError for an invalid cursor.
        """

    @abstractmethod
    async def order_campaign(
        self, campaign: Campaign, order: CampaignOrder, now: datetime
    ) -> Campaign | None:
        """Obey an order; None: the campaign is in no state that allows it."""

    @abstractmethod
    async def add_targets(self, campaign: Campaign, targets: Sequence[NewTarget]) -> int | None:
        """Add numbers that are not on the list yet; returns how many. None: the campaign has ended."""

    @abstractmethod
    async def campaign_counts(self, campaign_id: str) -> CampaignCounts:
        """The progress, at a cost that does not grow with the list."""

    @abstractmethod
    async def targets(
        self,
        campaign_id: str,
        chosen: TargetFilter = EVERY_TARGET,
        *,
        after: int = 0,
        limit: int = 500,
    ) -> Sequence[Target]:
        """The chosen numbers with a ``position`` above ``after``, in the order of the list."""

    # --- the side of the process that calls

    @abstractmethod
    async def lease_campaigns(
        self, owner: str, now: datetime, *, lease: float
    ) -> Sequence[Campaign]:
        """The campaigns that ``owner`` calls for the next ``lease`` seconds: those it has already, and
        those that no process has."""

    @abstractmethod
    async def release_campaigns(self, owner: str) -> None:
        """``owner`` stops: others may take its campaigns at once."""

    @abstractmethod
    async def due_targets(self, campaign_id: str, now: datetime, limit: int) -> Sequence[Target]:
        """WAITING numbers that are due, the one that has waited longest first."""

    @abstractmethod
    async def calling_targets(self, campaign_id: str) -> Sequence[CallingTarget]:
        """The numbers that are being called, with what became of their sessions."""

    @abstractmethod
    async def call_targets(
        self, owner: str, campaign: Campaign, calls: Sequence[TargetCall]
    ) -> frozenset[int]:
        """Queue the sessions of these numbers in one transaction; returns the positions it did it for.

        Nothing unless ``owner`` has the lease and the campaign is RUNNING.
        """

    @abstractmethod
    async def settle_targets(
        self, owner: str, campaign: Campaign, ended: Sequence[Settled]
    ) -> None:
        """Store what follows the ends of attempts, unless another process has the lease."""

    @abstractmethod
    async def postpone_targets(
        self, owner: str, campaign: Campaign, positions: Sequence[int], until: datetime
    ) -> None:
        """WAITING numbers are not due before ``until``."""

    @abstractmethod
    async def finish_campaign(self, owner: str, campaign: Campaign, now: datetime) -> bool:
        """End the campaign if nothing of it waits or is being called: COMPLETED, or CANCELED as it was.

        False: something is left.
        """
