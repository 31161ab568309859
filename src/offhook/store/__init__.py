"""The durable record: sessions, timelines, requests, the outbox and tenancy.

:func:`open_store` makes the :class:`~offhook.session.ports.stores.Store` that a database URL names.
"""

from __future__ import annotations

from offhook.session.ports.stores import Store
from offhook.store.database_urls import is_sqlite
from offhook.store.migrate import downgrade, upgrade

__all__ = ["downgrade", "open_store", "upgrade"]


def open_store(url: str) -> Store:
    """The store of a database URL (:mod:`.database_urls`), not opened yet. Raises ValueError.

    Only that database's driver is imported: it is a good part of the time to start.
    """
    if is_sqlite(url):
        from offhook.store.sqlite.store import SqliteStore

        return SqliteStore(url)
    from offhook.store.postgres.store import PostgresStore

    return PostgresStore(url)
