"""The part of the store for webhooks: deliveries to be made, and their results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from offhook.session.ports.record import (
    Delivery,
    DeliveryRecord,
    DeliveryResult,
    DeliveryState,
    OutboxType,
)


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
