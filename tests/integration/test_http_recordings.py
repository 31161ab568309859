"""Recordings and push configurations over the API: listed, downloaded by links that expire, erased."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from tests.support.http_world import OTHER_KEY, RecordWorld, now, running_record_world

from offhook.clock import new_id
from offhook.flow.actions import Callflow, Hangup
from offhook.net.http_client import HttpClient
from offhook.processes.recording_duties import push_problem
from offhook.recording.shelf import Shelf
from offhook.recording.storage import RecordingStorage
from offhook.session import states
from offhook.session.ports.record import (
    DeliveryResult,
    DeliveryState,
    OutboxEntry,
    OutboxType,
    RequestRecord,
)
from offhook.session.ports.recording import RecordingRecord, RecordingState
from offhook.session.tenancy import PushConfig

CONTENT = b"ID3 what was said" * 40_000
SFTP = {
    "protocol": "sftp",
    "host": "files.example",
    "username": "offhook",
    "password": "s3cret-password",
    "path": "/calls",
}


class Site:
    """A server with a folder of recordings."""

    def __init__(self, world: RecordWorld, client: aiohttp.ClientSession, folder: Path) -> None:
        self.world = world
        self.client = client
        self.storage = RecordingStorage(folder)

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        data = None if body is None else json.dumps(body)
        async with self.client.request(method, self.world.url(path), data=data) as answer:
            return answer.status, await answer.json()

    async def fetch(self, url: str) -> tuple[int, bytes, dict[str, str]]:
        async with aiohttp.ClientSession() as anybody, anybody.get(url) as answer:
            return answer.status, await answer.read(), dict(answer.headers)

    async def recorded(self, state: RecordingState, **changes: object) -> RecordingRecord:
        """A session with one recording."""
        at = now()
        flow = Callflow(actions=(Hangup(),))
        session = states.accept(flow, "acme_corp", call_flow_request_id=new_id(), at=at)
        request = RequestRecord(
            call_flow_request_id=session.call_flow_request_id,
            sub_account_id="acme_corp",
            at=at,
            body=b"",
            http_status=200,
            answer=b"{}",
            session_id=session.session_id,
        )
        await self.world.deps.store.accept(session, (), request)
        record = RecordingRecord(
            recording_id=new_id(),
            session_id=session.session_id,
            sub_account_id="acme_corp",
            started_at=at,
            state=state,
            storage=self.storage.storage_id,
            file_name="r_20261128T000000Z.mp3",
            duration=12.4,
        )
        record = msgspec.structs.replace(record, **changes)
        await self.world.deps.store.put_recording(record)
        path = self.storage.part_of(record)
        path.write_bytes(CONTENT)
        self.storage.keep(record)
        return record

    async def listed(self, record: RecordingRecord) -> dict[str, Any]:
        """The one recording of its session."""
        status, answer = await self.ask("GET", f"recordings/{record.session_id}")
        assert status == 200
        (found,) = answer["recordings"]
        return dict(found)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    folder = tmp_path / "recordings"
    pushes = HttpClient(allow_private=False)

    async def problem(config: PushConfig) -> str | None:
        return await push_problem(pushes, config)

    shelf = Shelf(RecordingStorage(folder), None)
    async with (
        running_record_world(tmp_path, recordings=shelf, push_problem=problem) as world,
        world.client() as client,
    ):
        yield Site(world, client, folder)
    await pushes.close()


async def test_a_recording_is_listed_with_a_link_that_anybody_may_use(site: Site) -> None:
    record = await site.recorded(RecordingState.KEPT)
    found = await site.listed(record)
    assert found.pop("startRecordingTime").endswith("Z")
    link = found.pop("externalFileUrl")
    assert found == {
        "recordingId": record.recording_id,
        "sessionId": record.session_id,
        "sessionid": record.session_id,
        "subAccountId": "acme_corp",
        "status": "UPLOAD_COMPLETED",
        "duration": 12,
    }
    status, content, headers = await site.fetch(link)
    assert (status, content) == (200, CONTENT)
    assert headers["Content-Type"] == "audio/mpeg"
    assert headers["Content-Length"] == str(len(CONTENT))
    assert "no-store" in headers["Cache-Control"]


async def test_a_link_that_was_changed_or_has_expired_is_refused(site: Site) -> None:
    one = await site.recorded(RecordingState.KEPT)
    other = await site.recorded(RecordingState.KEPT)
    link = (await site.listed(one))["externalFileUrl"]
    for changed in (
        link.replace(one.recording_id, other.recording_id),
        link.replace("expires=", "expires=9"),
        link[:-2],
        link.partition("?")[0],
    ):
        assert (await site.fetch(changed))[0] == 403, changed
    expires = int((now() - timedelta(seconds=1)).timestamp())
    signature = Shelf(site.storage, None).signature(one.recording_id, expires)
    path = f"/recordings/{one.recording_id}/{one.file_name}"
    old = site.world.url(f"{path}?expires={expires}&signature={signature}")
    status, content, _ = await site.fetch(old)
    assert status == 403
    assert b"has expired" in content


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RecordingState.LIVE, "PROCESSING"),
        (RecordingState.WAITING, "PROCESSING"),
        (RecordingState.FAILED, "UPLOAD_FAILED"),
        (RecordingState.UNUSABLE, "PROCESSING_FAILED"),
    ],
)
async def test_each_state_has_the_status_of_the_contract(
    site: Site, state: RecordingState, status: str
) -> None:
    found = await site.listed(await site.recorded(state, detail="the disk was full"))
    assert found["status"] == status
    assert found["detail"] == "the disk was full"
    assert ("externalFileUrl" in found) is (state is RecordingState.FAILED)


@pytest.mark.parametrize(
    ("delivered", "status"),
    [
        (DeliveryState.DELIVERED, "CALLBACK_COMPLETED"),
        (DeliveryState.DEAD, "CALLBACK_FAILED"),
        (DeliveryState.PENDING, "UPLOAD_COMPLETED"),
    ],
)
async def test_the_status_says_whether_the_customer_was_told(
    site: Site, delivered: DeliveryState, status: str
) -> None:
    place = "sftp://files.example/calls/x.mp3"
    record = await site.recorded(RecordingState.UPLOADED, location=place)
    entry = OutboxEntry(
        delivery_id=new_id(),
        sub_account_id="acme_corp",
        type=OutboxType.VRU,
        payload=json.dumps({"payload": {"recordingId": record.recording_id}}).encode(),
        created_at=now(),
        give_up_at=now() + timedelta(hours=1),
        session_id=record.session_id,
    )
    store = site.world.deps.store
    await store.put_recording(record, [entry])
    await store.lease_deliveries("w", now(), lease=1, limit=9)
    await store.finish_deliveries(
        [
            DeliveryResult(
                delivery_id=entry.delivery_id,
                at=now(),
                http_status=200,
                detail="",
                state=delivered,
                next_at=now(),
            )
        ]
    )
    found = await site.listed(record)
    assert (found["status"], found["externalFileUrl"]) == (status, place)


async def test_recordings_are_erased_but_not_while_one_is_recorded(site: Site) -> None:
    live = await site.recorded(RecordingState.LIVE)
    assert (await site.ask("DELETE", f"recordings/{live.session_id}"))[0] == 409
    record = await site.recorded(RecordingState.KEPT)
    path = site.storage.path_of(record)
    status, answer = await site.ask("DELETE", f"recordings/{record.session_id}")
    assert (status, answer["recordingIds"]) == (200, [record.recording_id])
    assert not path.exists()
    assert (await site.ask("GET", f"recordings/{record.session_id}"))[1]["recordings"] == []


async def test_another_account_sees_and_erases_nothing(site: Site) -> None:
    record = await site.recorded(RecordingState.KEPT)
    async with site.world.client(OTHER_KEY) as other:
        for method in ("GET", "DELETE"):
            url = site.world.url(f"recordings/{record.session_id}", "other_corp")
            async with other.request(method, url) as answer:
                assert answer.status == 404
    assert site.storage.path_of(record).exists()


async def test_a_push_configuration_is_kept_and_its_password_never_shown(site: Site) -> None:
    assert (await site.ask("GET", "recording-push-config"))[0] == 404
    status, made = await site.ask("POST", "recording-push-config", SFTP)
    shown = {
        "subAccountId": "acme_corp",
        "protocol": "SFTP",
        "host": "files.example",
        "port": 22,
        "username": "offhook",
        "passwordSet": True,
        "path": "/calls",
        "statusCode": 0,
        "statusMessage": "ok",
    }
    assert (status, made) == (200, {**shown, "delete": False})
    assert await site.ask("GET", "recording-push-config") == (200, shown)
    again = {name: value for name, value in SFTP.items() if name != "password"} | {"path": "/new"}
    status, made = await site.ask("POST", "recording-push-config", again)
    assert (status, made["path"]) == (200, "/new")
    ((_, stored),) = await site.world.deps.store.push_configs()
    assert stored.password == SFTP["password"]
    assert "s3cret-password" not in json.dumps(made)
    status, gone = await site.ask("DELETE", "recording-push-config")
    assert (status, gone["delete"]) == (200, True)
    assert (await site.ask("DELETE", "recording-push-config"))[0] == 404


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"protocol": "scp"}, "protocol"),
        ({"password": ""}, "password"),
        ({"port": 0}, "port"),
        ({"host": "127.0.0.1"}, "not public"),
        ({"host": "10.1.2.3"}, "not public"),
        ({"protocol": "S3", "host": "http://169.254.169.254/"}, "not public"),
        ({"protocol": "S3", "path": "/"}, "bucket"),
        ({"path": "/a\r\nDELE b"}, "path"),
        ({"username": "a\nb"}, "username"),
        ({"hostKey": "nonsense"}, "hostKey"),
        ({"protocol": "FTP", "hostKey": "SHA256:x"}, "hostKey"),
    ],
)
async def test_what_cannot_be_a_push_configuration_is_refused_by_name(
    site: Site, change: dict[str, object], said: str
) -> None:
    status, answer = await site.ask("POST", "recording-push-config", SFTP | change)
    assert status == 422
    assert said in answer["message"]
    assert "s3cret-password" not in json.dumps(answer)


async def test_the_password_of_another_host_is_not_taken_over(site: Site) -> None:
    await site.ask("POST", "recording-push-config", SFTP)
    moved = {name: value for name, value in SFTP.items() if name != "password"}
    status, answer = await site.ask(
        "POST", "recording-push-config", moved | {"host": "evil.example"}
    )
    assert (status, answer["message"]) == (422, "password: is missing")
