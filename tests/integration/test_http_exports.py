"""Exports over HTTP, made by the real exporting process."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import msgspec
import pytest
from tests.support.http_world import KEY, OTHER_KEY, RecordWorld, running_record_world
from tests.support.stores import leg, waiting

from offhook import config
from offhook.clock import SystemClock
from offhook.codes import CallStatus, SessionStatus
from offhook.http.resources.message_exports import MOST_WAITING
from offhook.processes.export_keeper import ExportKeeper
from offhook.reporting.export_rows import COLUMNS
from offhook.session.ports.record import NodeRole
from offhook.session.ports.stores import Store

VENDOR = json.loads((Path(__file__).parents[1] / "support" / "vendor_schemas.json").read_text())
"""Schemas of the vendor's published document, by method, path and status."""
NOW = datetime.now(UTC)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


async def ask(
    world: RecordWorld, method: str, path: str, body: object = None, key: str = KEY
) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body)
    async with (
        world.client(key) as client,
        client.request(method, world.url(path), data=data) as response,
    ):
        text = await response.text()
        return response.status, json.loads(text) if text else None


async def fill(store: Store, count: int = 1) -> list[str]:
    """Sessions with a call each, the newest first."""
    node = await store.register_node("n", NodeRole.VOICE, NOW)
    ids = []
    for number in range(count):
        at = NOW - timedelta(seconds=count - number)
        session = waiting(created_at=at)
        await store.start(node, msgspec.structs.replace(session, status=SessionStatus.RUNNING), ())
        call = msgspec.structs.replace(leg(), status=CallStatus.BUSY, initiated_at=at)
        ended = msgspec.structs.replace(session, status=SessionStatus.BUSY, legs=(call,))
        await store.save(node, ended)
        ids.append(session.session_id)
    return ids[::-1]


def keeper(world: RecordWorld, tmp_path: Path) -> ExportKeeper:
    settings = msgspec.structs.replace(
        world.deps.config, database=config.Database(url=f"sqlite:///{tmp_path}/offhook.db")
    )
    return ExportKeeper(world.store, SystemClock(), lambda: settings)


async def ended(world: RecordWorld, job: str) -> Any:
    """The job once it has ended."""
    async with asyncio.timeout(60):
        while True:
            _, shown = await ask(world, "GET", f"messages/exports/{job}")
            if shown["status"] not in ("queued", "running"):
                return shown
            await asyncio.sleep(0.1)


async def download(link: str) -> tuple[aiohttp.ClientResponse, bytes]:
    """As a browser does: with the link alone."""
    async with aiohttp.ClientSession() as client, client.get(link) as response:
        return response, await response.read()


async def test_an_export_from_the_request_to_the_file(world: RecordWorld, tmp_path: Path) -> None:
    ids = await fill(world.store, 3)
    status, answer = await ask(world, "POST", "messages/exports")
    assert status == 202
    assert set(answer) == {"jobId"}
    job = answer["jobId"]
    shown = (await ask(world, "GET", f"messages/exports/{job}"))[1]
    assert shown == {"status": "queued", "rows": 0}
    keeping = asyncio.create_task(keeper(world, tmp_path).run())
    shown = await ended(world, job)
    keeping.cancel()
    assert (shown["status"], shown["rows"]) == ("succeeded", 3)
    days = datetime.fromisoformat(shown["expires"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < days < timedelta(days=30)
    (link,) = shown["data"]
    assert link.startswith(world.url("messages/download/"))
    response, body = await download(link)
    assert response.headers["content-type"].startswith("text/csv")
    assert "attachment" in response.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [row[0] for row in rows[1:]] == ids
    assert (await ask(world, "DELETE", f"messages/exports/{job}")) == (204, None)
    assert (await download(link))[0].status == 200
    assert (await download(link[:-1] + "z"))[0].status == 404
    assert (await download(link + ".1"))[0].status == 404


async def test_a_killed_exporting_process_is_replaced_and_loses_no_row(
    world: RecordWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await fill(world.store, 30)
    _, answer = await ask(world, "POST", "messages/exports")
    keeping = keeper(world, tmp_path)
    task = asyncio.create_task(keeping.run())
    async with asyncio.timeout(30):
        while keeping.process is None:
            await asyncio.sleep(0.01)
    first = keeping.process
    first.send_signal(signal.SIGKILL)
    shown = await ended(world, answer["jobId"])
    task.cancel()
    assert first.returncode == -signal.SIGKILL
    assert (shown["status"], shown["rows"]) == ("succeeded", 30)
    _, body = await download(shown["data"][0])
    rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
    assert [row[0] for row in rows[1:]] == ids


async def test_a_job_is_cancelled_with_204(world: RecordWorld) -> None:
    _, answer = await ask(world, "POST", "messages/exports", {})
    path = f"messages/exports/{answer['jobId']}"
    assert await ask(world, "DELETE", path, key=OTHER_KEY) != (204, None)
    assert await ask(world, "DELETE", path) == (204, None)
    assert (await ask(world, "GET", path))[1]["status"] == "cancelled"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("job", ["none", "0" * 64, "%00", "a" * 200])
async def test_an_unknown_job_is_4018(world: RecordWorld, method: str, job: str) -> None:
    status, answer = await ask(world, method, f"messages/exports/{job}")
    if len(job) > 128:
        assert (status, answer["code"]) == (422, 422)
        return
    assert (status, answer["code"], answer["message"]) == (404, 4018, "Invalid jobId")
    assert set(answer) >= {"errorId", "timestamp", "statusCode", "statusMessage"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"from": "2026-11-01T25:00:00"}, "from"),
        ({"from": "2026-W01-1"}, "from"),
        ({"from": 20261101}, "from"),
        ({"from": ""}, "from"),
        ({"to": "1h"}, "to"),
        ({"to": "2026-11-01T00:00:00+99:00"}, "to"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "from"),
        ({"from": "2999-01-01"}, "from"),
        ({"from": "2026-11-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}, "from"),
        ({"phoneNumber": "alice"}, "phoneNumber"),
        ({"phoneNumber": ""}, "phoneNumber"),
        ({"phoneNumber": 65}, "phoneNumber"),
        ({"limit": -1}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"limit": 10**12}, "limit"),
        ({"format": "xlsx"}, "format"),
        ([], "body"),
    ],
)
async def test_a_bad_parameter_is_named(world: RecordWorld, body: object, named: str) -> None:
    status, answer = await ask(world, "POST", "messages/exports", body)
    assert (status, answer["message"].partition(":")[0]) == (422, named)


async def test_what_is_no_json_is_refused(world: RecordWorld) -> None:
    async with (
        world.client() as client,
        client.post(world.url("messages/exports"), data=b"{") as response,
    ):
        assert response.status == 400


@pytest.mark.parametrize(
    ("from_", "to", "since", "until"),
    [
        ("2020-07-01", "2020-07-01", "2020-07-01T00:00:00", "2020-07-02T00:00:00"),
        ("2020-07-01T13:00:00", "2020-07-02", "2020-07-01T13:00:00", "2020-07-03T00:00:00"),
        (
            "2020-07-01T13:00:00+07:00",
            "2020-07-01T13:00:00Z",
            "2020-07-01T06:00:00",
            "2020-07-01T13:00:00",
        ),
        (
            "2020-07-01T13:00:00.5-0200",
            "2020-07-02T00:00:00",
            "2020-07-01T15:00:00.500000",
            "2020-07-02T00:00:00",
        ),
    ],
)
async def test_times_without_an_offset_are_utc_and_a_last_day_is_whole(
    world: RecordWorld, from_: str, to: str, since: str, until: str
) -> None:
    body = {"from": from_, "to": to, "phoneNumber": "00 65 1234 1234", "limit": 7}
    _, answer = await ask(world, "POST", "messages/exports", body)
    job = await world.store.export("acme_corp", answer["jobId"])
    assert job is not None
    assert job.request.since.replace(tzinfo=None).isoformat() == since
    assert job.request.until.replace(tzinfo=None).isoformat() == until
    assert (job.request.number, job.request.limit) == ("+6512341234", 7)


async def test_the_default_is_the_last_seven_days(world: RecordWorld) -> None:
    _, answer = await ask(world, "POST", "messages/exports", {"limit": 0, "to": None})
    job = await world.store.export("acme_corp", answer["jobId"])
    assert job is not None
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert job.request.since == midnight - timedelta(days=7)
    assert abs(job.request.until - datetime.now(UTC)) < timedelta(minutes=1)


async def test_the_exports_of_a_sub_account_are_bounded(world: RecordWorld) -> None:
    for _ in range(MOST_WAITING):
        assert (await ask(world, "POST", "messages/exports"))[0] == 202
    status, answer = await ask(world, "POST", "messages/exports")
    assert (status, answer["code"]) == (429, 429)


async def test_answers_fit_the_vendors_document(world: RecordWorld) -> None:
    _, answer = await ask(world, "POST", "messages/exports")
    jsonschema.validate(answer, VENDOR["POST messages/exports 202"])
    _, answer = await ask(world, "GET", f"messages/exports/{answer['jobId']}")
    jsonschema.validate(answer, VENDOR["GET messages/exports/{jobId} 200"])
