"""Runs the calls that are not hot, with SQLAlchemy Core, the same for every dialect."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Executable,
    Select,
    Table,
    bindparam,
    insert,
    literal,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from offhook.store import schema
from offhook.store.cursors import cursor_at, position_of
from offhook.store.rows import Row

Rows = Sequence[Row]


class Statements(ABC):
    """What :mod:`.history` and :mod:`.stored_tenancy` need of a database."""

    _dialect: ClassVar[Dialect]

    @abstractmethod
    async def _read(self, query: Executable) -> Rows:
        """Run a query outside of any transaction; no rows for a text that the database cannot store."""

    @abstractmethod
    async def _read_named(self, name: str, *arguments: object) -> Rows:
        """Run a query of ``sql/{dialect}.sql`` outside of any transaction."""

    @abstractmethod
    async def _write(self, *statements: Executable) -> Sequence[Rows]:
        """Run statements in one transaction; the rows each returned (RETURNING)."""

    @abstractmethod
    async def _insert_each(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one INSERT for each row, in one transaction."""

    async def _insert_rows(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows that name the same columns. The statement is compiled once, whatever their number."""
        if rows:
            sql, names = self._insert_text(table, frozenset(rows[0]))
            await self._insert_each(sql, [[row[name] for name in names] for row in rows])

    @classmethod
    @cache
    def _insert_text(cls, table: Table, names: frozenset[str]) -> tuple[str, Sequence[str]]:
        """The statement for one row, and the order of its arguments."""
        columns: dict[str, Any] = {name: bindparam(name) for name in names}
        compiled = insert(table).values(columns).compile(dialect=cls._dialect)
        assert isinstance(compiled, SQLCompiler)
        return compiled.string, tuple(compiled.positiontup or ())

    def _compiled(self, statement: Executable) -> tuple[str, list[Any]]:
        """A Core statement as SQL text and arguments."""
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(
            dialect=self._dialect, compile_kwargs={"render_postcompile": True}
        )
        assert isinstance(compiled, SQLCompiler)
        values = compiled.params  # made anew each time that it is read
        return compiled.string, [values[name] for name in compiled.positiontup or ()]

    def _upsert(
        self,
        table: Table,
        key: Sequence[str],
        values: Mapping[str, object],
        updates: Mapping[str, object] | None = None,
    ) -> Executable:
        """INSERT … ON CONFLICT (key) DO UPDATE SET ``updates`` (absent: all but the key)."""
        changed = updates or {name: value for name, value in values.items() if name not in key}
        made = self._insert(table).values(values)
        return made.on_conflict_do_update(index_elements=key, set_=changed)

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT with the clause ON CONFLICT of this database."""
        return (sqlite.insert if self._dialect.name == "sqlite" else postgresql.insert)(table)

    def _next_version(self) -> Executable:
        t = schema.versions
        first = {"name": "tenancy", "version": 1}
        return self._upsert(t, ["name"], first, {"version": t.c.version + 1})

    async def _changed(self, statement: Any, column: ColumnElement[Any]) -> bool:
        """Run an UPDATE or DELETE; whether it changed a row."""
        return bool((await self._write(statement.returning(column)))[0])

    async def _tenancy_changed(self, statement: Any, column: ColumnElement[Any]) -> bool:
        """As :meth:`_changed`, and every directory reads the store again."""
        written = await self._write(statement.returning(column), self._next_version())
        return bool(written[0])

    async def _page(
        self,
        query: Select[Any],
        at: ColumnElement[int],
        id_: ColumnElement[str],
        cursor: str | None,
        limit: int,
    ) -> tuple[Rows, str | None]:
        """One page, newest first; ``at`` and ``id_`` are among the query's columns."""
        if cursor is not None:
            query = query.where(tuple_(at, id_) < tuple_(*map(literal, position_of(cursor))))
        rows = await self._read(query.order_by(at.desc(), id_.desc()).limit(limit + 1))
        if len(rows) <= limit:
            return rows, None
        last = rows[limit - 1]
        return rows[:limit], cursor_at(last[_name(at)], last[_name(id_)])


def _name(column: ColumnElement[Any]) -> str:
    assert isinstance(column, Column)
    return column.name
