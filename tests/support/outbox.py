"""An outbox in memory that behaves like the store's: leases run out, results settle entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tests.support.waiting import Changes

from offhook.clock import new_id
from offhook.session.ports.record import (
    Delivery,
    DeliveryResult,
    OutboxEntry,
    OutboxType,
    StoreUnavailable,
)
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


class MemoryOutbox(Changes):
    """See :class:`offhook.webhooks.delivery.Outbox`."""

    def __init__(self, *entries: OutboxEntry) -> None:
        super().__init__()
        self.results: list[DeliveryResult] = []
        self.leases: list[int] = []
        """How many each lease gave."""
        self.batches: list[int] = []
        """How many results each write brought."""
        self.away = False
        self._due: dict[str, datetime] = {}
        self._attempts: dict[str, int] = {}
        self._entries: dict[str, OutboxEntry] = {}
        self.add(*entries)

    def add(self, *entries: OutboxEntry) -> None:
        """Put entries in, due at their creation."""
        for one in entries:
            self._entries[one.delivery_id] = one
            self._due[one.delivery_id] = one.created_at
            self._attempts[one.delivery_id] = 0

    @property
    def pending(self) -> dict[str, datetime]:
        """What is not settled, and when it falls due."""
        return self._due

    def states(self) -> dict[str, str]:
        """The latest state of each entry that got a result."""
        return {result.delivery_id: result.state for result in self.results}

    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        """See the store's interface."""
        self.changed()
        if self.away:
            raise StoreUnavailable("away for the test")
        found = [key for key, due in self._due.items() if due <= now][:limit]
        for key in found:
            self._due[key] = now + timedelta(seconds=lease)
        self.leases.append(len(found))
        return [Delivery(entry=self._entries[k], attempts=self._attempts[k]) for k in found]

    async def finish_deliveries(self, results: Sequence[DeliveryResult]) -> None:
        """See the store's interface."""
        self.changed()
        if self.away:
            raise StoreUnavailable("away for the test")
        self.batches.append(len(results))
        self.results.extend(results)
        for result in results:
            self._attempts[result.delivery_id] += result.attempted
            if result.next_at is None:
                self._due.pop(result.delivery_id, None)
            else:
                self._due[result.delivery_id] = result.next_at
