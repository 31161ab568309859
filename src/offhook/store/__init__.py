"""The durable record: sessions, timelines, requests, the outbox and tenancy.

:func:`open_store` makes the :class:`~offhook.store.interface.Store` that a database URL names.
"""

from __future__ import annotations

from offhook.store.interface import Store
from offhook.store.migrate import upgrade
from offhook.store.postgres.store import PostgresStore
from offhook.store.sqlite.store import SqliteStore
from offhook.store.urls import is_sqlite

__all__ = ["open_store", "upgrade"]


def open_store(url: str) -> Store:
    """The store of a database URL (:mod:`.urls`), not opened yet. Raises ValueError."""
    if is_sqlite(url):
        return SqliteStore(url)
    return PostgresStore(url)
