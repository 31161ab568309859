"""Retention deletes in small transactions, so that nothing waits long for the write lock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Executable
from tests.support.stores import NOW, ended, opened, request_for, start_all, waiting

from offhook.session.ports.record import NodeRole
from offhook.session.ports.stores import Store
from offhook.store.core import SqlStore
from offhook.store.statements import Rows


async def test_a_purge_deletes_a_chunk_in_each_transaction(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.store.upkeep._PURGE_CHUNK", 3)
    monkeypatch.setattr("offhook.store.upkeep._PURGE_SESSIONS", 2)
    async with opened(database_url) as store:
        assert isinstance(store, SqlStore)
        node = await store.register_node("n1", NodeRole.VOICE, NOW)
        old = [waiting(created_at=NOW - timedelta(days=91)) for _ in range(5)]
        for number, session in enumerate(old):
            request = request_for(session, at=session.created_at, key=f"k{number}")
            await store.accept(session, [], request)
        for decision in await store.claim(node, start_all, NOW, limit=5):
            await store.save(node, ended(decision.session))
        deleted: list[int] = []
        write = store._write

        async def noted(*statements: Executable) -> Sequence[Rows]:
            rows = await write(*statements)
            deleted.append(len(rows[0]) if len(statements) == 1 else 2)
            return rows

        monkeypatch.setattr(store, "_write", noted)
        assert await store.purge(NOW) == 10
        assert (await store.sessions("acme_corp"))[0] == []
        assert max(deleted) == 3
        assert sum(deleted) >= 5 + 5 + 5


async def test_a_purge_rests_three_times_as_long_as_it_writes(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.store.upkeep._PURGE_SESSIONS", 1)
    async with opened(database_url) as store:
        assert isinstance(store, SqlStore)
        node = await store.register_node("n1", NodeRole.VOICE, NOW)
        for _ in range(4):
            old = waiting(created_at=NOW - timedelta(days=91))
            await store.accept(old, [], request_for(old))
        for decision in await store.claim(node, start_all, NOW, limit=4):
            await store.save(node, ended(decision.session))
        write = store._write
        times: list[tuple[float, float]] = []

        async def slow(*statements: Executable) -> Sequence[Rows]:
            began = time.monotonic()
            await asyncio.sleep(0.02)
            rows = await write(*statements)
            if len(statements) > 1:
                times.append((began, time.monotonic()))
            return rows

        monkeypatch.setattr(store, "_write", slow)
        await store.purge(NOW)
        assert len(times) >= 4
        for (began, over), (following, _) in pairwise(times[:4]):
            assert following - over >= 3 * (over - began) * 0.99


@pytest.mark.parametrize(
    ("days", "seconds", "kept"),
    [(30, 0, True), (30, 1, False)],
)
async def test_a_request_is_kept_for_30_days(
    store: Store, days: int, seconds: int, kept: bool
) -> None:
    request = request_for(at=NOW - timedelta(days=days, seconds=seconds))
    await store.record_request(request)
    await store.purge(NOW)
    found = await store.request("acme_corp", request.call_flow_request_id)
    assert (found is not None) is kept


@pytest.mark.parametrize(("seconds", "kept"), [(0, True), (1, False)])
async def test_a_session_is_kept_for_90_days(store: Store, seconds: int, kept: bool) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    session = waiting(created_at=NOW - timedelta(days=90, seconds=seconds))
    await store.accept(session, [], request_for(session))
    (decision,) = await store.claim(node, start_all, NOW, limit=1)
    await store.save(node, ended(decision.session))
    await store.purge(NOW)
    assert (await store.session("acme_corp", session.session_id) is not None) is kept
