"""The whole record in memory."""

from __future__ import annotations

from typing import final

from offhook.session.ports.stores import Store
from offhook.session.session import Session
from offhook.store.memory.memory_accepting import MemoryAccepting
from offhook.store.memory.memory_campaigns import MemoryCampaigns
from offhook.store.memory.memory_claiming import MemoryClaiming
from offhook.store.memory.memory_console import MemoryConsole
from offhook.store.memory.memory_exports import MemoryExports
from offhook.store.memory.memory_history import MemoryHistory
from offhook.store.memory.memory_media import MemoryMedia
from offhook.store.memory.memory_membership import MemoryMembership
from offhook.store.memory.memory_numbers import MemoryNumbers
from offhook.store.memory.memory_operating import MemoryOperating
from offhook.store.memory.memory_opt_outs import MemoryOptOuts
from offhook.store.memory.memory_outbox import MemoryOutbox
from offhook.store.memory.memory_phones import MemoryPhones
from offhook.store.memory.memory_recordings import MemoryRecordings
from offhook.store.memory.memory_tenancy import MemoryTenancy
from offhook.store.memory.memory_upkeep import MemoryUpkeep
from offhook.store.memory.memory_usage import MemoryUsage


@final
class MemoryStore(
    MemoryAccepting,
    MemoryClaiming,
    MemoryHistory,
    MemoryMembership,
    MemoryUpkeep,
    MemoryOutbox,
    MemoryTenancy,
    MemoryOptOuts,
    MemoryRecordings,
    MemoryUsage,
    MemoryCampaigns,
    MemoryMedia,
    MemoryExports,
    MemoryOperating,
    MemoryNumbers,
    MemoryPhones,
    MemoryConsole,
    Store,
):
    """The record of one process; give ``records`` to let several share it."""

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def ended(self, session_id: str) -> Session:
        """Wait until a session has ended. Raises KeyError when there is none."""
        stored = self.records.sessions[session_id]
        await stored.ended.wait()
        return stored.session
