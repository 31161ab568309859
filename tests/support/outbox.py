"""Outbox entries for tests, and an outbox that notes what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tests.support.waiting import Changes

from offhook.clock import new_id
from offhook.session.ports.delivery_outbox import Outbox
from offhook.session.ports.record import (
    Delivery,
    DeliveryRecord,
    DeliveryResult,
    DeliveryState,
    OutboxEntry,
    OutboxType,
    StoreUnavailable,
)
from offhook.store.memory import MemoryRecords, MemoryStore
from offhook.webhooks.retry import GIVE_UP_AFTER


def entry(
    type_: str = "VSS",
    *,
    sub_account: str = "acme_corp",
    payload: bytes = b'{"n":1}',
    at: datetime | None = None,
    url: str | None = None,
    session: str | None = None,
) -> OutboxEntry:
    """An entry due now."""
    created = at or datetime.now(UTC)
    return OutboxEntry(
        delivery_id=new_id(),
        sub_account_id=sub_account,
        type=OutboxType(type_),
        payload=payload,
        created_at=created,
        give_up_at=created + GIVE_UP_AFTER[OutboxType(type_)],
        session_id=session,
        url=url,
    )


class WatchedOutbox(Changes, Outbox):
    """A memory store's outbox that notes what is asked of it. ``away``: every call fails."""

    def __init__(self, *entries: OutboxEntry) -> None:
        super().__init__()
        self.results: list[DeliveryResult] = []
        self.leases: list[int] = []
        """How many each lease gave."""
        self.batches: list[int] = []
        """How many results each write brought."""
        self.away = False
        self._records = MemoryRecords()
        self._store = MemoryStore(self._records)
        self.made_due: list[tuple[str, OutboxType, str | None, int]] = []
        """Which endpoint's deliveries fell due early, and how many."""
        self.add(*entries)

    def postpone(self, *entries: OutboxEntry, seconds: float = 3600.0) -> None:
        """Put entries in that fall due so much later."""
        self.add(*entries)
        for one in entries:
            self._records.outbox[one.delivery_id].next_at += timedelta(seconds=seconds)

    def add(self, *entries: OutboxEntry) -> None:
        """Put entries in, due at their creation."""
        self._records.add_deliveries(entries)

    @property
    def pending(self) -> list[str]:
        """The ids of what is not settled."""
        under_way = (DeliveryState.PENDING, DeliveryState.LEASED)
        outbox = self._records.outbox
        return [key for key, each in outbox.items() if each.state in under_way]

    def due(self, now: datetime) -> list[str]:
        """The ids of what is being tried at ``now``, or should be."""
        outbox = self._records.outbox
        return [
            key
            for key, each in outbox.items()
            if each.state is DeliveryState.LEASED
            or (each.state is DeliveryState.PENDING and each.next_at <= now)
        ]

    def states(self) -> dict[str, str]:
        """The latest state of each entry that got a result."""
        return {result.delivery_id: result.state for result in self.results}

    def _asked(self) -> None:
        self.changed()
        if self.away:
            raise StoreUnavailable("away for the test")

    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        self._asked()
        found = await self._store.lease_deliveries(owner, now, lease=lease, limit=limit)
        self.leases.append(len(found))
        return found

    async def make_due(
        self,
        sub_account_id: str,
        type_: OutboxType,
        url: str | None,
        now: datetime,
        *,
        limit: int = 500,
    ) -> int:
        self._asked()
        made = await self._store.make_due(sub_account_id, type_, url, now, limit=limit)
        self.made_due.append((sub_account_id, type_, url, made))
        return made

    async def finish_deliveries(self, results: Sequence[DeliveryResult]) -> None:
        self._asked()
        self.batches.append(len(results))
        self.results.extend(results)
        await self._store.finish_deliveries(results)

    async def redeliver(
        self, sub_account_id: str, delivery_id: str, now: datetime, give_up_at: datetime
    ) -> bool:
        self._asked()
        return await self._store.redeliver(sub_account_id, delivery_id, now, give_up_at)

    async def deliveries_of_type(
        self,
        sub_account_id: str,
        type_: OutboxType,
        *,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[DeliveryRecord], str | None]:
        self._asked()
        return await self._store.deliveries_of_type(
            sub_account_id, type_, state=state, cursor=cursor, limit=limit
        )

    async def next_delivery_at(self) -> datetime | None:
        self._asked()
        return await self._store.next_delivery_at()
