"""What the store does when the database, or the process that writes to it, goes away."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest
from tests.support.cutting_proxy import CuttingProxy
from tests.support.postgres import PostgresServer, postgres_server, programs
from tests.support.stores import (
    CONNECTED,
    NOW,
    accepted,
    ended,
    opened,
    request_for,
    running,
    start_all,
    waiting,
    webhook_entry,
)

from offhook.events import AnyEvent, SessionEnded
from offhook.session.ports.record import (
    NodeRole,
    SchemaMismatch,
    StoreUnavailable,
)
from offhook.session.ports.stores import Store
from offhook.session.session import Session
from offhook.store import open_store, upgrade
from offhook.store.postgres.pool import Pool
from offhook.store.postgres.store import PostgresStore
from offhook.store.sqlite.store import SqliteStore

ROOT = Path(__file__).parents[2]
SHORT = 0.5
"""Seconds that a call waits for the database in these tests."""


async def acknowledged_by_killed_writer(url: str, lines: int) -> list[str]:
    """Run the writer, kill it after so many lines; the ids it had acknowledged."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.store_writer", url),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{ROOT}/src:{ROOT}"},
    )
    assert process.stdout is not None
    found: list[str] = []
    async with asyncio.timeout(60):
        while len(found) < lines:
            found.append((await process.stdout.readline()).decode())
        process.send_signal(signal.SIGKILL)
        found += (await process.stdout.read()).decode().splitlines(keepends=True)
        await process.wait()
    return [line.removeprefix("acked ").strip() for line in found if line.endswith("\n")]


async def test_what_was_acknowledged_survives_kill_9(database_url: str) -> None:
    acked = await acknowledged_by_killed_writer(database_url, 300)
    async with opened(database_url) as store:
        stored = set()
        cursor: str | None = None
        while True:
            found, cursor = await store.sessions("acme_corp", cursor=cursor, limit=500)
            stored |= {session.session_id for session in found}
            if cursor is None:
                break
        assert len(acked) >= 300
        assert set(acked) <= stored
        for session_id in stored:
            assert len(await store.events(session_id)) == 1


class TestSqlite:
    async def test_a_lock_held_too_long_is_unavailable_and_writes_nothing(
        self, sqlite_url: str, tmp_path: Path
    ) -> None:
        store = SqliteStore(sqlite_url, timeout=SHORT)
        await store.open()
        blocker = sqlite3.connect(tmp_path / "offhook.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        session = waiting()
        with pytest.raises(StoreUnavailable):
            await store.accept(session, [], request_for(session))
        blocker.execute("ROLLBACK")
        blocker.close()
        (second,) = await accepted(store, waiting())
        assert (await store.sessions("acme_corp"))[0] == [second]
        await store.close()

    async def test_a_deleted_file_is_not_written_on(self, sqlite_url: str, tmp_path: Path) -> None:
        store = SqliteStore(sqlite_url, timeout=SHORT)
        await store.open()
        await accepted(store, waiting())
        for file in tmp_path.glob("offhook.db*"):
            file.unlink()
        with pytest.raises(StoreUnavailable):
            await accepted(store, waiting())
        upgrade(sqlite_url)
        (session,) = await accepted(store, waiting())
        await store.close()
        async with opened(sqlite_url) as again:
            assert (await again.sessions("acme_corp"))[0] == [session]

    async def test_a_full_queue_refuses(
        self, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("offhook.store.sqlite.writer._MOST_WAITING", 10)
        store = SqliteStore(sqlite_url, timeout=SHORT)
        await store.open()
        blocker = sqlite3.connect(tmp_path / "offhook.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        calls = [accepted(store, waiting()) for _ in range(30)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(each) for each in results] == [StoreUnavailable] * 30
        assert sum("too many" in str(each) for each in results) == 20
        blocker.close()
        await store.close()

    async def test_what_waits_at_the_close_is_written(self, sqlite_url: str) -> None:
        store = open_store(sqlite_url)
        await store.open()
        calls = [asyncio.ensure_future(accepted(store, waiting())) for _ in range(30)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*calls)
        with pytest.raises(StoreUnavailable):
            await accepted(store, waiting())


class TestPostgres:
    async def test_an_outage_is_unavailable_and_passes(self) -> None:
        if programs() is None:
            pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
        with postgres_server() as server:
            url = server.create_database("offhook")
            await asyncio.to_thread(upgrade, url)
            store = PostgresStore(url, timeout=SHORT)
            await store.open()
            node = await store.register_node("n1", NodeRole.VOICE, NOW)
            (session,) = await running(store, node)
            await asyncio.to_thread(server.stop, signal.SIGQUIT)
            await self._everything_is_unavailable(store)
            await asyncio.to_thread(server.start)
            await accepted(store, waiting())
            await store.save(node, ended(session), [CONNECTED])
            assert len((await store.sessions("acme_corp"))[0]) == 2
            await store.close()

    async def _everything_is_unavailable(self, store: Store) -> None:
        calls = [
            accepted(store, waiting()),
            store.record_request(request_for()),
            store.session("acme_corp", "x"),
            store.register_node("n2", NodeRole.VOICE, NOW),
            store.lease_deliveries("w", NOW, lease=1, limit=1),
        ]
        async with asyncio.timeout(60):
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(each) for each in results] == [StoreUnavailable] * 5

    async def test_an_empty_database_is_refused_with_the_command_to_run(
        self, postgres: PostgresServer
    ) -> None:
        store = open_store(postgres.create_database("empty"))
        with pytest.raises(SchemaMismatch, match="offhook db upgrade"):
            await store.open()

    async def test_no_server_is_unavailable(self) -> None:
        store = open_store("postgresql://offhook@127.0.0.1:1/offhook")
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1, .*: Connection refused"):
            await store.open()

    async def test_a_save_whose_answer_was_lost_may_be_made_again(self, postgres_url: str) -> None:
        async with opened(postgres_url) as store:
            node = await store.register_node("n1", NodeRole.VOICE, NOW)
            (session,) = await running(store, node)
            steps: list[tuple[Session, AnyEvent]] = [
                (msgspec.structs.replace(session, last_action="SAY"), CONNECTED),
                (ended(session), SessionEnded(at=NOW, status="COMPLETED")),
            ]
            for step, event in steps:
                for _ in range(2):
                    await store.save(node, step, [event], [webhook_entry(session=session)])
            stored = [event for _, event in await store.events(session.session_id, after=2)]
            assert stored == [event for _, event in steps]
            assert len(await store.deliveries(session.session_id)) == 2

    async def test_what_was_done_counts_when_the_connection_breaks_right_after(
        self, postgres_url: str
    ) -> None:
        """A connection is cleaned up after its use; that may fail, and changes nothing any more."""
        parts = urlsplit(postgres_url)
        assert parts.port is not None
        async with CuttingProxy(parts.port) as proxy:
            place = parts.netloc.replace(str(parts.port), str(proxy.port))
            pool = Pool(parts._replace(netloc=place).geturl(), timeout=SHORT)
            await pool.open()
            proxy.lose_answer_to(b"pg_advisory_unlock_all")
            async with pool.connection() as connection:
                done = await connection.fetchval("SELECT 7")
            assert (done, proxy.lost_answers) == (7, 1)
            async with pool.connection() as connection:
                assert await connection.fetchval("SELECT 8") == 8
            await pool.close()

    @pytest.mark.parametrize("committed", [True, False])
    async def test_a_claim_whose_commit_was_not_answered_is_settled_by_the_next(
        self, postgres_url: str, monkeypatch: pytest.MonkeyPatch, committed: bool
    ) -> None:
        async with opened(postgres_url) as store:
            node = await store.register_node("n1", NodeRole.VOICE, NOW)
            (session,) = await accepted(store, waiting())
            kind = asyncpg.transaction.Transaction
            finish = getattr(kind, f"_Transaction__{'commit' if committed else 'rollback'}")

            async def lose(transaction: asyncpg.transaction.Transaction) -> None:
                await finish(transaction)
                raise ConnectionResetError

            with monkeypatch.context() as broken:
                broken.setattr(asyncpg.transaction.Transaction, "_Transaction__commit", lose)
                with pytest.raises(StoreUnavailable):
                    await store.claim(node, start_all, NOW, limit=5)
            (decision,) = await store.claim(node, start_all, NOW, limit=5)
            assert await store.session("acme_corp", session.session_id) == decision.session
            assert await store.claim(node, start_all, NOW, limit=5) == []
