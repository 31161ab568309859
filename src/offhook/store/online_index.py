"""Indexes that migrations add to tables that grow, without keeping a running server from writing.

PostgreSQL builds them CONCURRENTLY, outside of transactions. So a migration makes them before anything else:
when it is interrupted it is run again from its beginning, and what was half built is dropped first.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def create_index_online(
    name: str, table: str, columns: Sequence[str], *, where: str | None = None
) -> None:
    """Add an index to a table that exists. ``where``: the condition of a partial one."""
    condition = None if where is None else sa.text(where)
    if op.get_context().dialect.name != "postgresql":
        op.create_index(name, table, list(columns), sqlite_where=condition)
        return
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.create_index(
            name,
            table,
            list(columns),
            postgresql_where=condition,
            postgresql_concurrently=True,
        )
