"""The outbox in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from offhook.session.ports.delivery_outbox import Outbox
from offhook.session.ports.record import (
    Delivery,
    DeliveryRecord,
    DeliveryResult,
    DeliveryState,
    OutboxType,
)
from offhook.store.documents import micros
from offhook.store.memory.memory_records import (
    UNDER_WAY,
    MemoryPart,
    MemoryRecords,
    StoredDelivery,
    page,
)
from offhook.store.queueing import Group, Rotation, shares
from offhook.store.rows import attempt_of


class MemoryOutbox(MemoryPart, Outbox):
    """Leases deliveries and notes their results."""

    def __init__(self, records: MemoryRecords | None = None) -> None:
        super().__init__(records)
        self._endpoints = Rotation()

    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        due: dict[Group, list[StoredDelivery]] = {}
        leased: dict[Group, int] = {}
        for each in self._data.outbox.values():
            if each.state is DeliveryState.LEASED and each.next_at > now:
                leased[each.group()] = leased.get(each.group(), 0) + 1
            elif each.state in UNDER_WAY and each.next_at <= now:
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
            if stored is None or stored.state not in UNDER_WAY:
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
        if stored.state in UNDER_WAY:
            return False
        stored.state, stored.next_at = DeliveryState.PENDING, now
        stored.entry = msgspec.structs.replace(stored.entry, give_up_at=give_up_at)
        return True

    async def deliveries_of_type(
        self,
        sub_account_id: str,
        type_: OutboxType,
        *,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[DeliveryRecord], str | None]:
        group = (sub_account_id, type_.value)
        records = [each.record() for each in self._data.outbox.values() if each.group() == group]
        found = [each for each in records if state is None or each.state is state]
        return page(found, lambda each: (micros(each.created_at), each.delivery_id), cursor, limit)

    async def next_delivery_at(self) -> datetime | None:
        return min(
            (each.next_at for each in self._data.outbox.values() if each.state in UNDER_WAY),
            default=None,
        )
