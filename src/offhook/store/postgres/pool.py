"""Connections to PostgreSQL, and the errors that mean that it is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from offhook.aio import wait_or
from offhook.session.ports.record import StoreUnavailable
from offhook.store.migrate import check_revision, found_in_postgres
from offhook.store.reasons import place_of, reason

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.LockNotAvailableError,
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
)
"""The server is down, stopping, full, too slow, or only a standby now: not the caller's mistake."""

NOT_STORABLE = (asyncpg.DataError, asyncpg.exceptions._base.DataError)
"""An argument that PostgreSQL cannot hold, such as a text with U+0000: the caller's mistake."""

log = logging.getLogger(__name__)

_RETRY = 0.1
"""Seconds between two attempts to connect."""


class Pool:
    """At most ``size`` connections, made again when the server comes back.

    ``timeout``: seconds to wait for a connection, and for each statement.
    """

    def __init__(self, url: str, *, size: int = 8, timeout: float = 5.0) -> None:
        self._url = url
        self._place = place_of(url)
        self._size = size
        self._timeout = timeout
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Connect. Raises StoreUnavailable, or SchemaMismatch when the schema is not current."""
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._size,
                timeout=self._timeout,
                command_timeout=self._timeout,
                max_inactive_connection_lifetime=300,
                server_settings={
                    "application_name": "offhook",
                    "idle_in_transaction_session_timeout": "5000",
                    "synchronous_commit": "on",
                },
            )
        except AWAY as error:
            raise StoreUnavailable(f"{self._place}: {reason(error)}") from error
        try:
            async with self.connection() as connection:
                check_revision(await found_in_postgres(connection))
        except StoreUnavailable:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect."""
        pool, self._pool = self._pool, None
        if pool is not None and not await wait_or(pool.close(), self._timeout):
            pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend one connection; errors in :data:`AWAY` become StoreUnavailable."""
        pool = self._pool
        if pool is None:
            raise StoreUnavailable("the store is closed")
        try:
            connection = await self._acquire(pool)
            try:
                yield connection
            finally:
                await self._release(pool, connection)
        except NOT_STORABLE:
            raise
        except AWAY as error:
            raise StoreUnavailable(f"{self._place}: {reason(error)}") from error

    async def _release(self, pool: asyncpg.Pool, connection: asyncpg.Connection) -> None:
        """Give a connection back. When cleaning it up fails it is dropped: what was done with it is done."""
        try:
            await pool.release(connection, timeout=self._timeout)
        except AWAY as error:
            log.debug("a connection was dropped after its use: %s", reason(error))

    async def _acquire(self, pool: asyncpg.Pool) -> asyncpg.Connection:
        """A connection within ``timeout``, trying again while the server restarts."""
        last: Exception | None = None
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    try:
                        return await pool.acquire()
                    except (OSError, asyncpg.PostgresError) as error:
                        if not isinstance(error, AWAY):
                            raise
                        last = error
                    await asyncio.sleep(_RETRY)
        except TimeoutError as error:
            raise last or error from None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection in a READ COMMITTED transaction."""
        async with self.connection() as connection, connection.transaction():
            yield connection


def columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows as ``width`` columns: the arrays that the statements unnest."""
    if not rows:
        return [[] for _ in range(width)]
    return [list(column) for column in zip(*rows, strict=True)]
