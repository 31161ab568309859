"""Records in the store when API keys were last used, in batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime

from offhook.clock import Clock
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.tenancy_records import Tenancy

log = logging.getLogger(__name__)

FLUSH_SECONDS = 60.0


class KeyUse:
    """Remembers the last use of each key and writes it once a minute and at the end."""

    def __init__(self, store: Tenancy, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._used: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def used(self, key_id: str) -> None:
        """A request came with this key."""
        self._used[key_id] = self._clock.now()

    def start(self) -> None:
        """Start the task that writes; :meth:`close` ends it."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="key-use")

    async def close(self) -> None:
        """Write the remaining uses and stop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self._store.touch_keys(used)
        except StoreUnavailable:
            log.warning("the last use of %d keys was not recorded: no database", len(used))
