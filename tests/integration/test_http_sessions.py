"""Sessions through the API: listed, shown, ended, followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from tests.support.http_world import (
    KEY,
    MESSAGE,
    OPERATOR_KEY,
    OTHER_KEY,
    READER_KEY,
    World,
    now,
    running_record_world,
    running_world,
)
from yarl import URL

from offhook.clock import new_id
from offhook.codes import CallStatus, SessionStatus
from offhook.events import ActionEnded, ActionStarted, SessionEnded
from offhook.flow.actions import Callflow
from offhook.http.commander import Commander
from offhook.http.deps import HttpLimits
from offhook.session.control import (
    EndSession,
    Heard,
    control_topic,
    decode_command,
    encode_command,
    heard_topic,
)
from offhook.session.ports.record import NodeRole
from offhook.session.session import Direction, Leg, Session


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


@pytest.fixture
async def client(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    async with world.client() as session:
        yield session


async def submit(world: World, client: aiohttp.ClientSession) -> str:
    async with client.post(world.url("callflows"), json=MESSAGE) as response:
        session_id: str = (await response.json())["sessionId"]
        return session_id


async def fetch(
    client: aiohttp.ClientSession, url: str, method: str = "GET"
) -> tuple[int, dict[str, Any]]:
    async with client.request(method, url) as response:
        return response.status, await response.json()


def set_status(world: World, session_id: str, status: SessionStatus) -> None:
    session = world.store.records.sessions[session_id].session
    world.store.records.sessions[session_id].session = msgspec.structs.replace(
        session, status=status
    )


async def test_a_session_is_shown_with_actions_and_events(
    world: World, client: aiohttp.ClientSession
) -> None:
    session_id = await submit(world, client)
    world.store.records.sessions[session_id].events += [
        ActionStarted(at=now(), index=1, action="say"),
        ActionEnded(at=now(), index=1, action="say", result="finished"),
    ]
    status, shown = await fetch(client, world.url(f"sessions/{session_id}"))
    assert (status, shown["statusCode"], shown["statusMessage"]) == (200, 0, "ok")
    assert [event["number"] for event in shown["events"]] == [1, 2, 3]
    [action] = shown["actions"]
    assert (action["action"], action["result"]) == ("say", "finished")
    assert action["started"] <= action["ended"]


async def test_another_accounts_session_is_404(world: World, client: aiohttp.ClientSession) -> None:
    session_id = await submit(world, client)
    async with world.client(OTHER_KEY) as other:
        for path in (f"sessions/{session_id}", f"sessions/{session_id}/events"):
            assert (await fetch(other, world.url(path, "other_corp")))[0] == 404
        ended = await fetch(other, world.url(f"sessions/{session_id}", "other_corp"), "DELETE")
    assert ended[0] == 404
    assert world.store.records.sessions[session_id].session.status is SessionStatus.QUEUED


async def test_pages_of_sessions_over_the_real_record(tmp_path: Path) -> None:
    async with running_record_world(tmp_path) as world, world.client() as client:
        ids = []
        for _ in range(5):
            async with client.post(world.url("callflows"), json=MESSAGE) as response:
                ids.append((await response.json())["sessionId"])
        pages, cursor = [], None
        while True:
            query = f"sessions?limit=2{f'&cursor={cursor}' if cursor else ''}"
            _, page = await fetch(client, world.url(query))
            pages.append([session["sessionId"] for session in page["sessions"]])
            cursor = page.get("nextCursor")
            if cursor is None:
                break
        assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]
        _, queued = await fetch(client, world.url("sessions?status=QUEUED&since=2020-01-01"))
        assert len(queued["sessions"]) == 5
        _, ended = await fetch(client, world.url("sessions?status=COMPLETED"))
        assert ended["sessions"] == []
        _, later = await fetch(client, world.url("sessions?since=2999-01-01T00:00:00Z"))
        assert later["sessions"] == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("status=SLEEPING", "status"),
        ("since=yesterday", "since"),
        ("until=2024-13-01", "until"),
        ("since=0001-01-01T00:00:00%2B23:00", "since"),
        ("cursor=" + "x" * 201, "cursor"),
        ("cursor=nonsense", "cursor"),
        ("until=2", "until"),
        ("since=3y", "since"),
        ("since=999999w", "since"),
        ("number=abc", "number"),
        ("sipCode=99", "sipCode"),
        ("sipCode=busy", "sipCode"),
        ("clientRequestId=" + "x" * 256, "clientRequestId"),
        ("statsu=COMPLETED", "statsu"),
        ("client_request_id=x", "client_request_id"),
        ("=1", ""),
        ("limit=1&limit=2", "limit"),
    ],
)
async def test_a_bad_parameter_is_422_and_named(tmp_path: Path, query: str, named: str) -> None:
    async with running_record_world(tmp_path) as world, world.client() as client:
        status, answer = await fetch(client, world.url(f"sessions?{query}"))
    assert status == 422
    assert answer["message"].startswith(f"{named}: ")


async def test_every_resource_refuses_an_unknown_parameter(tmp_path: Path) -> None:
    below = ["requests/7", "speech-profiles", "webhooks", "scenarios", "numbers", "sessions/7"]
    paths = [*below, "webhooks/VSS/deliveries", "/admin/v1/keys", "/admin/v1/subaccounts"]
    async with running_record_world(tmp_path) as world:
        for path in paths:
            key = OPERATOR_KEY if path.startswith("/admin") else KEY
            async with world.client(key) as client:
                status, answer = await fetch(client, world.url(f"{path}?no_such=1"))
            assert (path, status, answer["message"]) == (path, 422, "no_such: unknown parameter")


async def test_a_monitor_may_add_parameters_to_the_pages_at_the_root(
    world: World, client: aiohttp.ClientSession
) -> None:
    assert (await fetch(client, world.url("/healthz?nocache=1")))[0] == 200


@pytest.fixture
async def filed() -> AsyncIterator[tuple[World, list[str]]]:
    """Three sessions, an hour apart; the newest has no id of the client's."""
    async with running_world() as world:
        node = await world.store.register_node("voice", NodeRole.VOICE, now())
        sessions = [
            filed_session(now() - timedelta(hours=2, minutes=30), "+12025550101", 486, "one"),
            filed_session(now() - timedelta(hours=1, minutes=30), "+12025550102", 200, "two"),
            filed_session(now() - timedelta(minutes=30), "+12025550102", 404, None),
        ]
        for session in sessions:
            await world.store.start(node, session, ())
        yield world, [each.session_id for each in sessions]


def filed_session(at: datetime, destination: str, sip_code: int, client_id: str | None) -> Session:
    leg = Leg(
        call_id=new_id(),
        direction=Direction.OUTBOUND,
        source="+6512341234",
        destination=destination,
        sip_code=sip_code,
        status=CallStatus.FAILED,
        disconnected_at=at,
    )
    return Session(
        session_id=new_id(),
        sub_account_id="acme_corp",
        call_flow_request_id=new_id(),
        status=SessionStatus.RUNNING,
        callflow=Callflow(
            actions=(),
            client_request_id=client_id,
            client_batch_id=f"batch-{client_id}" if client_id else None,
        ),
        created_at=at,
        legs=(leg,),
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [2, 1, 0]),
        ({"number": "+12025550102"}, [2, 1]),
        ({"number": "12025550101"}, [0]),
        ({"number": "00 1 202 555 0101"}, [0]),
        ({"number": "+6512341234"}, [2, 1, 0]),
        ({"number": "+4930123456"}, []),
        ({"since": "1h"}, [2]),
        ({"since": "2h", "until": "1h"}, [1]),
        ({"until": "90m"}, [1, 0]),
        ({"since": "1d"}, [2, 1, 0]),
        ({"clientRequestId": "two"}, [1]),
        ({"clientBatchId": "batch-one"}, [0]),
        ({"sipCode": "486"}, [0]),
        ({"sipCode": "486", "clientRequestId": "two"}, []),
        ({"status": "RUNNING", "number": "+12025550102", "sipCode": "404"}, [2]),
        ({"status": "COMPLETED"}, []),
    ],
)
async def test_the_filters_choose_sessions(
    filed: tuple[World, list[str]], query: dict[str, str], found: list[int]
) -> None:
    world, ids = filed
    async with (
        world.client() as client,
        client.get(world.url("sessions"), params=query) as response,
    ):
        answer = await response.json()
    assert response.status == 200, answer
    assert [each["sessionId"] for each in answer["sessions"]] == [ids[place] for place in found]


async def test_a_plus_that_was_not_encoded_is_understood(
    filed: tuple[World, list[str]],
) -> None:
    world, ids = filed
    async with world.client() as client:
        url = URL(world.url("sessions?number=+12025550101"), encoded=True)
        async with client.get(url) as response:
            answer = await response.json()
    assert [each["sessionId"] for each in answer["sessions"]] == [ids[0]]


async def test_the_clients_own_ids_are_shown(filed: tuple[World, list[str]]) -> None:
    world, ids = filed
    async with world.client() as client:
        _, answer = await fetch(client, world.url(f"sessions/{ids[0]}"))
    assert (answer["clientRequestId"], answer["clientBatchId"]) == ("one", "batch-one")


async def test_a_queued_session_is_canceled_at_once(
    world: World, client: aiohttp.ClientSession
) -> None:
    heard: list[str] = []
    session_id = await submit(world, client)
    world.fabric.subscribe(f"session.{session_id}.events", lambda topic, _: heard.append(topic))
    status, answer = await fetch(client, world.url(f"sessions/{session_id}"), "DELETE")
    assert (status, answer["sessionStatus"]) == (200, "CANCELED")
    assert world.store.records.sessions[session_id].session.status is SessionStatus.CANCELED
    assert isinstance(world.store.records.sessions[session_id].events[-1], SessionEnded)
    again = await fetch(client, world.url(f"sessions/{session_id}"), "DELETE")
    assert again == (200, answer)
    assert len(world.store.records.sessions[session_id].events) == 2
    assert heard


async def test_a_live_session_is_ended_by_its_node(
    world: World, client: aiohttp.ClientSession
) -> None:
    session_id = await submit(world, client)
    set_status(world, session_id, SessionStatus.RUNNING)

    def obey(_topic: str, message: bytes) -> None:
        command = decode_command(message)
        assert isinstance(command, EndSession)
        set_status(world, session_id, SessionStatus.COMPLETED)
        heard = Heard(command_id=command.command_id)
        world.fabric.publish(heard_topic(session_id), encode_command(heard))

    world.fabric.subscribe(control_topic(session_id), obey)
    status, answer = await fetch(client, world.url(f"sessions/{session_id}"), "DELETE")
    assert (status, answer["sessionStatus"]) == (200, "COMPLETED")


async def test_a_session_whose_phone_is_still_being_hung_up_is_202(
    world: World, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.http.resources.sessions.SETTLE_SECONDS", 0.05)
    session_id = await submit(world, client)
    set_status(world, session_id, SessionStatus.RUNNING)

    def hear(_topic: str, message: bytes) -> None:
        heard = Heard(command_id=decode_command(message).command_id)
        world.fabric.publish(heard_topic(session_id), encode_command(heard))

    world.fabric.subscribe(control_topic(session_id), hear)
    status, answer = await fetch(client, world.url(f"sessions/{session_id}"), "DELETE")
    assert (status, answer["sessionStatus"]) == (202, "RUNNING")


async def test_a_session_whose_node_does_not_answer_is_503(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("offhook.http.resources.sessions.SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(
        "offhook.http.app.Commander", lambda fabric: Commander(fabric, repeat=0.01, deadline=0.05)
    )
    async with running_world() as world, world.client() as client:
        session_id = await submit(world, client)
        set_status(world, session_id, SessionStatus.RUNNING)
        status, answer = await fetch(client, world.url(f"sessions/{session_id}"), "DELETE")
    assert (status, answer["statusCode"]) == (503, 503)
    assert "did not answer" in answer["message"]


async def test_ending_needs_its_own_scope(world: World, client: aiohttp.ClientSession) -> None:
    session_id = await submit(world, client)
    async with world.client(READER_KEY) as reader:
        assert (await fetch(reader, world.url(f"sessions/{session_id}")))[0] == 200
        assert (await fetch(reader, world.url(f"sessions/{session_id}"), "DELETE"))[0] == 403


# --- the event stream


async def frames(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The events of a stream: number, name and data."""
    frame: dict[str, Any] = {}
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line.startswith(":"):
            continue
        if not line:
            if frame:
                yield frame
            frame = {}
        else:
            name, _, value = line.partition(": ")
            frame[name] = json.loads(value) if name == "data" else value


async def test_a_stream_begins_at_the_beginning_and_ends_with_the_session(
    world: World, client: aiohttp.ClientSession
) -> None:
    session_id = await submit(world, client)
    got = []
    async with (
        asyncio.timeout(20),
        client.get(world.url(f"sessions/{session_id}/events")) as stream,
    ):
        assert stream.content_type == "text/event-stream"
        assert stream.headers["cache-control"] == "no-store"
        async for frame in frames(stream):
            got.append(frame)
            if len(got) == 1:
                world.store.records.sessions[session_id].events.append(
                    ActionStarted(at=now(), index=0, action="makeCall")
                )
                world.fabric.publish(f"session.{session_id}.events")
            elif len(got) == 2:
                world.store.records.sessions[session_id].events.append(
                    SessionEnded(at=now(), status="COMPLETED")
                )
                world.fabric.publish(f"session.{session_id}.events")
    assert [(frame["id"], frame["event"]) for frame in got] == [
        ("1", "SESSION_QUEUED"),
        ("2", "ACTION_STARTED"),
        ("3", "SESSION_ENDED"),
    ]
    assert got[1]["data"]["action"] == "makeCall"


async def test_a_stream_goes_on_when_the_fabric_loses_the_wake_up(
    world: World, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.http.resources.event_stream.POLL_SECONDS", 0.02)
    monkeypatch.setattr("offhook.http.resources.event_stream.HEARTBEAT_POLLS", 2)
    session_id = await submit(world, client)
    async with (
        asyncio.timeout(20),
        client.get(world.url(f"sessions/{session_id}/events")) as stream,
    ):
        assert b": still here" in await stream.content.readuntil(b": still here\n\n")
        world.store.records.sessions[session_id].events.append(
            SessionEnded(at=now(), status="COMPLETED")
        )
        rest = await stream.text()
    assert "event: SESSION_ENDED" in rest


async def test_a_stream_of_an_ended_session_ends_at_once(
    world: World, client: aiohttp.ClientSession
) -> None:
    session_id = await submit(world, client)
    await fetch(client, world.url(f"sessions/{session_id}"), "DELETE")
    async with client.get(world.url(f"sessions/{session_id}/events")) as stream:
        names = [frame["event"] async for frame in frames(stream)]
    assert names == ["SESSION_QUEUED", "SESSION_ENDED"]


async def test_a_reconnecting_client_gets_what_it_has_not_seen(
    world: World, client: aiohttp.ClientSession
) -> None:
    session_id = await submit(world, client)
    await fetch(client, world.url(f"sessions/{session_id}"), "DELETE")
    url = world.url(f"sessions/{session_id}/events")
    async with client.get(url, headers={"last-event-id": "1"}) as stream:
        assert [frame["id"] async for frame in frames(stream)] == ["2"]
    async with client.get(url, headers={"last-event-id": "2"}) as stream:
        assert [frame["id"] async for frame in frames(stream)] == []
    async with client.get(url, headers={"last-event-id": "x"}) as stream:
        assert stream.status == 422


async def test_streams_are_bounded_and_a_closed_one_makes_room() -> None:
    async with running_world(HttpLimits(streams=1)) as world, world.client() as client:
        session_id = await submit(world, client)
        url = world.url(f"sessions/{session_id}/events")
        first = await client.get(url)
        await first.content.readuntil(b"\n\n")
        status, answer = await fetch(client, url)
        assert (status, answer["statusCode"]) == (503, 503)
        first.close()
        async with asyncio.timeout(20):
            while (again := await client.get(url)).status != 200:
                again.close()
        again.close()


async def test_streams_end_when_the_server_stops() -> None:
    async with running_world() as world, world.client() as client:
        session_id = await submit(world, client)
        stream = await client.get(world.url(f"sessions/{session_id}/events"))
        await stream.content.readuntil(b"\n\n")
        async with asyncio.timeout(20):
            await world.server.stop(grace=30)
            assert await stream.text() == ""
