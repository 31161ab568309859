"""Stored menus and the media library, over the real record."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.http_world import RecordWorld, running_record_world
from tests.support.telephone import tone_wav

from offhook.http.resources import media_files

OK = {"statusCode": 0, "statusMessage": "ok"}
ASK = {
    "action": "sayAndCapture",
    "params": {"promptMessage": "One or two?", "voiceProfile": "en-US-JennyNeural"},
}
HANGUP = {"action": "hangup"}
MENU: dict[str, Any] = {
    "first": "welcome",
    "callflows": {"welcome": [ASK], "bye": [HANGUP]},
    "table": [{"menu": "welcome", "on": "1", "next": "bye"}],
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


@pytest.fixture
async def client(world: RecordWorld) -> AsyncIterator[aiohttp.ClientSession]:
    async with world.client() as session:
        yield session


async def call(
    client: aiohttp.ClientSession, method: str, url: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    sent = None if data is None else io.BytesIO(data)
    async with client.request(method, url, data=sent) as response:
        return response.status, await response.json()


def own_number(world: RecordWorld) -> str:
    owner = world.directory.sub_account("acme_corp")
    assert owner is not None
    return owner.numbers[0].msisdn


async def test_a_menu_is_put_bound_shown_listed_and_deleted(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    number = own_number(world)
    url = world.url("menus/house")
    status, put = await call(client, "PUT", url, {**MENU, "numbers": [number.removeprefix("+")]})
    shown = {"name": "house", **MENU, "numbers": [number]}
    assert (status, put) == (200, {**shown, **OK})
    assert await call(client, "GET", url) == (200, put)
    assert await call(client, "GET", world.url("menus")) == (200, {"menus": [shown], **OK})
    owner = world.directory.sub_account("acme_corp")
    assert owner is not None
    answering = owner.menu_of(number)
    assert answering is not None
    assert answering.name == "house"
    await call(client, "PUT", world.url("menus/other"), {**MENU, "numbers": [number]})
    _, left = await call(client, "GET", url)
    assert left.get("numbers", []) == []
    assert (await call(client, "DELETE", url))[1]["statusMessage"] == "deleted"
    assert (await call(client, "DELETE", url))[0] == 404


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": "x"}, "first: must name one of the callflows"),
        ({"callflows": {}}, "callflows: must be an object"),
        ({"callflows": {"welcome": "x"}}, "callflows"),
        (
            {"callflows": {"welcome": [{"action": "say"}], "bye": []}},
            "callflows.welcome: -1009 at $.callflow[0].params: ",
        ),
        (
            {
                "callflows": {
                    "welcome": [
                        {
                            "action": "makeCall",
                            "params": {"source": "+33123456789", "destination": "+6590000000"},
                        }
                    ],
                    "bye": [],
                }
            },
            "callflows.welcome: -1014 at $.callflow[0].params.source",
        ),
        ({"table": [{"menu": "x", "on": "1", "next": "bye"}]}, "table[0].menu: must name"),
        ({"table": [{"menu": "bye", "on": "x", "next": "bye"}]}, "table[0].on: must be"),
        ({"table": [{"menu": "bye", "on": "1"}]}, "table[0].next: is missing"),
        ({"numbers": ["+12025550199"]}, "numbers[0]: is no number of the sub-account"),
        ({"numbers": "x"}, "numbers: "),
    ],
)
async def test_a_bad_menu_is_refused_with_the_place_of_the_mistake(
    world: RecordWorld, client: aiohttp.ClientSession, change: dict[str, Any], message: str
) -> None:
    status, answer = await call(client, "PUT", world.url("menus/house"), {**MENU, **change})
    assert (status, answer["message"][: len(message)]) == (422, message)
    assert await world.store.menus() == []


async def test_names_are_bounded(world: RecordWorld, client: aiohttp.ClientSession) -> None:
    for path in ("menus/a%20b", f"menus/{'x' * 101}", "media/a%20b", f"media/{'x' * 101}"):
        status, answer = await call(client, "PUT", world.url(path), MENU)
        assert (status, answer["message"][:4]) == (422, "name")


async def test_a_file_is_put_downloaded_listed_replaced_and_deleted(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    sound, url = tone_wav(0.1), world.url("media/jingle.wav")
    status, put = await call(client, "PUT", url, sound)
    assert status == 200
    assert put == {
        "name": "jingle.wav",
        "fileUrl": "offhook:jingle.wav",
        "size": len(sound),
        "sha256": put["sha256"],
        "timestamp": put["timestamp"],
        **OK,
    }
    async with client.get(url) as response:
        assert await response.read() == sound
        assert response.headers["x-content-type-options"] == "nosniff"
    _, again = await call(client, "PUT", url, b"ID3" + bytes(50))
    assert again["size"] == 53
    _, listed = await call(client, "GET", world.url("media"))
    assert [each["size"] for each in listed["media"]] == [53]
    assert (await call(client, "DELETE", url))[1]["statusMessage"] == "deleted"
    for method in ("GET", "DELETE"):
        assert (await call(client, method, url))[0] == 404


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 422, "body: is neither a wav nor an mp3 file"),
        (b"<html>", 422, "body: is neither a wav nor an mp3 file"),
        (b"RIFF\0\0\0\0AVI ", 422, "body: is neither a wav nor an mp3 file"),
        (b"ID3" + bytes(5120 * 1024), 413, "Invalid JSON request body"),
    ],
)
async def test_what_is_no_sound_or_too_large_is_refused(
    world: RecordWorld, client: aiohttp.ClientSession, body: bytes, status: int, message: str
) -> None:
    found, answer = await call(client, "PUT", world.url("media/x"), body)
    assert (found, answer["message"]) == (status, message)
    assert await world.store.media_files("acme_corp") == []


async def test_a_full_library_takes_no_more(
    world: RecordWorld, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_files, "MOST_FILES", 1)
    assert (await call(client, "PUT", world.url("media/a"), b"ID3"))[0] == 200
    assert (await call(client, "PUT", world.url("media/a"), b"ID3x"))[0] == 200
    assert (await call(client, "PUT", world.url("media/b"), b"ID3"))[0] == 409
