"""The migrations produce exactly the schema of the metadata, on both databases."""

from __future__ import annotations

import asyncio
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, create_mock_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.ddl import ExecutableDDLElement
from tests.support.postgres import PostgresServer, programs
from tests.support.stores import NOW, opened

from offhook.session.ports.record import NodeRole, SchemaMismatch, StoreUnavailable
from offhook.store import downgrade, open_store, upgrade
from offhook.store.migrate import HEAD, _config, _scripts, statements
from offhook.store.schema import metadata

ALL = [f"{number:04}" for number in range(1, int(HEAD) + 1)]
"""Every revision, oldest first."""


def sqlite_schema(path: Path) -> set[str]:
    """What is in a SQLite file, as SQL with equal spacing and quoting."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {" ".join(row[0].split()) for row in rows if "alembic_version" not in row[0]}


def test_sqlite(tmp_path: Path) -> None:
    assert upgrade(f"sqlite:///{tmp_path}/a.db") == ALL
    engine = create_engine(f"sqlite:///{tmp_path}/b.db", poolclass=NullPool)
    metadata.create_all(engine)
    assert sqlite_schema(tmp_path / "a.db") == sqlite_schema(tmp_path / "b.db")
    migrated = create_engine(f"sqlite:///{tmp_path}/a.db", poolclass=NullPool)
    with migrated.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def postgres_schema(url: str) -> list[str]:
    """What pg_dump says of a database, without what only names it."""
    bin_ = programs()
    assert bin_ is not None
    dumped = subprocess.run(
        [bin_ / "pg_dump", "--schema-only", "--exclude-table=alembic_version", url],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    return [line for line in dumped.splitlines() if line and not line.startswith(("--", "\\"))]


def metadata_as_sql() -> str:
    """The metadata's tables as PostgreSQL's DDL."""
    statements: list[str] = []

    def collect(statement: ExecutableDDLElement, *_: object, **__: object) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine("postgresql+asyncpg://", collect)
    metadata.create_all(engine, checkfirst=False)
    return ";\n".join(statements)


def test_postgres(postgres: PostgresServer) -> None:
    migrated = postgres.create_database("migrated")
    created = postgres.create_database("created")

    async def create() -> None:
        connection = await asyncpg.connect(created, timeout=10)
        await connection.execute(metadata_as_sql())
        await connection.close()

    assert upgrade(migrated) == ALL
    asyncio.run(create())
    assert postgres_schema(migrated) == postgres_schema(created)


def test_an_upgrade_of_what_is_current_does_nothing(database_url: str) -> None:
    assert upgrade(database_url) == []


def test_several_upgrades_at_once_are_one(tmp_path: Path, postgres: PostgresServer) -> None:
    for url in (f"sqlite:///{tmp_path}/new/a.db", postgres.create_database("several")):
        with ThreadPoolExecutor(4) as threads:
            applied = list(threads.map(upgrade, [url] * 4, timeout=60))
        assert sorted(applied) == [[], [], [], ALL]


def test_a_newer_versions_database_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    upgrade(url)
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9998'")
        connection.exec_driver_sql("UPDATE schema_floor SET oldest = '9990'")
    with pytest.raises(SchemaMismatch, match="newer Offhook"):
        upgrade(url)


async def test_a_newer_schema_that_serves_this_version_is_worked_with(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    newer = "UPDATE alembic_version SET version_num = '9998'"
    file = f"sqlite:///{tmp_path}/a.db"
    server = postgres.create_database("newer")
    for url in (file, server):
        await asyncio.to_thread(upgrade, url)
    engine = create_engine(file, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(newer)
    connection = await asyncpg.connect(server, timeout=10)
    await connection.execute(newer)
    for url in (file, server):
        assert await asyncio.to_thread(upgrade, url) == []
        async with opened(url) as store:
            assert await store.register_node("n1", NodeRole.VOICE, NOW)
    await connection.execute("UPDATE schema_floor SET oldest = '9998'")
    await connection.close(timeout=10)
    with pytest.raises(SchemaMismatch, match="newer Offhook"):
        await open_store(server).open()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///", "sqlite://", "offhook.db", ""])
def test_another_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"database\.url"):
        upgrade(url)


def test_what_cannot_be_upgraded_is_unavailable_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("this is no database, however long the text may be" * 100)
    for url, reason in (
        (f"sqlite:///{tmp_path}/no.db", "not a database"),
        (f"sqlite:///{tmp_path}/no.db/a.db", "Not a directory|File exists"),
        ("postgresql://offhook@127.0.0.1:1/offhook", "[Cc]onnect"),
    ):
        with pytest.raises(StoreUnavailable, match=reason):
            upgrade(url)


def test_the_head_is_the_newest_migration() -> None:
    assert _scripts().get_current_head() == HEAD


def at_0001(path: Path) -> str:
    """A SQLite database of the first revision with one session; its URL."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO sessions VALUES ('s', 'acme', 'BUSY', 7, NULL, NULL, '', NULL, NULL, '[]',"
            f" 1, '{OLD_DOCUMENT}')"
        )
    return f"sqlite:///{path}"


OLD_SESSION = {
    "callflow": {
        "actions": [{"action": "say", "text": '\0 \u2028 "source":"+9"'}],
        "clientRequestId": "mine",
    },
    "legs": [{"source": "+1", "destination": "+2", "sip_code": 486}],
}
OLD_DOCUMENT = json.dumps(OLD_SESSION, separators=(",", ":"))
OLD_TERMS = {
    ("acme", "number:+1", 7, "s"),
    ("acme", "number:+2", 7, "s"),
    ("acme", "sip:486", 7, "s"),
    ("acme", "request:mine", 7, "s"),
}


def test_sessions_of_before_0002_are_found_by_their_documents(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    assert upgrade(at_0001(tmp_path / "a.db")) == ALL[1:]
    engine = create_engine(f"sqlite:///{tmp_path}/a.db", poolclass=NullPool)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM session_terms")
        assert {tuple(row) for row in rows} == OLD_TERMS

    async def fill_and_read(url: str) -> set[tuple[object, ...]]:
        connection = await asyncpg.connect(url, timeout=10)
        await connection.execute("DELETE FROM session_terms")
        await connection.execute(
            "INSERT INTO sessions VALUES ('s', 'acme', 'BUSY', 7, NULL, NULL, '', NULL, NULL, '[]',"
            " 1, $1)",
            OLD_DOCUMENT,
        )
        for statement in (*statements("0002", down=True), *statements("0002")):
            await connection.execute(statement)
        rows = await connection.fetch("SELECT * FROM session_terms")
        await connection.close()
        return {tuple(row) for row in rows}

    url = postgres.create_database("old")
    upgrade(url)
    assert asyncio.run(fill_and_read(url)) == OLD_TERMS


SHAPE = """
SELECT 'column', table_name, column_name, data_type || is_nullable || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""
"""Every column and every index, the keys among them."""


async def test_each_migration_taken_back_leaves_the_schema_of_before(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    file = tmp_path / "a.db"
    server = postgres.create_database("up_and_down")
    connection = await asyncpg.connect(server, timeout=10)

    async def shape() -> tuple[set[str], list[tuple[str, ...]]]:
        return sqlite_schema(file), sorted(map(tuple, await connection.fetch(SHAPE)))

    async def run(revision: str, *, down: bool = False) -> None:
        for statement in statements(revision, down=down):
            await connection.execute(statement)

    at_0001(file)
    await run("0001")
    before = {}
    for previous, revision in pairwise(ALL):
        before[previous] = await shape()
        await run(revision)
        with create_engine(f"sqlite:///{file}", poolclass=NullPool).begin() as file_connection:
            config = _config()
            config.attributes["connection"] = file_connection
            command.upgrade(config, revision)
    for previous in reversed(before):
        for url in (f"sqlite:///{file}", server):
            assert len(await asyncio.to_thread(downgrade, url, previous)) == 1
        assert await shape() == before[previous], previous
    assert await asyncio.to_thread(upgrade, server) == ALL[1:]
    await connection.close(timeout=10)


async def test_a_schema_is_not_taken_back_under_a_running_server(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    for url in (f"sqlite:///{tmp_path}/a.db", postgres.create_database("in_use")):
        await asyncio.to_thread(upgrade, url)
        async with opened(url) as store:
            node = await store.register_node("n1", NodeRole.VOICE, datetime.now(UTC))
            with pytest.raises(SchemaMismatch, match="n1"):
                await asyncio.to_thread(downgrade, url, "0001")
            await store.retire_node(node)
            with pytest.raises(SchemaMismatch, match="cannot be taken back"):
                await asyncio.to_thread(downgrade, url, "9998")
        assert (await asyncio.to_thread(downgrade, url, "0013"))[0] == HEAD
