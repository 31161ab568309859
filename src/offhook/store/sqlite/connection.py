"""Opening the file, and many rows per statement.

Why many rows per statement: every step of a statement releases the GIL and must get it back from the
event loop, which takes far longer under load than SQLite itself. So a batch of any size runs as a few
statements.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

SIZES = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""Rows per statement. Each size of each statement is prepared once and kept, in proportion to its rows: a
size for every number of rows kept 11 MB more in a process after bursts. 64 rows of the widest table are 832
of the 32,766 variables that SQLite allows.
"""

Values = tuple[Any, ...]
"""One row to be written, or to be looked up."""


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Open the file, which must exist, for use by any one thread at a time.

    Waits while another connection has the whole file: the first one of all repairs the log, and the last
    one moves it into the database.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={'ro' if readonly else 'rw'}",
        uri=True,
        isolation_level=None,
        timeout=5,
        check_same_thread=False,
        cached_statements=512,
    )
    connection.row_factory = sqlite3.Row
    if not readonly:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        connection.execute("PRAGMA journal_size_limit=67108864")
        connection.execute("PRAGMA busy_timeout=0")  # the writer tries again by itself, and sooner
    return connection


def run_many(connection: sqlite3.Connection, sql: str, rows: Sequence[Values]) -> None:
    """Run ``sql`` with ``{values}`` replaced by the rows, in as few statements as possible."""
    for part in parts(rows):
        connection.execute(_filled(sql, len(part), len(part[0])), _flat(part))


def rows_of_many(
    connection: sqlite3.Connection, sql: str, rows: Sequence[Values]
) -> list[list[Any]]:
    """As :func:`run_many`, for a query that returns one JSON array; the arrays joined."""
    found: list[list[Any]] = []
    for part in parts(rows):
        cursor = connection.execute(_filled(sql, len(part), len(part[0])), _flat(part))
        found += json.loads(cursor.fetchone()[0])
    return found


def parts(rows: Sequence[Values]) -> Iterator[Sequence[Values]]:
    """The rows in order, in parts of :data:`SIZES` only, the largest first."""
    start = 0
    for size in _sizes(len(rows)):
        yield rows[start : start + size]
        start += size


@lru_cache(maxsize=1024)
def _sizes(rows: int) -> tuple[int, ...]:
    """The sizes of the parts of so many rows."""
    found: list[int] = []
    for size in SIZES:
        parts_of_it, rows = divmod(rows, size)
        found += [size] * parts_of_it
    return tuple(found)


def _flat(rows: Sequence[Values]) -> list[Any]:
    return [value for row in rows for value in row]


@cache
def _filled(sql: str, rows: int, columns: int) -> str:
    row = "(" + ", ".join("?" * columns) + ")"
    return sql.replace("{values}", ", ".join([row] * rows))


def identity(path: Path) -> tuple[int, int]:
    """The file that the path names now: a deleted or replaced file must not be used any longer."""
    status = os.stat(path)
    return status.st_dev, status.st_ino
