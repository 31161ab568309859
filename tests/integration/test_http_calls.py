"""Both ``/calls`` paths: as ``/callflows``, with the members that v1.1 clients read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.support.http_world import KEY, MESSAGE, World, running_world

from offhook.http.callflow_answers import CallAccepted, CallRefused
from offhook.session.ports.record import StoreUnavailable

PATHS = ("/api/v1/subaccounts/acme_corp/calls", "/api/v1/acme_corp/calls")
V11 = {
    "callflow": [
        {
            "action": "say",
            "params": {
                "source": "+6512341234",
                "destination": "1 202 555 0101",
                "text": "Hello",
                "language": "en-GB",
            },
        }
    ],
    "clientRequestId": "mine",
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


async def post(
    world: World, path: str, body: object, key: str = KEY, **headers: str
) -> tuple[int, dict[str, Any]]:
    renamed = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        world.client(key) as client,
        client.post(world.url(path), json=body, headers=renamed) as response,
    ):
        return response.status, await response.json()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [V11, {**MESSAGE, "clientRequestId": "mine"}])
async def test_an_accepted_request_has_the_members_of_v1_1(
    world: World, path: str, body: dict[str, Any]
) -> None:
    status, answer = await post(world, path, body)
    session_id = answer["sessionId"]
    assert session_id in world.store.records.sessions
    assert (status, answer) == (
        200,
        {
            "sessionId": session_id,
            "sessionStatus": "CREATED",
            "callFlowRequestId": answer["callFlowRequestId"],
            "statusCode": 1,
            "statusMessage": "Created",
            "message": "Created",
            "uid": session_id,
            "destination": "+12025550101",
            "clientRequestId": "mine",
            "status": {"state": "queued"},
        },
    )
    msgspec.convert(answer, CallAccepted, strict=True)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("change", "read"),
    [
        ({"text": None}, "+12025550101"),
        ({"destination": 12025550101, "text": None}, "+12025550101"),
        ({"destination": "12", "text": "x"}, None),
        ({"destination": "+12025550101,+12025550102"}, None),
    ],
)
async def test_a_rejected_request_has_what_could_be_read(
    world: World, path: str, change: dict[str, Any], read: str | None
) -> None:
    params = {**V11["callflow"][0]["params"], **change}  # type: ignore[index]
    body = {"callflow": [{"action": "say", "params": params}], "clientRequestId": "mine"}
    status, answer = await post(world, path, body)
    assert status in (400, 422)
    assert answer["sessionStatus"] == "NOT_CREATED"
    assert answer["status"] == {"state": "rejected"}
    assert answer["clientRequestId"] == "mine"
    assert answer.get("destination") == read
    assert "uid" not in answer
    msgspec.convert(answer, CallRefused, strict=True)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [[], {"clientRequestId": 7}, {"callflow": [1]}])
async def test_what_cannot_be_read_is_left_out(world: World, path: str, body: object) -> None:
    _, answer = await post(world, path, body)
    assert answer["status"] == {"state": "rejected"}
    assert not {"uid", "destination", "clientRequestId"} & set(answer)


@pytest.mark.parametrize("path", PATHS)
async def test_refusals_before_the_body_is_read_say_rejected_too(world: World, path: str) -> None:
    status, answer = await post(world, path, V11, key="wrong")
    assert (status, answer["statusCode"]) == (401, 401)
    assert answer["status"] == {"state": "rejected"}


@pytest.mark.parametrize("path", PATHS)
async def test_idempotency_counts_here_too(world: World, path: str) -> None:
    first = await post(world, path, V11, Idempotency_Key="once")
    again = await post(world, path, V11, Idempotency_Key="once")
    assert first == again
    assert len(world.store.records.sessions) == 1
    status, answer = await post(world, path, MESSAGE, Idempotency_Key="once")
    assert status == 422
    assert answer["status"] == {"state": "rejected"}
    assert answer["destination"] == "+12025550101"


async def test_an_unavailable_store_says_rejected(world: World) -> None:
    world.store.failure = StoreUnavailable()
    status, answer = await post(world, PATHS[1], V11)
    assert (status, answer["status"], answer["clientRequestId"]) == (
        503,
        {"state": "rejected"},
        "mine",
    )


@pytest.mark.parametrize("path", ["/api/v1/acme_corp/callflows", "/api/v1/acme_corp/calls/x"])
async def test_the_oldest_path_leads_to_calls_only(world: World, path: str) -> None:
    assert (await post(world, path, V11))[0] == 404


async def test_only_calls_answers_so(world: World) -> None:
    _, answer = await post(world, "/api/v1/subaccounts/acme_corp/callflows", V11)
    assert not {"uid", "status", "destination"} & set(answer)
