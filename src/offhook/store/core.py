"""How the calls that are not hot reach the database: SQLAlchemy Core, the same for every dialect."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table

from offhook.store import schema

Rows = Sequence[Sequence[Any]]


class CoreCalls(ABC):
    """What a store gives to :mod:`.history` and :mod:`.tenancy`."""

    @abstractmethod
    async def _read(self, query: Executable) -> Rows:
        """Run a query outside of any transaction; nothing for a text that no row can hold."""

    @abstractmethod
    async def _write(self, *statements: Executable) -> Sequence[Rows]:
        """Run statements in one transaction; the rows each returned (RETURNING)."""

    @abstractmethod
    def _upsert(
        self,
        table: Table,
        key: Sequence[str],
        values: dict[str, Any],
        updates: dict[str, Any] | None = None,
    ) -> Executable:
        """INSERT … ON CONFLICT (key) DO UPDATE SET ``updates`` (absent: all but the key)."""

    def _next_version(self) -> Executable:
        t = schema.versions
        first = {"name": "tenancy", "version": 1}
        return self._upsert(t, ["name"], first, {"version": t.c.version + 1})

    async def _changed(
        self, statement: Any, column: ColumnElement[Any], *, version: bool = False
    ) -> bool:
        """Run an UPDATE or DELETE; whether it changed a row."""
        statements = [statement.returning(column)]
        if version:
            statements.append(self._next_version())
        return bool((await self._write(*statements))[0])
