"""Deletes what is too old to keep, once an hour; of all machines one does it at a time."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import final

import msgspec

from offhook.clock import Clock
from offhook.config import Config
from offhook.session.ports.keeping import Retention
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.stores import Store

log = logging.getLogger(__name__)

PURGE_EVERY = 3600.0
"""Seconds."""
DUTY = "purge"
_LOOKED_BACK = timedelta(days=2)
"""A session that was not final at one purge is at the next: it lasts hours at the most."""


def retention_of(config: Config) -> Retention:
    """How long the record is kept."""
    keep = config.retention
    return Retention(
        sessions=keep.sessions,
        events=keep.events,
        deliveries=keep.deliveries,
        requests=keep.requests,
    )


@final
class Purge:
    """The purges of one process."""

    def __init__(self, store: Store, clock: Clock, owner: str, keep: Retention) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._keep = keep
        self._events_gone_before: datetime | None = None

    def use(self, keep: Retention) -> None:
        """Take over a reload."""
        if keep != self._keep:
            self._keep = keep
            self._events_gone_before = None

    async def run(self) -> None:
        """Purge until cancelled."""
        while True:
            try:
                rows = await self.once()
            except StoreUnavailable as error:
                log.warning("nothing was purged: %s", error)
            else:
                if rows:
                    log.info("purged %d rows that were too old to keep", rows)
            await asyncio.sleep(PURGE_EVERY)

    async def once(self) -> int:
        """Purge, unless another process has the duty; returns the number of rows deleted."""
        now, keep = self._clock.now(), self._keep
        if not await self._store.take_duty(DUTY, self._owner, now, lease=PURGE_EVERY):
            self._events_gone_before = None
            return 0
        known = msgspec.structs.replace(keep, events_gone_before=self._events_gone_before)
        rows = await self._store.purge(now, known)
        if keep.events is not None and keep is self._keep:
            self._events_gone_before = now - timedelta(days=keep.events) - _LOOKED_BACK
        return rows + await self._store.purge_exports(now)
