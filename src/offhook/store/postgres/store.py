"""The record in PostgreSQL: :class:`offhook.session.ports.record.Store` for any number of machines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from offhook.events import AnyEvent
from offhook.session.ports.record import (
    NO_RATES,
    ClaimDecision,
    Delivery,
    DeliveryResult,
    Fenced,
    Node,
    OutboxEntry,
    Planner,
    Rates,
    RequestRecord,
)
from offhook.session.session import Session
from offhook.store.calls import Accept, Save, accept_call, save_call
from offhook.store.core import Rows
from offhook.store.documents import decode_session, micros
from offhook.store.history import HistoryCalls
from offhook.store.postgres import claims, hot
from offhook.store.postgres.batch import Batcher
from offhook.store.postgres.hot import SQL
from offhook.store.postgres.pool import NOT_STORABLE, Pool
from offhook.store.queueing import Rotation
from offhook.store.rows import Row, result_row
from offhook.store.tenancy import TenancyCalls

_DIALECT = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]
_NOBODY = Node(name="", epoch=0)
"""For writes whose right does not come from a node."""


class PostgresStore(HistoryCalls, TenancyCalls):
    """See :class:`offhook.session.ports.record.Store`.

    ``timeout``: seconds a call waits for the database before it raises StoreUnavailable.
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self._pool = Pool(url, timeout=timeout)
        self._accepts: Batcher[Accept, RequestRecord] = Batcher(
            self._pool, hot.accept, timeout=timeout, repeatable=True
        )
        self._saves: Batcher[Save, None] = Batcher(self._pool, hot.save, timeout=timeout)
        self._finishes: Batcher[Sequence[Row], None] = Batcher(
            self._pool, hot.finish, timeout=timeout
        )
        self._queue = Rotation()
        self._endpoints = Rotation()
        self._unsettled: Sequence[ClaimDecision] = []
        """Of a claim whose commit was not answered: written or not, the next claim finds out."""

    async def open(self) -> None:
        """Connect and check the schema; see :meth:`.interface.Store.open`."""
        await self._pool.open()
        self._accepts.start()
        self._saves.start()
        self._finishes.start()

    async def close(self) -> None:
        """Write what waits, disconnect."""
        await self._accepts.close()
        await self._saves.close()
        await self._finishes.close()
        await self._pool.close()

    # --- the API's side

    async def accept(
        self, session: Session, events: Sequence[AnyEvent], request: RequestRecord
    ) -> RequestRecord:
        """See :meth:`.interface.Store.accept`."""
        return await self._accepts.submit(accept_call(request, session, events))

    async def record_request(self, request: RequestRecord) -> RequestRecord:
        """See :meth:`.interface.Store.record_request`."""
        return await self._accepts.submit(accept_call(request, None, ()))

    async def cancel_queued(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        """See :meth:`.interface.Store.cancel_queued`."""
        async with self._pool.transaction() as connection:
            call = save_call(_NOBODY, session, events, outbox)
            return await claims.cancel_queued(connection, call)

    # --- the voice nodes' side

    async def register_node(self, name: str, role: str, now: datetime) -> Node:
        """See :meth:`.interface.Store.register_node`."""
        async with self._pool.transaction() as connection:
            return await claims.register_node(connection, name, role, micros(now))

    async def heartbeat(self, node: Node, now: datetime) -> None:
        """See :meth:`.interface.Store.heartbeat`."""
        async with self._pool.connection() as connection:
            await claims.heartbeat(connection, node, micros(now))

    async def retire_node(self, node: Node) -> None:
        """See :meth:`.interface.Store.retire_node`."""
        async with self._pool.connection() as connection:
            await claims.heartbeat(connection, node, 0)

    async def claim(
        self, node: Node, plan: Planner, now: datetime, *, limit: int, rates: Rates = NO_RATES
    ) -> Sequence[ClaimDecision]:
        """See :meth:`.interface.Store.claim`."""
        async with self._pool.connection() as connection:
            if self._unsettled:
                lost, self._unsettled = self._unsettled, []
                if found := await claims.settled(connection, node, lost):
                    return found
            waiting, epoch = await connection.fetchrow(SQL["anything_waiting"], node.name)
            if epoch == node.epoch and not waiting:
                return []
            async with connection.transaction():
                decisions = await claims.claim(
                    connection, node, plan, now, limit, rates, self._queue
                )
                self._unsettled = decisions
            self._unsettled = []
            return decisions

    async def start(self, node: Node, session: Session, events: Sequence[AnyEvent]) -> None:
        """See :meth:`.interface.Store.start`."""
        async with self._pool.transaction() as connection:
            await claims.start(connection, node, session, events)

    async def save(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
    ) -> None:
        """See :meth:`.interface.Store.save`."""
        await self._saves.submit(save_call(node, session, events, outbox))

    async def take_channel(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
        *,
        trunk: str,
        channels: int | None,
    ) -> bool:
        """See :meth:`.interface.Store.take_channel`."""
        call = save_call(node, session, events, outbox)
        async with self._pool.transaction() as connection:
            taken = await claims.take_channel(connection, call, trunk, channels)
        if taken is None:
            raise Fenced(session.session_id)
        return taken

    async def orphans(
        self, now: datetime, dead_after: float, *, limit: int = 500
    ) -> Sequence[Session]:
        """See :meth:`.interface.Store.orphans`."""
        async with self._pool.connection() as connection:
            since = _silent_since(now, dead_after)
            rows = await connection.fetch(SQL["orphans"], since, limit)
        return [decode_session(row[0]) for row in rows]

    async def end_orphan(
        self,
        session: Session,
        events: Sequence[AnyEvent],
        outbox: Sequence[OutboxEntry],
        now: datetime,
        dead_after: float,
    ) -> bool:
        """See :meth:`.interface.Store.end_orphan`."""
        async with self._pool.transaction() as connection:
            call = save_call(_NOBODY, session, events, outbox)
            return await claims.end_orphan(connection, call, _silent_since(now, dead_after))

    # --- the outbox

    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        """See :meth:`.interface.Store.lease_deliveries`."""
        async with self._pool.transaction() as connection:
            return await claims.lease(connection, owner, now, lease, limit, self._endpoints)

    async def finish_deliveries(self, results: Sequence[DeliveryResult]) -> None:
        """See :meth:`.interface.Store.finish_deliveries`."""
        if results:
            await self._finishes.submit([result_row(result) for result in results])

    async def _pending_times(self) -> list[int]:
        async with self._pool.connection() as connection:
            return [row[2] for row in await connection.fetch(SQL["pending_groups"])]

    # --- the rest

    async def _read(self, query: Executable) -> Rows:
        sql, arguments = _compiled(query)
        try:
            async with self._pool.connection() as connection:
                return await _fetch(connection, sql, arguments)
        except NOT_STORABLE:
            return []

    async def _write(self, *statements: Executable) -> Sequence[Rows]:
        async with self._pool.transaction() as connection:
            return [await _fetch(connection, *_compiled(each)) for each in statements]

    def _upsert(
        self,
        table: Table,
        key: Sequence[str],
        values: dict[str, Any],
        updates: dict[str, Any] | None = None,
    ) -> Executable:
        insert = postgresql.insert(table).values(values)
        changed = updates or {name: value for name, value in values.items() if name not in key}
        return insert.on_conflict_do_update(index_elements=key, set_=changed)


async def _fetch(connection: asyncpg.Connection, sql: str, arguments: Sequence[Any]) -> Rows:
    rows: Rows = await connection.fetch(sql, *arguments)
    return rows


def _silent_since(now: datetime, dead_after: float) -> int:
    return micros(now - timedelta(seconds=dead_after))


def _compiled(statement: Executable) -> tuple[str, list[Any]]:
    """A Core statement as SQL text and arguments."""
    assert isinstance(statement, ClauseElement)
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup or []
    return compiled.string, [compiled.params[name] for name in names]
