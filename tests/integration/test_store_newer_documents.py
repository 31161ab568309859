"""What a newer version has stored and this one cannot read disturbs nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import asyncpg
import pytest
from tests.support.stores import NOW, accepted, opened, running, seconds, start_all, waiting

from offhook.events import SessionStarted
from offhook.session.ports.record import Node, NodeRole
from offhook.session.ports.stores import Store
from offhook.session.session import Session
from offhook.store.database_urls import is_sqlite, sqlite_path


def changed(word: str, session: Session) -> str:
    """The part of a statement that makes ``word`` in documents of the session one that is not known."""
    return (
        f"SET document = replace(document, '{word}', '{word}Newly')"
        f" WHERE session_id = '{session.session_id}'"
    )


async def change(url: str, statement: str) -> None:
    """Run one statement as a newer version might."""
    if is_sqlite(url):
        with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as connection:
            connection.execute(statement)
        return
    server = await asyncpg.connect(url, timeout=10)
    await server.execute(statement)
    await server.close(timeout=10)


async def newer(url: str, session: Session) -> None:
    """Give the session an action that this version does not know."""
    await change(url, "UPDATE sessions " + changed('"say', session))


async def claimed(store: Store, node: Node, limit: int) -> list[str]:
    decisions = await store.claim(node, start_all, NOW + seconds(1), limit=limit)
    return [decision.session.session_id for decision in decisions]


async def test_a_session_of_a_newer_version_waits_for_it_and_hides_no_other(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(database_url) as store:
        node = await store.register_node("n1", NodeRole.VOICE, NOW)
        sessions = await accepted(store, *(waiting() for _ in range(6)))
        for session in sessions[:4]:
            await newer(database_url, session)
        found = [each for _ in range(8) for each in await claimed(store, node, 2)]
        assert sorted(found) == sorted(session.session_id for session in sessions[4:])
        assert len([line for line in caplog.messages if "newer version" in line]) == 4
        await change(database_url, "UPDATE sessions SET document = replace(document, 'Newly', '')")
        found = [each for _ in range(8) for each in await claimed(store, node, 2)]
        assert sorted(found) == sorted(session.session_id for session in sessions[:4])


async def test_an_orphan_of_a_newer_version_is_left_to_it(database_url: str) -> None:
    async with opened(database_url) as store:
        node = await store.register_node("n1", NodeRole.VOICE, NOW)
        sessions = await running(store, node, 2)
        await newer(database_url, sessions[0])
        await store.register_node("n1", NodeRole.VOICE, NOW)
        found = await store.orphans()
        assert [each.session_id for each in found] == [sessions[1].session_id]


async def test_events_of_a_newer_version_are_left_out_of_a_timeline(database_url: str) -> None:
    async with opened(database_url) as store:
        node = await store.register_node("n1", NodeRole.VOICE, NOW)
        (session,) = await running(store, node)
        await change(database_url, "UPDATE events " + changed('"SESSION_QUEUED', session))
        found = await store.events(session.session_id)
        assert [type(event) for _, event in found] == [SessionStarted]
