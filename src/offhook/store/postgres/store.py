"""The record in PostgreSQL, for any number of machines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import final

import asyncpg
from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

from offhook.events import AnyEvent
from offhook.session.ports.record import (
    NO_RATES,
    ClaimDecision,
    Delivery,
    Heartbeat,
    Node,
    NodeRole,
    OutboxEntry,
    Planner,
    Rates,
    RequestRecord,
)
from offhook.session.session import Session
from offhook.store.core import NOBODY, SqlStore
from offhook.store.documents import micros
from offhook.store.postgres import claims, hot, lists
from offhook.store.postgres.batch import Batcher
from offhook.store.postgres.hot import SQL
from offhook.store.postgres.pool import NOT_STORABLE, Pool, columns
from offhook.store.queueing import Rotation
from offhook.store.rows import ResultRow
from offhook.store.session_writes import Accept, Admit, ChannelCall, Save, save_call
from offhook.store.statements import Rows
from offhook.store.stored_campaigns import CallRows, SettledRow


@final
class PostgresStore(SqlStore):
    """The record of any number of machines.

    ``timeout``: seconds a call waits for the database before it raises StoreUnavailable.
    """

    _dialect = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self._pool = Pool(url, timeout=timeout)
        self._accepts: Batcher[Accept, RequestRecord] = Batcher(
            self._pool, hot.accept, timeout=timeout, repeatable=True
        )
        self._saves: Batcher[Save, None] = Batcher(self._pool, hot.save, timeout=timeout)
        self._finishes: Batcher[Sequence[ResultRow], None] = Batcher(
            self._pool, hot.finish, timeout=timeout
        )
        self._queue = Rotation()
        self._endpoints = Rotation()
        self._claiming = asyncio.Lock()
        """Held during a claim, so that the next claim does not treat its decisions as unconfirmed."""
        self._unsettled: Sequence[ClaimDecision] = []
        """Decisions of a claim with an unconfirmed commit; the next claim reads which of them were
        stored."""

    async def open(self) -> None:
        """Connect and check the schema."""
        await self._pool.open()
        self._accepts.start()
        self._saves.start()
        self._finishes.start()

    async def close(self) -> None:
        """Finish the waiting writes, disconnect."""
        await self._accepts.close()
        await self._saves.close()
        await self._finishes.close()
        await self._pool.close()

    # --- the API's side

    async def _accept(self, call: Accept) -> RequestRecord:
        return await self._accepts.submit(call)

    async def cancel_queued(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        async with self._pool.transaction() as connection:
            call = save_call(NOBODY, session, events, outbox)
            return await claims.cancel_queued(connection, call)

    # --- the voice nodes' side

    async def register_node(
        self, name: str, role: NodeRole, now: datetime, *, place: str = ""
    ) -> Node:
        async with self._pool.transaction() as connection:
            return await claims.register_node(connection, name, role.value, now, place)

    async def heartbeat(self, node: Node, now: datetime) -> None:
        async with self._pool.connection() as connection:
            await claims.heartbeat(connection, node, micros(now))

    async def retire_node(self, node: Node) -> None:
        async with self._pool.connection() as connection:
            await claims.heartbeat(connection, node, 0)

    async def claim(
        self, node: Node, plan: Planner, now: datetime, *, limit: int, rates: Rates = NO_RATES
    ) -> Sequence[ClaimDecision]:
        async with self._claiming, self._pool.connection() as connection:
            if self._unsettled:
                stored = await claims.settled(connection, node, self._unsettled)
                self._unsettled = []
                if stored:
                    return stored
            found = await connection.fetchrow(SQL["anything_waiting"], node.name)
            if found["epoch"] == node.epoch and not found["waiting"]:
                return []
            async with connection.transaction():
                decisions = await claims.claim(
                    connection, node, plan, now, limit, rates, self._queue
                )
                self._unsettled = decisions
            self._unsettled = []
            return decisions

    async def _start(self, node: Node, call: Admit) -> None:
        async with self._pool.transaction() as connection:
            await claims.start(connection, node, call)

    async def _save(self, call: Save) -> None:
        await self._saves.submit(call)

    async def _take_channel(self, call: ChannelCall) -> bool:
        async with self._pool.transaction() as connection:
            taken = await claims.take_channel(connection, call)
        if not isinstance(taken, bool):
            raise taken  # after the transaction, so that the late facts are committed
        return taken

    async def end_orphan(
        self,
        session: Session,
        events: Sequence[AnyEvent],
        outbox: Sequence[OutboxEntry],
        silent: Sequence[Heartbeat] = (),
    ) -> bool:
        async with self._pool.transaction() as connection:
            call = save_call(NOBODY, session, events, outbox)
            return await claims.end_orphan(connection, call, self._beats(silent))

    def _beats(self, silent: Sequence[Heartbeat]) -> tuple[object, ...]:
        return tuple(columns([(each.name, each.epoch, micros(each.at)) for each in silent], 3))

    async def time(self) -> datetime:
        async with self._pool.connection() as connection:
            told: datetime = await connection.fetchval("SELECT clock_timestamp()")
            return told

    # --- the outbox

    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        async with self._pool.transaction() as connection:
            return await claims.lease(connection, owner, now, lease, limit, self._endpoints)

    async def _finish(self, results: Sequence[ResultRow]) -> None:
        await self._finishes.submit(results)

    # --- campaigns

    async def _add_targets(
        self, campaign_id: str, rows: Sequence[tuple[str, str]], due_at: int
    ) -> int | None:
        async with self._pool.transaction() as connection:
            return await lists.add_targets(connection, campaign_id, rows, due_at)

    async def _call_targets(
        self, owner: str, campaign_id: str, calls: Sequence[CallRows]
    ) -> Iterable[int]:
        async with self._pool.transaction() as connection:
            return await lists.call_targets(connection, owner, campaign_id, calls)

    async def _settle_targets(
        self, owner: str, campaign_id: str, rows: Sequence[SettledRow]
    ) -> None:
        async with self._pool.transaction() as connection:
            await lists.settle_targets(connection, owner, campaign_id, rows)

    # --- the rest

    async def _read(self, query: Executable) -> Rows:
        sql, arguments = self._compiled(query)
        try:
            async with self._pool.connection() as connection:
                return await _fetch(connection, sql, arguments)
        except NOT_STORABLE:
            return []

    async def _read_named(self, name: str, *arguments: object) -> Rows:
        async with self._pool.connection() as connection:
            return await _fetch(connection, SQL[name], arguments)

    async def _write(self, *statements: Executable) -> Sequence[Rows]:
        async with self._pool.transaction() as connection:
            return [await _fetch(connection, *self._compiled(each)) for each in statements]

    async def _insert_each(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        async with self._pool.transaction() as connection:
            await connection.executemany(sql, rows)


async def _fetch(connection: asyncpg.Connection, sql: str, arguments: Sequence[object]) -> Rows:
    rows: Rows = await connection.fetch(sql, *arguments)
    return rows
