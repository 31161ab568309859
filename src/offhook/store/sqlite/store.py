"""The record in one SQLite file, for one machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, final

from sqlalchemy import Executable
from sqlalchemy.dialects import sqlite

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
from offhook.store.database_urls import sqlite_path
from offhook.store.documents import micros
from offhook.store.migrate import upgrade
from offhook.store.queueing import Rotation
from offhook.store.rows import ResultRow
from offhook.store.session_writes import Accept, Admit, ChannelCall, Save, save_call
from offhook.store.sqlite import claims, hot, lists
from offhook.store.sqlite.hot import SQL
from offhook.store.sqlite.readers import Readers
from offhook.store.sqlite.writer import Writer
from offhook.store.statements import Rows
from offhook.store.stored_campaigns import CallRows, SettledRow


@final
class SqliteStore(SqlStore):
    """The record of one machine. Several processes may open the same file."""

    _dialect = sqlite.dialect()

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self._url = url
        self._path = sqlite_path(url)
        self._timeout = timeout
        self._writer = Writer(self._path, timeout=timeout)
        self._readers = Readers(self._path, timeout=timeout)
        self._queue = Rotation()
        self._endpoints = Rotation()

    async def open(self) -> None:
        """Make the file or bring its schema up to date, and start writing."""
        await asyncio.to_thread(upgrade, self._url)
        self._writer.start()

    async def close(self) -> None:
        """Commit the waiting writes, close the file."""
        await self._writer.close()
        await self._readers.close()

    # --- the API's side

    async def _accept(self, call: Accept) -> RequestRecord:
        stored: RequestRecord = await self._writer.run(hot.accept, call)
        return stored

    async def cancel_queued(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        call = save_call(NOBODY, session, events, outbox)
        return await self._writer.transact(lambda c: claims.cancel_queued(c, call))

    # --- the voice nodes' side

    async def register_node(
        self, name: str, role: NodeRole, now: datetime, *, place: str = ""
    ) -> Node:
        return await self._writer.transact(
            lambda c: claims.register_node(c, name, role.value, now, place)
        )

    async def heartbeat(self, node: Node, now: datetime) -> None:
        await self._writer.transact(lambda c: claims.heartbeat(c, node, micros(now)))

    async def retire_node(self, node: Node) -> None:
        await self._writer.transact(lambda c: claims.heartbeat(c, node, 0))

    async def claim(
        self, node: Node, plan: Planner, now: datetime, *, limit: int, rates: Rates = NO_RATES
    ) -> Sequence[ClaimDecision]:
        return await self._writer.transact(
            lambda c: claims.claim(c, node, plan, now, limit, rates, self._queue)
        )

    async def _start(self, node: Node, call: Admit) -> None:
        await self._writer.transact(lambda c: claims.start(c, node, call))

    async def _save(self, call: Save) -> None:
        await self._writer.run(hot.save, call)

    async def _take_channel(self, call: ChannelCall) -> bool:
        taken: bool = await self._writer.run(claims.take_channel, call)
        return taken

    async def end_orphan(
        self,
        session: Session,
        events: Sequence[AnyEvent],
        outbox: Sequence[OutboxEntry],
        silent: Sequence[Heartbeat] = (),
    ) -> bool:
        call = save_call(NOBODY, session, events, outbox)
        (beats,) = self._beats(silent)
        return await self._writer.transact(lambda c: claims.end_orphan(c, call, beats))

    def _beats(self, silent: Sequence[Heartbeat]) -> tuple[Any, ...]:
        return (json.dumps([(each.name, each.epoch, micros(each.at)) for each in silent]),)

    async def time(self) -> datetime:
        return datetime.now(UTC)  # all its processes are on this machine

    # --- the outbox

    async def lease_deliveries(
        self, owner: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[Delivery]:
        return await self._writer.transact(
            lambda c: claims.lease(c, owner, now, lease, limit, self._endpoints)
        )

    async def _finish(self, results: Sequence[ResultRow]) -> None:
        await self._writer.run(hot.finish, results)

    # --- campaigns

    async def _add_targets(
        self, campaign_id: str, rows: Sequence[tuple[str, str]], due_at: int
    ) -> int | None:
        return await self._writer.transact(
            lambda c: lists.add_targets(c, campaign_id, rows, due_at)
        )

    async def _call_targets(
        self, owner: str, campaign_id: str, calls: Sequence[CallRows]
    ) -> Iterable[int]:
        return await self._writer.transact(
            lambda c: lists.call_targets(c, owner, campaign_id, calls)
        )

    async def _settle_targets(
        self, owner: str, campaign_id: str, rows: Sequence[SettledRow]
    ) -> None:
        await self._writer.transact(lambda c: lists.settle_targets(c, owner, campaign_id, rows))

    # --- the rest

    async def _read(self, query: Executable) -> Rows:
        sql, arguments = self._compiled(query)
        try:
            return await self._readers.run(lambda c: c.execute(sql, arguments).fetchall())
        except UnicodeEncodeError:
            return []

    async def _read_named(self, name: str, *arguments: Any) -> Rows:
        return await self._readers.run(lambda c: c.execute(SQL[name], arguments).fetchall())

    async def _write(self, *statements: Executable) -> Sequence[Rows]:
        compiled = [self._compiled(statement) for statement in statements]
        return await self._writer.transact(
            lambda c: [c.execute(sql, arguments).fetchall() for sql, arguments in compiled]
        )

    async def _insert_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        await self._writer.transact(lambda c: c.executemany(sql, rows))
