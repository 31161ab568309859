"""Bring a database's schema up to date (``offhook db upgrade``), with Alembic."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from offhook.session.ports.record import SchemaMismatch, StoreUnavailable
from offhook.store.database_urls import is_sqlite, sqlite_path
from offhook.store.reasons import place_of, reason

if TYPE_CHECKING:
    import asyncpg
    from alembic.config import Config
    from alembic.script import ScriptDirectory

HEAD = "0013"
"""The newest revision in ``migrations/versions``. A database at this revision is current, so Alembic,
which takes long to import, is not needed."""

_LOCK = 0x6F66_6668_6462
"""Advisory lock of PostgreSQL: one upgrade at a time ("offhdb")."""

log = logging.getLogger(__name__)


def upgrade(url: str) -> list[str]:
    """Apply what is missing; returns the revisions applied, oldest first (empty: was current).

    Raises SchemaMismatch for a database of a newer version, StoreUnavailable for one that cannot be
    reached or written, ValueError for a URL of another kind.

    Safe to run by several processes at once. Runs its own event loop for PostgreSQL: call it from
    a thread where one is running already.
    """
    applied = _upgrade_sqlite(url) if is_sqlite(url) else asyncio.run(_upgrade_postgres(url))
    if applied:
        log.info("database schema upgraded to %s", applied[-1])
    return applied


def check_revision(current: str | None) -> None:
    """Raise SchemaMismatch unless ``current`` is the revision this version needs."""
    if _missing(current):
        raise SchemaMismatch(
            f"the database's schema is at revision {current or 'none'}, this version needs "
            f"{HEAD}: run `offhook db upgrade` first"
        )


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _missing(current: str | None) -> list[str]:
    """The revisions after ``current``, oldest first. Raises SchemaMismatch for an unknown one."""
    if current == HEAD:
        return []
    from alembic.script.revision import RevisionError

    try:
        found = list(_scripts().iterate_revisions("head", current or "base"))
    except RevisionError:
        raise SchemaMismatch(
            f"the database's schema is at revision {current}, which this version does not know: "
            "a newer Offhook has upgraded it"
        ) from None
    return [script.revision for script in found][::-1]


def _upgrade_sqlite(url: str) -> list[str]:
    path = sqlite_path(url)
    try:
        return _upgrade_file(path)
    except DBAPIError as error:
        raise StoreUnavailable(f"{path}: {reason(error.orig or error)}") from error
    except OSError as error:
        raise StoreUnavailable(f"{path}: {reason(error)}") from error


def _upgrade_file(path: Path) -> list[str]:
    make_private(path)
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": 30},
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        current = _current_sqlite(connection)
        missing = _missing(current)
        if missing:
            from alembic import command

            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        connection.commit()
    engine.dispose()
    return missing


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


def _current_sqlite(connection: Connection) -> str | None:
    """The revision of an SQLite database; None: it has no Offhook schema."""
    found = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
    if connection.exec_driver_sql(found).scalar() is None:
        return None
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if revision is None else str(revision)


async def _upgrade_postgres(url: str) -> list[str]:
    import asyncpg

    try:
        return await _upgrade_server(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreUnavailable(f"{place_of(url)}: {reason(error)}") from error


async def _upgrade_server(url: str) -> list[str]:
    import asyncpg

    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        current = await current_postgres(connection)
        missing = _missing(current)
        if missing:
            await connection.execute(await asyncio.to_thread(_script_from, current))
        return missing
    finally:
        await connection.close(timeout=10)


async def current_postgres(connection: asyncpg.Connection) -> str | None:
    """The revision of a PostgreSQL database; None: it has no Offhook schema."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    return None if revision is None else str(revision)


def _script_from(current: str | None) -> str:
    """The SQL that brings PostgreSQL from ``current`` to the head, in one transaction."""
    from alembic import command

    config = _config()
    config.output_buffer = io.StringIO()
    config.attributes["dialect"] = "postgresql"
    command.upgrade(config, f"{current}:head" if current else "head", sql=True)
    return config.output_buffer.getvalue()
