"""Makes a key that another process has just created valid at its first request.

The directory is read once a second, so a key can be in the store and not yet in memory. A request with an
unknown key of the right form therefore waits for one more read of the store.
Requests that wait share it, and there are at most :data:`LOOKS_PER_SECOND`, so that an attacker's
invented keys cost the database very little.
"""

from __future__ import annotations

import asyncio

from offhook.aio import wait_or
from offhook.session.api_keys import looks_like_key
from offhook.session.ports.tenants import TenantDirectory
from offhook.session.tenancy import KeyGrant

LOOKS_PER_SECOND = 50
LONGEST_WAIT = 1.0
"""Seconds a request waits while the database is slow; then its key is unknown."""


class NewKeys:
    """Reads the store again for keys that are not in memory."""

    def __init__(self, directory: TenantDirectory) -> None:
        self._directory = directory
        self._looking = asyncio.Lock()
        self._begun = 0
        self._ended = 0

    async def look_up(self, key: str) -> KeyGrant | None:
        """The grant of a key that was not in memory; None if the store has no such key."""
        if not looks_like_key(key):
            return None
        await self.refresh()
        return self._directory.authenticate(key)

    async def refresh(self) -> None:
        """Read the store anew, however many ask for that; or wait :data:`LONGEST_WAIT`."""
        await wait_or(self._look(), LONGEST_WAIT)

    async def _look(self) -> None:
        """Return after a look that began later than this call."""
        begun_before = self._begun
        async with self._looking:
            if self._ended > begun_before:
                return
            await asyncio.sleep(1 / LOOKS_PER_SECOND)
            self._begun += 1
            await self._directory.refresh()
            self._ended = self._begun
