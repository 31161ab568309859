"""What the databases are asked for, so that what was acknowledged is durable and in one hand only."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest
from tests.support.stores import NOW, accepted, opened, request_for, running, waiting

from offhook.session.ports.record import IdempotencyConflict, Node, NodeRole, StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.store import upgrade
from offhook.store.postgres.batch import Batcher
from offhook.store.postgres.hot import SQL
from offhook.store.postgres.pool import Pool, columns
from offhook.store.sqlite.readers import Readers
from offhook.store.sqlite.store import SqliteStore
from offhook.store.sqlite.writer import RESOLVED_AT_ONCE, Writer

SHORT = 0.3
BEGINS = 1.0
"""Seconds in which a busy machine begins a transaction."""
FULL = 2
"""``PRAGMA synchronous``: the file is on the disk before a commit returns."""


def int_of(connection: sqlite3.Connection) -> int:
    """A statement that costs nothing."""
    return int(connection.execute("SELECT 1").fetchone()[0])


class TestSqlite:
    async def test_a_writer_opens_the_file_while_another_process_has_the_whole_of_it(
        self, sqlite_url: str
    ) -> None:
        """So it is for a moment when the first connection repairs the log, or the last one closes."""
        path = Path(sqlite_url.removeprefix("sqlite:///"))
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE held (it)")
        other.execute("COMMIT")
        with (
            closing(sqlite3.connect(path, timeout=0)) as third,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            third.execute("SELECT * FROM held")
        release = threading.Timer(SHORT, other.close)
        release.start()
        writer = Writer(path)
        writer.start()
        assert await writer.transact(int_of) == 1
        await writer.close()
        release.join()

    async def test_a_commit_waits_for_the_disk(self, sqlite_url: str) -> None:
        writer = Writer(Path(sqlite_url.removeprefix("sqlite:///")))
        writer.start()
        row = await writer.transact(lambda c: c.execute("PRAGMA synchronous").fetchone())
        await writer.close()
        assert row[0] == FULL

    async def test_callers_of_one_transaction_go_on_a_few_in_each_turn_of_the_loop(
        self, sqlite_url: str
    ) -> None:
        """After a disk that was slow hundreds go on at once, and calls must be served meanwhile."""
        writer = Writer(Path(sqlite_url.removeprefix("sqlite:///")))
        writer.start()
        blocked, release = threading.Event(), threading.Event()

        def hold(connection: sqlite3.Connection) -> None:
            blocked.set()
            release.wait(30)

        first = asyncio.ensure_future(writer.transact(hold))
        await asyncio.to_thread(blocked.wait, 30)
        together = [asyncio.ensure_future(writer.transact(int_of)) for _ in range(100)]
        await asyncio.sleep(0)
        release.set()
        await first
        done = [0]
        while done[-1] < 100:
            await asyncio.sleep(0)
            done.append(sum(one.done() for one in together))
        await writer.close()
        in_a_turn = max(after - before for before, after in pairwise(done))
        assert in_a_turn <= 2 * RESOLVED_AT_ONCE, "a look can see the end of two turns"

    async def test_an_accept_that_is_being_written_is_waited_for(self, sqlite_url: str) -> None:
        store = SqliteStore(sqlite_url, timeout=BEGINS)
        await store.open()
        session = waiting()
        blocked, release, late = threading.Event(), threading.Event(), threading.Event()

        def hold(connection: sqlite3.Connection) -> None:
            blocked.set()
            release.wait(30)

        def slowly(connection: sqlite3.Connection) -> None:
            late.wait(30)

        first = asyncio.ensure_future(store._writer.transact(hold))
        await asyncio.to_thread(blocked.wait, 30)
        slow = asyncio.ensure_future(store._writer.transact(slowly))
        accepting = asyncio.ensure_future(store.accept(session, [], request_for(session)))
        await asyncio.sleep(0)  # both are queued, and share the next transaction
        asyncio.get_running_loop().call_later(1.2 * BEGINS, late.set)
        release.set()
        await first
        request = await accepting
        await slow
        assert request.session_id == session.session_id
        assert await store.session("acme_corp", session.session_id) == session
        await store.close()

    async def test_an_accept_whose_caller_gave_up_is_not_written(self, sqlite_url: str) -> None:
        store = SqliteStore(sqlite_url, timeout=SHORT)
        await store.open()
        blocked, release = threading.Event(), threading.Event()

        def hold(connection: sqlite3.Connection) -> None:
            blocked.set()
            release.wait(30)

        first = asyncio.ensure_future(store._writer.transact(hold))
        await asyncio.to_thread(blocked.wait, 30)
        late = waiting()
        with pytest.raises(StoreUnavailable):
            await store.accept(late, [], request_for(late))
        release.set()
        await first
        (stored,) = await accepted(store, waiting())
        assert (await store.sessions("acme_corp"))[0] == [stored]
        await store.close()

    async def test_a_slow_read_keeps_no_other_waiting(self, sqlite_url: str) -> None:
        readers = Readers(Path(sqlite_url.removeprefix("sqlite:///")), timeout=30)
        begun, release = threading.Event(), threading.Event()

        def slowly(_connection: sqlite3.Connection) -> bool:
            begun.set()
            return release.wait(30)

        slow = asyncio.ensure_future(readers.run(slowly))
        await asyncio.to_thread(begun.wait, 30)
        rows = await readers.run(lambda c: c.execute("SELECT count(*) FROM sessions").fetchall())
        assert rows[0][0] == 0
        assert not slow.done()
        release.set()
        assert await slow
        await readers.close()

    async def test_a_replaced_file_is_read_afresh(self, sqlite_url: str, tmp_path: Path) -> None:
        async with opened(sqlite_url) as store:
            await accepted(store, waiting())
            assert len((await store.sessions("acme_corp"))[0]) == 1
            for file in tmp_path.glob("offhook.db*"):
                file.rename(tmp_path / f"away-{file.name}")
            with pytest.raises(StoreUnavailable, match=r"offhook\.db"):
                await store.sessions("acme_corp")
            upgrade(sqlite_url)
            assert (await store.sessions("acme_corp"))[0] == []

    async def test_its_files_are_the_owners_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "offhook.db"
        async with opened(f"sqlite:///{path}") as store:
            await accepted(store, waiting())
            files = list(path.parent.iterdir())
            assert {file.name for file in files} == {
                "offhook.db",
                "offhook.db-wal",
                "offhook.db-shm",
            }
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        for folder in (path.parent, path.parent.parent):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_files_that_others_could_read_are_closed_to_them(self, sqlite_url: str) -> None:
        path = Path(sqlite_url.removeprefix("sqlite:///"))
        path.chmod(0o644)
        upgrade(sqlite_url)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


class TestPostgres:
    @pytest.mark.parametrize("statement", ["save", "node_epoch"])
    async def test_a_new_epoch_waits_for_the_old_ones_writes(
        self, postgres_url: str, statement: str
    ) -> None:
        async with opened(postgres_url) as store:
            node = await store.register_node("n1", NodeRole.VOICE, NOW)
            (session,) = await running(store, node)
            connection = await asyncpg.connect(postgres_url, timeout=10)
            try:
                writing = connection.transaction()
                await writing.start()
                if statement == "save":
                    row = (session.session_id, "n1", node.epoch, "RUNNING", "[]", 0, "{}")
                    empty = [*columns([], 3), *columns([], 14), *columns([], 4), *columns([], 12)]
                    saved = await connection.fetch(SQL["save"], *columns([row], 7), *empty)
                    assert len(saved) == 1
                else:
                    await connection.fetch(SQL["node_epoch"], "n1")
                registering = asyncio.ensure_future(store.register_node("n1", NodeRole.VOICE, NOW))
                await self._waits_for_a_lock(postgres_url, registering)
                assert not registering.done()
                await writing.commit()
                assert (await registering).epoch == node.epoch + 1
            finally:
                connection.terminate()

    async def _waits_for_a_lock(self, url: str, task: asyncio.Task[Node]) -> None:
        """Until another connection waits for a lock, or the task is done."""
        watcher = await asyncpg.connect(url, timeout=10)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        async with asyncio.timeout(20):
            while not task.done() and not await watcher.fetchval(waiting):
                await asyncio.sleep(0.01)
        await watcher.close()

    async def test_a_call_in_a_batch_under_way_is_waited_for(self, postgres_url: str) -> None:
        pool = Pool(postgres_url)
        await pool.open()

        late = asyncio.Event()

        async def slowly(
            connection: asyncpg.Connection, items: Sequence[int]
        ) -> Sequence[int | Exception]:
            await late.wait()
            return items

        batcher: Batcher[int, int] = Batcher(pool, slowly, timeout=BEGINS)
        batcher.start()
        submitted = asyncio.ensure_future(batcher.submit(7))
        await asyncio.sleep(0)  # its time runs
        asyncio.get_running_loop().call_later(1.2 * BEGINS, late.set)
        assert await submitted == 7
        await batcher.close()
        await pool.close()

    async def test_a_call_whose_caller_gave_up_is_not_run(self, postgres_url: str) -> None:
        pool = Pool(postgres_url)
        await pool.open()
        ran: list[int] = []
        begun, release = asyncio.Event(), asyncio.Event()

        async def held(
            connection: asyncpg.Connection, items: Sequence[int]
        ) -> Sequence[int | Exception]:
            ran.extend(items)
            begun.set()
            await release.wait()
            return items

        batcher: Batcher[int, int] = Batcher(pool, held, timeout=SHORT)
        batcher.start()
        first = asyncio.ensure_future(batcher.submit(1))
        await begun.wait()
        with pytest.raises(StoreUnavailable):
            await batcher.submit(2)
        release.set()
        assert await first == 1
        assert await batcher.submit(3) == 3
        assert ran == [1, 3]
        await batcher.close()
        await pool.close()

    async def test_no_server_is_named_in_one_line_without_the_password(self) -> None:
        store = Pool("postgresql://offhook:s3cret@127.0.0.1:1/calls")
        with pytest.raises(StoreUnavailable) as refused:
            await store.open()
        text = str(refused.value)
        assert text.startswith("PostgreSQL at 127.0.0.1:1, database calls: ")
        assert len(text.splitlines()) == 1
        assert "s3cret" not in text
        assert not text.endswith(": ")


async def test_the_same_key_with_another_body_of_the_same_length(store: Store) -> None:
    first, second = request_for(key="k", body=b'{"a":1}'), request_for(key="k", body=b'{"a":2}')
    await store.record_request(first)
    with pytest.raises(IdempotencyConflict):
        await store.record_request(second)
