"""Change a database's schema (``offhook db upgrade``, ``offhook db downgrade``), with Alembic.

Servers of the version before go on while a schema is upgraded, and start again on the new one: what a
migration may do is in docs/decisions/schema-changes.md. On PostgreSQL each migration is a transaction, its
indexes are built before it without one, and a statement that does not get its lock in time gives way and is
tried again, because everything else would wait behind it.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import stat
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from offhook.session.ports.record import DEAD_AFTER, SchemaMismatch, StoreUnavailable
from offhook.store.database_urls import is_sqlite, sqlite_path
from offhook.store.reasons import place_of, reason

if TYPE_CHECKING:
    import asyncpg
    from alembic.config import Config
    from alembic.script import ScriptDirectory

HEAD = "0018"
"""The newest revision in ``migrations/versions``. A database at this revision is current, so Alembic,
which takes long to import, is not needed."""

_LOCK = 0x6F66_6668_6462
"""Advisory lock of PostgreSQL: one upgrade at a time ("offhdb")."""

_LOCK_SECONDS = 2
"""How long a statement of a migration waits for a lock before it gives way to the servers' own."""
_ATTEMPTS = 30
"""How often a migration that did not get its locks is tried, a second apart."""
_BUILDS_ONLINE = "CONCURRENTLY"
_LIVE = "SELECT name FROM nodes WHERE heartbeat_at > {since} ORDER BY name"
"""The nodes that run, of whatever version."""

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """What a database says of its schema."""

    current: str | None
    """Its revision; None: it has no Offhook schema."""
    oldest: str | None
    """The revision of the oldest version that it still serves; None: it was upgraded before 0014."""


def upgrade(url: str) -> list[str]:
    """Apply what is missing; returns the revisions applied, oldest first (empty: was current).

    A schema of a newer version that still serves this one is left as it is. Raises SchemaMismatch for
    one that does not, StoreUnavailable for a database that cannot be reached or written, ValueError for
    a URL of another kind.

    Safe to run by several processes at once. Runs its own event loop for PostgreSQL: call it from
    a thread where one is running already.
    """
    applied = _change_sqlite(url) if is_sqlite(url) else asyncio.run(_change_postgres(url))
    if applied:
        log.info("database schema upgraded to %s", applied[-1])
    return applied


def downgrade(url: str, to: str) -> list[str]:
    """Take back the revisions after ``to``, with what they hold; returns them, newest first.

    Raises as :func:`upgrade`, and SchemaMismatch for a revision that is not an older one and while
    servers run on the database.
    """
    taken = _change_sqlite(url, to) if is_sqlite(url) else asyncio.run(_change_postgres(url, to))
    if taken:
        log.info("database schema taken back to %s", to)
    return taken


def check_revision(found: Found) -> None:
    """Raise SchemaMismatch unless this version can work with the schema that was found."""
    if _missing(found):
        raise SchemaMismatch(
            f"the database's schema is at revision {found.current or 'none'}, this version needs "
            f"{HEAD}: run `offhook db upgrade` first"
        )


def _config(output: io.StringIO | None = None) -> Config:
    """``output``: where SQL is written that is not run."""
    from alembic.config import Config

    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _missing(found: Found) -> list[str]:
    """The revisions to apply, oldest first. Raises SchemaMismatch for a schema that does not serve us."""
    current, oldest = found
    if current == HEAD:
        return []
    if current is not None and not _known(current):
        if oldest is None or oldest > HEAD:
            raise SchemaMismatch(
                f"the database's schema is at revision {current}, which this version ({HEAD}) "
                "does not know: a newer Offhook has upgraded it"
            )
        log.info("the schema (%s) is of a newer version and still serves this one", current)
        return []
    return _between(current, HEAD)


def _to_take_back(found: Found, to: str) -> list[str]:
    """The revisions after ``to``, newest first."""
    current = found.current
    if current is None or not _known(current) or not _known(to) or to > current:
        raise SchemaMismatch(
            f"the database's schema is at revision {current or 'none'}: "
            f"it cannot be taken back to {to}"
        )
    return _between(to, current)[::-1]


def _known(revision: str) -> bool:
    return revision.isdigit() and len(revision) == len(HEAD) and "0001" <= revision <= HEAD


def _between(after: str | None, until: str) -> list[str]:
    """The revisions behind ``after`` up to ``until``, oldest first."""
    return [f"{number:04}" for number in range(int(after or 0) + 1, int(until) + 1)]


def _refuse_live(names: Sequence[str]) -> None:
    if names:
        raise SchemaMismatch(f"servers run on the database ({', '.join(names)}): stop them first")


def _live_since() -> int:
    """The oldest heartbeat of a live node, in microseconds since 1970."""
    return int((time.time() - DEAD_AFTER / timedelta(seconds=1)) * 1_000_000)


def _change_sqlite(url: str, to: str | None = None) -> list[str]:
    """Upgrade, or with ``to`` downgrade."""
    path = sqlite_path(url)
    try:
        return _change_file(path, to)
    except DBAPIError as error:
        raise StoreUnavailable(f"{path}: {reason(error.orig or error)}") from error
    except OSError as error:
        raise StoreUnavailable(f"{path}: {reason(error)}") from error


def _change_file(path: Path, to: str | None) -> list[str]:
    make_private(path)
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": 30},
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        found = _found_in_file(connection)
        if to is None:
            changed = _missing(found)
        else:
            changed = _to_take_back(found, to)
            live = connection.exec_driver_sql(_LIVE.format(since=_live_since()))
            _refuse_live([row[0] for row in live])
        if changed:
            from alembic import command

            config = _config()
            config.attributes["connection"] = connection
            (command.downgrade if to else command.upgrade)(config, to or "head")
        connection.commit()
    engine.dispose()
    return changed


def make_private(path: Path) -> None:
    """Make the folder (0700) and the file (0600) where they are missing; SQLite's files take 0600 too.

    A folder that exists stays as it is: it may hold more than the database.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        file = path.with_name(name)
        try:
            if stat.S_IMODE(file.stat().st_mode) & 0o077:
                file.chmod(0o600)
        except FileNotFoundError:
            continue
        except PermissionError:
            log.warning("%s can be read by other users, and its mode cannot be changed", file)


def _found_in_file(connection: Connection) -> Found:
    def value(table: str, column: str) -> str | None:
        there = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = ?", (table,))
        if there.scalar() is None:
            return None
        got = connection.exec_driver_sql(f"SELECT {column} FROM {table}").scalar()  # noqa: S608
        return None if got is None else str(got)

    return Found(value("alembic_version", "version_num"), value("schema_floor", "oldest"))


async def found_in_postgres(connection: asyncpg.Connection) -> Found:
    """What a PostgreSQL database says of its schema."""

    async def value(table: str, column: str) -> str | None:
        if await connection.fetchval("SELECT to_regclass($1)", table) is None:
            return None
        got = await connection.fetchval(f"SELECT {column} FROM {table}")  # noqa: S608
        return None if got is None else str(got)

    return Found(
        await value("alembic_version", "version_num"), await value("schema_floor", "oldest")
    )


async def _change_postgres(url: str, to: str | None = None) -> list[str]:
    """Upgrade, or with ``to`` downgrade."""
    import asyncpg

    try:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await _change_server(connection, to)
        finally:
            await connection.close(timeout=10)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreUnavailable(f"{place_of(url)}: {reason(error)}") from error


async def _change_server(connection: asyncpg.Connection, to: str | None) -> list[str]:
    # A statement that waits for the lock holds a snapshot, and CREATE INDEX CONCURRENTLY waits for snapshots.
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    found = await found_in_postgres(connection)
    if to is None:
        changed = _missing(found)
    else:
        changed = _to_take_back(found, to)
        rows = await connection.fetch(_LIVE.format(since=_live_since()))
        _refuse_live([row["name"] for row in rows])
    for revision in changed:
        await _run_patiently(
            connection, await asyncio.to_thread(statements, revision, down=to is not None)
        )
    return changed


async def _run_patiently(connection: asyncpg.Connection, migration: Sequence[str]) -> None:
    """Run a migration's statements, anew from the first when a lock was not to be had."""
    from asyncpg.exceptions import DeadlockDetectedError, LockNotAvailableError

    for attempt in range(1, _ATTEMPTS + 1):
        try:
            for statement in migration:
                wait = 0 if _BUILDS_ONLINE in statement else _LOCK_SECONDS
                await connection.execute(f"SET lock_timeout = '{wait}s'")
                await connection.execute(statement)
        except (LockNotAvailableError, DeadlockDetectedError):
            await connection.execute("ROLLBACK")
            if attempt == _ATTEMPTS:
                raise
            log.info("a migration waits for a lock that is held for long")
            await asyncio.sleep(1)
        else:
            return


class _Statements(io.StringIO):
    """Collects the statements that Alembic writes one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def write(self, text: str, /) -> int:
        if text.strip() and not text.startswith("--"):
            self.found.append(text.strip())
        return len(text)


def statements(revision: str, *, down: bool = False) -> list[str]:
    """The SQL of one migration for PostgreSQL, ``BEGIN`` and ``COMMIT`` included."""
    from alembic import command

    before = f"{int(revision) - 1:04}" if revision != "0001" else "base"
    collected = _Statements()
    config = _config(collected)
    config.attributes["dialect"] = "postgresql"
    if down:
        command.downgrade(config, f"{revision}:{before}", sql=True)
    else:
        command.upgrade(config, f"{before}:{revision}", sql=True)
    return collected.found
