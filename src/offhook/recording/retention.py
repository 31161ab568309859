"""Deletes recordings that are too old to keep."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Final

from offhook.clock import Clock
from offhook.faults import FaultLog
from offhook.recording.shelf import Shelf
from offhook.recording.storage import RecordingStorage
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.recording import RecordingStore

log = logging.getLogger(__name__)
faults = FaultLog(log)

EVERY: Final = 3600.0
"""Seconds between two looks."""
_BATCH: Final = 100


class RecordingRetention:
    """Deletes files and records older than ``keep_days``."""

    def __init__(
        self, *, storage: RecordingStorage, shelf: Shelf, store: RecordingStore, clock: Clock
    ) -> None:
        self.keep_days = 30
        self._storage = storage
        self._shelf = shelf
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Delete until cancelled."""
        while True:
            try:
                deleted = await self.delete_old()
                if deleted:
                    log.info("%d recordings were older than %d days", deleted, self.keep_days)
            except StoreUnavailable as error:
                log.warning("old recordings stay for now: the store is unavailable (%s)", error)
            except Exception:
                faults.report("deleting old recordings")
            await asyncio.sleep(EVERY)

    async def delete_old(self) -> int:
        """Delete what is too old now; returns how many recordings that were."""
        deleted = 0
        while self._storage.exists():
            before = self._clock.now() - timedelta(days=self.keep_days)
            old = await self._store.old_recordings(self._storage.storage_id, before, limit=_BATCH)
            for record in old:
                await asyncio.to_thread(self._shelf.erase, record)
                await self._store.delete_recording(record.recording_id)
            deleted += len(old)
            if len(old) < _BATCH:
                break
        return deleted
