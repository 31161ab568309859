"""The opt-out list, over the real record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from tests.support.http_world import RecordWorld, running_record_world
from tests.support.stores import NOW

from offhook.session.ports.opt_out_lists import OptOut, OptOutWay


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


@pytest.fixture
async def client(world: RecordWorld) -> AsyncIterator[aiohttp.ClientSession]:
    async with world.client() as session:
        yield session


OK = {"statusCode": 0, "statusMessage": "ok"}


async def test_a_number_is_put_shown_listed_and_removed(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    url = world.url("opt-outs/") + quote("+65 9000-0001")
    async with client.put(url) as response:
        put = await response.json()
    assert put == {"number": "+6590000001", "way": "API", "timestamp": put["timestamp"], **OK}
    async with client.get(world.url("opt-outs/6590000001")) as response:
        assert await response.json() == put
    async with client.put(url) as response:
        assert await response.json() == put
    async with client.get(world.url("opt-outs")) as response:
        entry = {name: value for name, value in put.items() if not name.startswith("status")}
        assert await response.json() == {"optOuts": [entry], **OK}
    async with client.delete(url) as response:
        assert await response.json() == {**put, "statusMessage": "deleted"}
    for method in ("GET", "DELETE"):
        async with client.request(method, url) as response:
            assert response.status == 404


async def test_a_pressed_key_shows_its_session_and_pages_follow_each_other(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    for last in range(3):
        entry = OptOut(
            sub_account_id="acme_corp",
            number=f"+659000000{last}",
            at=NOW,
            way=OptOutWay.KEY,
            session_id="s",
        )
        await world.store.put_opt_out(entry)
    async with client.get(world.url("opt-outs"), params={"limit": 2}) as response:
        first = await response.json()
    assert first["optOuts"][0] == {
        "number": "+6590000002",
        "timestamp": "2026-07-03T05:59:32.226Z",
        "way": "KEY",
        "sessionId": "s",
    }
    params = {"limit": 2, "cursor": first["nextCursor"]}
    async with client.get(world.url("opt-outs"), params=params) as response:
        rest = await response.json()
    assert [each["number"] for each in rest["optOuts"]] == ["+6590000000"]
    assert "nextCursor" not in rest


async def test_other_sub_accounts_have_lists_of_their_own(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    entry = OptOut(sub_account_id="other_corp", number="+6590000001", at=NOW, way=OptOutWay.API)
    await world.store.put_opt_out(entry)
    async with client.get(world.url("opt-outs/+6590000001")) as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("method", "path", "params", "named"),
    [
        *((method, "opt-outs/12", {}, "number") for method in ("GET", "PUT", "DELETE")),
        ("PUT", "opt-outs/none", {}, "number"),
        ("PUT", "opt-outs/" + quote("+6590000001;+6590000002"), {}, "number"),
        ("PUT", "opt-outs/" + "6" * 65, {}, "number"),
        ("GET", "opt-outs", {"limit": "0"}, "limit"),
        ("GET", "opt-outs", {"limit": "201"}, "limit"),
        ("GET", "opt-outs", {"cursor": "?"}, "cursor"),
        ("GET", "opt-outs", {"cursor": "x" * 201}, "cursor"),
        ("GET", "opt-outs", {"number": "+6590000001"}, "number"),
    ],
)
async def test_bad_parameters_are_named(
    world: RecordWorld,
    client: aiohttp.ClientSession,
    method: str,
    path: str,
    params: dict[str, str],
    named: str,
) -> None:
    async with client.request(method, world.url(path), params=params) as response:
        answer = await response.json()
    assert (response.status, answer["code"]) == (422, 422)
    assert answer["message"].startswith(named)
