"""``offhook erase`` against the real API: what is stored of a phone number goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.http_world import OPERATOR_KEY, RecordWorld, now, running_record_world

from offhook.cli import main
from offhook.session.ports.record import SessionFilter
from offhook.session.ports.recording import RecordingRecord, RecordingState

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
    assert (answer["sessions"], answer["requests"], answer["campaignTargets"]) == (5, 1, 0)
    assert (answer["recordingsElsewhere"], answer["left"]) == (0, [waits])
    found, _ = await world.store.sessions("acme_corp", SessionFilter(number=ERASED))
    assert [session.session_id for session in found] == [waits]
    await end(world, waits)
    assert await erase(world, "--number", ERASED) == 0
    assert len((await world.store.sessions("acme_corp"))[0]) == 1


async def test_recordings_of_other_machines_are_left_to_them_as_too_old(
    world: RecordWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    session_id = await place(world, ERASED)
    await end(world, session_id)
    record = RecordingRecord(
        recording_id="r1",
        session_id=session_id,
        sub_account_id="acme_corp",
        started_at=now(),
        state=RecordingState.WAITING,
        storage="of-another-machine",
        file_name="r1_start.mp3",
        next_at=now(),
    )
    await world.store.put_recording(record)
    assert await erase(world, "--number", ERASED) == 0
    assert json.loads(capsys.readouterr().out)["recordingsElsewhere"] == 1
    assert (await world.store.sessions("acme_corp"))[0] == []
    assert not await world.store.lease_recordings(record.storage, now(), lease=60, limit=5)
    long_ago = now() - timedelta(days=3650)
    (old,) = await world.store.old_recordings(record.storage, long_ago, limit=5)
    assert (old.recording_id, old.path) == (record.recording_id, record.path)


async def test_many_requests_are_looked_through_some_at_a_time(
    world: RecordWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stored bodies of refused requests: each answer comes soon, and the command tells how far it is."""
    monkeypatch.setattr("offhook.store.upkeep._REQUESTS_READ", 2)
    monkeypatch.setattr("offhook.store.upkeep._LOOKS", 2)
    for number in range(9):
        await place(world, "12025550177x" if number in (0, 8) else f"1202555{number}x")
    await end(world, await place(world, ERASED))
    capsys.readouterr()
    assert await erase(world, "--number", ERASED) == 0
    told = capsys.readouterr()
    answer = json.loads(told.out)
    assert (answer["sessions"], answer["requests"], answer["requestsLookedAt"]) == (1, 2, 9)
    assert told.err.splitlines() == [
        f"1 sessions are erased, {number} requests looked through" for number in (4, 8)
    ]
    assert await erase(world, "--number", ERASED) == 0
    assert json.loads(capsys.readouterr().out)["requests"] == 0


async def test_mistakes_are_told(world: RecordWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert await erase(world, "--number", "7") == 1
    assert "number" in capsys.readouterr().err
    words = ["erase", "--number", ERASED, "--admin-key", "wrong"]
    url = world.url("").partition("/api/")[0]
    assert await asyncio.to_thread(main, [*words, "--url", url]) == 1
    assert "--admin-key" in capsys.readouterr().err
