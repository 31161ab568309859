"""Writes the results of deliveries. Results that come while a write runs are written together next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from offhook.session.ports.delivery_outbox import Outbox
from offhook.session.ports.record import (
    Delivery,
    DeliveryResult,
    DeliveryState,
    OutboxType,
    StoreUnavailable,
)
from offhook.webhooks.metrics import DeliveryMetrics

log = logging.getLogger(__name__)

_TRIES = 30
_PAUSE = 1.0
_CHUNK = 500
"""Deliveries that fall due early in one transaction."""


class Results:
    """Results that wait to be stored."""

    def __init__(
        self, outbox: Outbox, metrics: DeliveryMetrics, on_written: Callable[[], None]
    ) -> None:
        """``on_written`` is called after each write: leases have become free."""
        self._outbox = outbox
        self._metrics = metrics
        self._on_written = on_written
        self._waiting: list[DeliveryResult] = []
        self._to_make_due: dict[tuple[str, OutboxType, str | None], datetime] = {}
        self._changed = asyncio.Event()
        self._ending = False

    def put(
        self,
        delivery: Delivery,
        state: DeliveryState,
        now: datetime,
        *,
        detail: str,
        http_status: int | None = None,
        wait: float = 0.0,
        attempted: bool = True,
    ) -> None:
        """Note a result; ``wait`` is seconds until a ``pending`` one falls due again."""
        self._waiting.append(
            DeliveryResult(
                delivery_id=delivery.entry.delivery_id,
                at=now,
                http_status=http_status,
                detail=detail,
                state=state,
                next_at=now + timedelta(seconds=wait) if state is DeliveryState.PENDING else None,
                attempted=attempted,
            )
        )
        self._metrics.count(delivery.entry.type, state, attempted=attempted)
        self._changed.set()

    def make_due(
        self, sub_account_id: str, type_: OutboxType, url: str | None, now: datetime
    ) -> None:
        """Make an endpoint's waiting deliveries due, once all results noted so far are written."""
        self._to_make_due[sub_account_id, type_, url] = now
        self._changed.set()

    def end(self) -> None:
        """No more results will come: :meth:`run` ends when all are written."""
        self._ending = True
        self._changed.set()

    async def run(self) -> None:
        """Write until told to :meth:`end`."""
        while self._waiting or not self._ending:
            await self._changed.wait()
            self._changed.clear()
            batch, self._waiting = self._waiting, []
            endpoints, self._to_make_due = self._to_make_due, {}
            if batch:
                await self._write(batch)
            for (sub_account_id, type_, url), now in endpoints.items():
                await self._make_due(sub_account_id, type_, url, now)

    async def _make_due(
        self, sub_account_id: str, type_: OutboxType, url: str | None, now: datetime
    ) -> None:
        """While the store is away nothing changes, and they fall due at their own times."""
        with suppress(StoreUnavailable):
            while (
                await self._outbox.make_due(sub_account_id, type_, url, now, limit=_CHUNK) == _CHUNK
            ):
                self._on_written()
        self._on_written()

    async def _write(self, batch: Sequence[DeliveryResult]) -> None:
        """Write results. A delivery with an unwritten result at the end of its lease is leased and sent
        once more."""
        for _ in range(_TRIES):
            try:
                await self._outbox.finish_deliveries(batch)
            except StoreUnavailable as error:
                log.warning("webhook results wait: the store is unavailable (%s)", error)
                if self._ending:
                    return
                await asyncio.sleep(_PAUSE)
            else:
                self._on_written()
                return
