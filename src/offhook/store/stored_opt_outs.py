"""Opt-out lists in a database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from offhook.session.ports.opt_out_lists import OptOut, OptOuts, OptOutWay
from offhook.store import schema
from offhook.store.documents import from_micros, micros
from offhook.store.rows import Row
from offhook.store.statements import Statements


class SqlOptOuts(Statements, OptOuts):
    """One row for each number of a list."""

    async def put_opt_out(self, entry: OptOut) -> bool:
        t = schema.opt_outs
        insert = sqlite.insert if self._dialect.name == "sqlite" else postgresql.insert
        put = insert(t).values(
            sub_account_id=entry.sub_account_id,
            number=entry.number,
            at=micros(entry.at),
            way=entry.way.value,
            session_id=entry.session_id,
        )
        return await self._changed(put.on_conflict_do_nothing(), t.c.number)

    async def opt_out(self, sub_account_id: str, number: str) -> OptOut | None:
        t = schema.opt_outs
        query = select(t).where(t.c.sub_account_id == sub_account_id, t.c.number == number)
        rows = await self._read(query)
        return _opt_out(rows[0]) if rows else None

    async def opt_outs(
        self, sub_account_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[OptOut], str | None]:
        t = schema.opt_outs
        query = select(t).where(t.c.sub_account_id == sub_account_id)
        rows, following = await self._page(query, t.c.at, t.c.number, cursor, limit)
        return [_opt_out(row) for row in rows], following

    async def delete_opt_out(self, sub_account_id: str, number: str) -> bool:
        t = schema.opt_outs
        gone = delete(t).where(t.c.sub_account_id == sub_account_id, t.c.number == number)
        return await self._changed(gone, t.c.number)


def _opt_out(row: Row) -> OptOut:
    return OptOut(
        sub_account_id=row["sub_account_id"],
        number=row["number"],
        at=from_micros(row["at"]),
        way=OptOutWay(row["way"]),
        session_id=row["session_id"],
    )
