"""Every migration may run while the version before serves: the rules of docs/decisions/schema-changes.md."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence

import asyncpg
import pytest
from tests.support.postgres import PostgresServer

from offhook.store import upgrade
from offhook.store.migrate import HEAD, statements

CONTRACTS = r"DROP (?:TABLE|COLUMN)|ALTER TABLE \S+ (?:.* )?RENAME|ALTER TABLE \S+ DROP COLUMN"
"""What takes away something that a version reads."""

FORBIDDEN = (
    (r"ALTER COLUMN \S+ (?:SET DATA )?TYPE", "rewrites the table, and the version before reads it"),
    (r"SET NOT NULL", "the version before leaves the column out"),
    (r"ADD CONSTRAINT (?!.*NOT VALID)", "checks every row under a lock: add it NOT VALID"),
    (r"CREATE UNIQUE INDEX", "the version before may store what it forbids"),
    (r"LOCK TABLE|VACUUM FULL|CLUSTER|REINDEX (?!.*CONCURRENTLY)", "locks a table for long"),
)


def faults(migration: Sequence[str]) -> list[str]:
    """What in the statements of a migration would disturb servers of the version before."""
    found = []
    new = {match[1] for each in migration if (match := re.match(r"CREATE TABLE (\w+)", flat(each)))}
    own = "|".join(new) or "-"
    lowers = any("UPDATE schema_floor SET oldest" in each for each in migration)
    changed = False
    for statement in map(flat, migration):
        if re.match(rf"(?:CREATE|ALTER) .*\b(?:{own})\b", statement):
            changed = True
            continue
        if re.search(CONTRACTS, statement) and not lowers:
            found.append(f"takes away what a version still reads: {statement}")
        if re.search(r"ADD COLUMN .*NOT NULL", statement) and "DEFAULT" not in statement:
            found.append(f"the version before leaves the column out: {statement}")
        if re.match(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)", statement):
            found.append(f"keeps others from writing while it is built: {statement}")
        if "CONCURRENTLY" in statement and changed:
            found.append(f"comes after a change that a second attempt repeats: {statement}")
        found += [f"{why}: {statement}" for rule, why in FORBIDDEN if re.search(rule, statement)]
        changed |= statement.startswith("ALTER ")
    return found


def flat(statement: str) -> str:
    """On one line."""
    return " ".join(statement.split())


@pytest.mark.parametrize("number", range(2, int(HEAD) + 1))
def test_a_migration_disturbs_no_server_of_the_version_before(number: int) -> None:
    assert faults(statements(f"{number:04}")) == []


BAD = [
    "DROP TABLE duties;",
    "ALTER TABLE outbox DROP COLUMN url;",
    "ALTER TABLE outbox RENAME COLUMN url TO address;",
    "ALTER TABLE outbox RENAME TO deliveries;",
    "ALTER TABLE outbox ADD COLUMN kind TEXT NOT NULL;",
    "ALTER TABLE outbox ALTER COLUMN attempts TYPE BIGINT;",
    "ALTER TABLE outbox ALTER COLUMN url SET NOT NULL;",
    "ALTER TABLE outbox ADD CONSTRAINT few CHECK (attempts < 9);",
    "CREATE INDEX slow ON outbox (url);",
    "CREATE UNIQUE INDEX CONCURRENTLY one ON outbox (url);",
    "LOCK TABLE outbox;",
]


@pytest.mark.parametrize("statement", BAD)
def test_the_rules_find(statement: str) -> None:
    assert faults(["BEGIN;", statement, "COMMIT;"])


GOOD = [
    "ALTER TABLE outbox ADD COLUMN kind TEXT;",
    "ALTER TABLE outbox ADD COLUMN kind TEXT DEFAULT '' NOT NULL;",
    "CREATE INDEX CONCURRENTLY quick ON outbox (url);",
    "ALTER TABLE outbox ADD CONSTRAINT few CHECK (attempts < 9) NOT VALID;",
]


@pytest.mark.parametrize("statement", GOOD)
def test_the_rules_allow(statement: str) -> None:
    assert faults([statement]) == []


def test_an_index_of_a_table_that_is_made_with_it_needs_no_care() -> None:
    assert faults(["CREATE TABLE new (a TEXT);", "CREATE UNIQUE INDEX by_a ON new (a);"]) == []


def test_what_no_version_reads_any_more_goes_with_the_floor_raised() -> None:
    drop = "DROP TABLE duties;"
    assert faults([drop, "UPDATE schema_floor SET oldest = '0020';"]) == []


def test_an_index_online_comes_before_everything_else() -> None:
    index = "CREATE INDEX CONCURRENTLY quick ON outbox (url);"
    assert faults(["CREATE TABLE new (a TEXT);", "COMMIT;", index])


@pytest.mark.timeout(120)
async def test_an_upgrade_gives_way_to_a_server_that_holds_a_lock(postgres: PostgresServer) -> None:
    url = postgres.create_database("busy")
    await _to_0001(url)
    async with _Holder(url) as holder:
        upgraded = asyncio.create_task(asyncio.to_thread(upgrade, url))
        await holder.seen_waiting("idempotency_by_time")
        await holder.write()
        await holder.end()
        assert len(await upgraded) == int(HEAD) - 1
        valid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert await holder.connection.fetchval(valid) == 0


async def _to_0001(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    await _run(connection, statements("0001"))
    await connection.close(timeout=10)


async def _run(connection: asyncpg.Connection, migration: Iterable[str]) -> None:
    for statement in migration:
        await connection.execute(statement)


class _Holder:
    """Two connections of a server: one in a long transaction, one that goes on writing."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> _Holder:
        self.connection = await asyncpg.connect(self._url, timeout=10)
        self._long = await asyncpg.connect(self._url, timeout=10)
        await self._long.execute("BEGIN")
        await self._insert(self._long, "long")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._long.close(timeout=10)
        await self.connection.close(timeout=10)

    async def seen_waiting(self, name: str) -> None:
        """Wait until the statement about ``name`` waits for a lock."""
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1"
        )
        async with asyncio.timeout(30):
            while not await self.connection.fetchval(query, f"%{name}%"):
                await asyncio.sleep(0.02)

    async def write(self) -> None:
        """Write to the table whose index is built: nobody waits for the upgrade."""
        await self.connection.execute("SET lock_timeout = '1s'")
        await self._insert(self.connection, "other")

    async def end(self) -> None:
        """End the long transaction."""
        await self._long.execute("COMMIT")

    @staticmethod
    async def _insert(connection: asyncpg.Connection, key: str) -> None:
        await connection.execute("INSERT INTO idempotency VALUES ('acme', $1, 'r', 1)", key)
