"""A dump of PostgreSQL is restored: after ``offhook db restored`` nothing is dialled twice."""

from __future__ import annotations

import asyncio
import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.postgres import PostgresServer, programs
from tests.support.stores import NOW, accepted, opened, start_all, waiting

from offhook.cli import main
from offhook.clock import SystemClock
from offhook.codes import RuntimeCode, SessionStatus
from offhook.session.ports.record import NodeRole, SessionFilter


def restore(server: PostgresServer, source: str, name: str) -> str:
    """Dump a database with pg_dump and restore it as another one; its URL."""
    folder = programs()
    assert folder is not None
    dumped = subprocess.run(
        [folder / "pg_dump", "--format=custom", source], capture_output=True, check=True, timeout=60
    )
    target = server.create_database(name)
    subprocess.run(
        [folder / "pg_restore", "--exit-on-error", "--no-owner", "--dbname", target],
        input=dumped.stdout,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return target


async def restored(folder: Path, url: str) -> int:
    path = folder / "offhook.toml"
    path.write_text(f'[database]\nurl = "{url}"\n')
    return await asyncio.to_thread(main, ["db", "restored", "--config", str(path), "--json"])


async def test_a_restored_dump_dials_nothing_that_waited(
    tmp_path: Path,
    postgres: PostgresServer,
    postgres_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with opened(postgres_url) as store:
        sessions = await accepted(store, *(waiting() for _ in range(3)))
        target = await asyncio.to_thread(restore, postgres, postgres_url, "restored")
        assert await restored(tmp_path, target) == 0
        assert json.loads(capsys.readouterr().out) == {"sessions": 3, "campaigns": 0}
        node = await store.register_node("n1", NodeRole.VOICE, NOW)
        assert len(await store.claim(node, start_all, NOW, limit=10)) == 3  # the old one goes on
    async with opened(target) as copy:
        node = await copy.register_node("n1", NodeRole.VOICE, NOW)
        assert await copy.claim(node, start_all, NOW, limit=10) == []
        found, _ = await copy.every_session(SessionFilter(status=SessionStatus.ERROR))
        assert {one.session_id for one in found} == {one.session_id for one in sessions}
        assert {one.error.code for one in found if one.error} == {RuntimeCode.INTERNAL}


async def test_a_database_that_a_server_uses_is_left_alone(
    tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(postgres_url) as store:
        await accepted(store, waiting())
        # As one that goes on beating: the command looks twice, since a fresh dump holds heartbeats too.
        soon = SystemClock().now() + timedelta(minutes=1)
        await store.register_node("machine/0", NodeRole.VOICE, soon)
        assert await restored(tmp_path, postgres_url) == 1
        found, _ = await store.every_session(SessionFilter(status=SessionStatus.QUEUED))
    assert "machine/0 uses this database: stop it first" in capsys.readouterr().err
    assert len(found) == 1
