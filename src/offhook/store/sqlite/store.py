"""The record in one SQLite file: :class:`offhook.session.ports.record.Store` for one machine."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from offhook.events import AnyEvent
from offhook.session.ports.record import (
    NO_RATES,
    ClaimDecision,
    Delivery,
    DeliveryResult,
    Node,
    OutboxEntry,
    Planner,
    Rates,
    RequestRecord,
    StoreUnavailable,
)
from offhook.session.session import Session
from offhook.store.calls import accept_call, save_call
from offhook.store.core import Rows
from offhook.store.documents import decode_session, micros
from offhook.store.history import HistoryCalls
from offhook.store.migrate import upgrade
from offhook.store.queueing import Rotation
from offhook.store.rows import result_row
from offhook.store.sqlite import claims, hot
from offhook.store.sqlite.connection import connect
from offhook.store.sqlite.hot import SQL
from offhook.store.sqlite.writer import Writer
from offhook.store.tenancy import TenancyCalls
from offhook.store.urls import sqlite_path

T = TypeVar("T")

_DIALECT = sqlite.dialect()
_MOST_READS = 1_000
"""Waiting at once."""
_NOBODY = Node(name="", epoch=0)
"""For writes whose right does not come from a node."""


class SqliteStore(HistoryCalls, TenancyCalls):
    """See :class:`offhook.session.ports.record.Store`. Several processes may open the same file."""

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self._url = url
        self._path = sqlite_path(url)
        self._timeout = timeout
        self._writer = Writer(self._path, timeout=timeout)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="offhook-store-read")
        self._reader: sqlite3.Connection | None = None
        self._reads = 0
        self._queue = Rotation()
        self._endpoints = Rotation()

    async def open(self) -> None:
        """Make the file or bring its schema up to date, and start writing."""
        await asyncio.to_thread(upgrade, self._url)
        self._writer.start()

    async def close(self) -> None:
        """Commit what waits, close the file."""
        await self._writer.close()
        await asyncio.to_thread(self._reading.shutdown)
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # --- the API's side

    async def accept(
        self, session: Session, events: Sequence[AnyEvent], request: RequestRecord
    ) -> RequestRecord:
        """See :meth:`.interface.Store.accept`."""
        call = accept_call(request, session, events)
        stored: RequestRecord = await self._writer.run(hot.accept, call)
        return stored

    async def record_request(self, request: RequestRecord) -> RequestRecord:
        """See :meth:`.interface.Store.record_request`."""
        call = accept_call(request, None, ())
        stored: RequestRecord = await self._writer.run(hot.accept, call)
        return stored

    async def cancel_queued(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        """See :meth:`.interface.Store.cancel_queued`."""
        call = save_call(_NOBODY, session, events, outbox)
        return await self._writer.transact(lambda c: claims.cancel_queued(c, call))

    # --- the voice nodes' side

    async def register_node(self, name: str, role: str, now: datetime) -> Node:
        """See :meth:`.interface.Store.register_node`."""
        arguments = (name, role, micros(now))
        epoch = await self._writer.transact(lambda c: hot.one(c, "register_node", arguments))
        return Node(name=name, epoch=epoch)

    async def heartbeat(self, node: Node, now: datetime) -> None:
        """See :meth:`.interface.Store.heartbeat`."""
        await self._writer.transact(lambda c: claims.heartbeat(c, node, micros(now)))

    async def retire_node(self, node: Node) -> None:
        """See :meth:`.interface.Store.retire_node`."""
        await self._writer.transact(lambda c: claims.heartbeat(c, node, 0))

    async def claim(
        self, node: Node, plan: Planner, now: datetime, *, limit: int, rates: Rates = NO_RATES
    ) -> Sequence[ClaimDecision]:
        """See :meth:`.interface.Store.claim`."""
        return await self._writer.transact(
            lambda c: claims.claim(c, node, plan, now, limit, rates, self._queue)
        )

    async def start(self, node: Node, session: Session, events: Sequence[AnyEvent]) -> None:
        """See :meth:`.interface.Store.start`."""
        await self._writer.transact(lambda c: claims.start(c, node, session, events))

    async def save(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
    ) -> None:
        """See :meth:`.interface.Store.save`."""
        await self._writer.run(hot.save, save_call(node, session, events, outbox))

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
        taken: bool = await self._writer.run(claims.take_channel, (call, trunk, channels))
        return taken

    async def orphans(
        self, now: datetime, dead_after: float, *, limit: int = 500
    ) -> Sequence[Session]:
        """See :meth:`.interface.Store.orphans`."""
        arguments = (_silent_since(now, dead_after), limit)
        rows = await self._on_reader(lambda c: c.execute(SQL["orphans"], arguments).fetchall())
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
        call = save_call(_NOBODY, session, events, outbox)
        since = _silent_since(now, dead_after)
        return await self._writer.transact(lambda c: claims.end_orphan(c, call, since))

    # --- the outbox

    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        """See :meth:`.interface.Store.lease_deliveries`."""
        return await self._writer.transact(
            lambda c: claims.lease(c, owner, now, lease, limit, self._endpoints)
        )

    async def finish_deliveries(self, results: Sequence[DeliveryResult]) -> None:
        """See :meth:`.interface.Store.finish_deliveries`."""
        if results:
            await self._writer.run(hot.finish, [result_row(result) for result in results])

    async def _pending_times(self) -> list[int]:
        rows = await self._on_reader(lambda c: c.execute(SQL["pending_groups"]).fetchall())
        return [row[2] for row in rows]

    # --- the rest

    async def _read(self, query: Executable) -> Rows:
        sql, arguments = _compiled(query)
        try:
            return await self._on_reader(lambda c: c.execute(sql, arguments).fetchall())
        except UnicodeEncodeError:
            return []

    async def _write(self, *statements: Executable) -> Sequence[Rows]:
        compiled = [_compiled(statement) for statement in statements]
        return await self._writer.transact(
            lambda c: [c.execute(sql, arguments).fetchall() for sql, arguments in compiled]
        )

    def _upsert(
        self,
        table: Table,
        key: Sequence[str],
        values: dict[str, Any],
        updates: dict[str, Any] | None = None,
    ) -> Executable:
        insert = sqlite.insert(table).values(values)
        changed = updates or {name: value for name, value in values.items() if name not in key}
        return insert.on_conflict_do_update(index_elements=key, set_=changed)

    async def _on_reader(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function of the reading connection in the reading thread.

        Raises StoreUnavailable when the file is away or too many reads wait.
        """
        if self._reads >= _MOST_READS:
            raise StoreUnavailable("too many reads are waiting")
        self._reads += 1
        try:
            reading = asyncio.get_running_loop().run_in_executor(
                self._reading, partial(self._with_reader, function)
            )
            return await asyncio.wait_for(reading, self._timeout)
        except TimeoutError:
            raise StoreUnavailable("the database is too slow") from None
        finally:
            self._reads -= 1

    def _with_reader(self, function: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._reader is None:
                self._reader = connect(self._path, readonly=True)
            return function(self._reader)
        except sqlite3.OperationalError as error:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            raise StoreUnavailable(f"the database cannot be read: {error}") from error


def _silent_since(now: datetime, dead_after: float) -> int:
    return micros(now - timedelta(seconds=dead_after))


def _compiled(statement: Executable) -> tuple[str, list[Any]]:
    """A Core statement as SQL text and arguments."""
    assert isinstance(statement, ClauseElement)
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup or []
    return compiled.string, [compiled.params[name] for name in names]
