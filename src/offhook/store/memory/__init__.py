"""The record in memory: for simulations and tests, behind the same interface as the databases.

It passes the same contract tests. Nothing is durable, and a claim looks at every session that has
not ended, so it suits thousands of sessions, not millions.
"""

from offhook.store.memory.memory_records import MemoryRecords
from offhook.store.memory.memory_store import MemoryStore

__all__ = ["MemoryRecords", "MemoryStore"]
