"""``offhook erase`` against the real API: what is stored of a phone number goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.http_world import OPERATOR_KEY, RecordWorld, now, running_record_world

from offhook.cli import main
from offhook.session.ports.record import SessionFilter

ERASED, OTHER = "+12025550177", "+12025550102"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


async def erase(world: RecordWorld, *words: str) -> int:
    where = ("--url", world.url("").partition("/api/")[0], "--subaccount", "acme_corp", "--json")
    key = ("--admin-key", OPERATOR_KEY)
    return await asyncio.to_thread(main, ["erase", *words, *where, *key])


async def place(world: RecordWorld, destination: str) -> str:
    action = {
        "action": "makeCall",
        "params": {"source": "+6512341234", "destination": destination},
    }
    async with (
        world.client() as client,
        client.post(world.url("callflows"), json={"callflow": [action]}) as response,
    ):
        return str((await response.json()).get("sessionId"))


async def end(world: RecordWorld, session_id: str) -> None:
    session = await world.store.session("acme_corp", session_id)
    assert session is not None
    owner = world.deps.directory.sub_accounts()[0]
    ended, events, _ = world.deps.cancel(session, owner, now())
    assert await world.store.cancel_queued(ended, events, [])


async def test_all_pages_are_erased_and_what_is_needed_stays(
    world: RecordWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.http.resources.erasures.AT_ONCE", 2)
    for _ in range(5):
        await end(world, await place(world, ERASED))
    waits = await place(world, ERASED)
    await place(world, OTHER)
    await place(world, "12025550177x")  # refused, but its body is stored
    capsys.readouterr()
    assert await erase(world, "--number", ERASED) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"sessions": 5, "requests": 1, "campaignTargets": 0, "left": [waits]}
    found, _ = await world.store.sessions("acme_corp", SessionFilter(number=ERASED))
    assert [session.session_id for session in found] == [waits]
    await end(world, waits)
    assert await erase(world, "--number", ERASED) == 0
    assert len((await world.store.sessions("acme_corp"))[0]) == 1


async def test_mistakes_are_told(world: RecordWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert await erase(world, "--number", "7") == 1
    assert "number" in capsys.readouterr().err
    words = ["erase", "--number", ERASED, "--admin-key", "wrong"]
    url = world.url("").partition("/api/")[0]
    assert await asyncio.to_thread(main, [*words, "--url", url]) == 1
    assert "--admin-key" in capsys.readouterr().err
