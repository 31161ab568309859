"""Submitting callflows: accepted, rejected, repeated, refused."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from tests.support.http_world import (
    MESSAGE,
    OTHER_KEY,
    RawClient,
    World,
    running_record_world,
    running_world,
)

from offhook.codes import SessionStatus
from offhook.http import callflow_answers as answers
from offhook.http.resources import callflows
from offhook.session.control import (
    Heard,
    ReplaceCallflow,
    control_topic,
    decode_command,
    encode_command,
    heard_topic,
)
from offhook.session.ports.record import StoreUnavailable

INVALID_JSON = "Invalid JSON request body"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


async def post(
    world: World, body: object, path: str = "callflows", **headers: str
) -> tuple[int, dict[str, Any]]:
    """The status and the body; ``body`` is sent as it is when it is bytes."""
    status, answer, _ = await post_raw(world, body, path, **headers)
    return status, answer


async def post_raw(
    world: World, body: object, path: str = "callflows", **headers: str
) -> tuple[int, dict[str, Any], Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    renamed = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        world.client() as client,
        client.post(world.url(path), data=data, headers=renamed) as response,
    ):
        return response.status, await response.json(), response.headers


async def test_an_accepted_callflow_is_stored_queued_and_announced(world: World) -> None:
    announced: list[str] = []
    world.fabric.subscribe("queue", lambda topic, _: announced.append(topic))
    body = {**MESSAGE, "clientRequestId": "mine", "validUntil": "2099-01-01T00:00:00Z"}
    status, answer = await post(world, body)
    assert status == 200
    assert answer == {
        "sessionId": answer["sessionId"],
        "sessionStatus": "CREATED",
        "callFlowRequestId": answer["callFlowRequestId"],
        "validUntil": "2099-01-01T00:00:00Z",
        "statusCode": 1,
        "statusMessage": "Created",
        "message": "Created",
    }
    session = world.store.records.sessions[answer["sessionId"]].session
    assert session.status is SessionStatus.QUEUED
    assert session.sub_account_id == "acme_corp"
    assert session.call_flow_request_id == answer["callFlowRequestId"]
    assert session.client_request_id == "mine"
    assert [
        type(event).__name__ for event in world.store.records.sessions[session.session_id].events
    ] == ["SessionQueued"]
    record = world.store.records.requests[answer["callFlowRequestId"]]
    assert json.loads(record.body) == body
    assert json.loads(record.answer) == answer
    assert (record.http_status, record.session_id) == (200, answer["sessionId"])
    assert announced == ["queue"]


async def test_an_accepted_callflow_survives_in_the_real_record(tmp_path: Path) -> None:
    async with running_record_world(tmp_path) as world, world.client() as client:
        async with client.post(world.url("callflows"), json=MESSAGE) as response:
            answer = await response.json()
        async with client.get(world.url(f"sessions/{answer['sessionId']}")) as response:
            shown = await response.json()
        async with client.get(world.url(f"requests/{answer['callFlowRequestId']}")) as response:
            asked = await response.json()
    assert shown["sessionStatus"] == "QUEUED"
    assert [event["event"] for event in shown["events"]] == ["SESSION_QUEUED"]
    assert asked["answer"] == answer


async def test_a_rejected_callflow_lists_every_problem_and_is_searchable(world: World) -> None:
    body = {"callflow": [{"action": "say", "params": {"text": 7, "voiceProfile": "nobody"}}]}
    status, answer = await post(world, body)
    assert status == 400
    assert answer["sessionStatus"] == "NOT_CREATED"
    assert "sessionId" not in answer
    assert [error["statusCode"] for error in answer["errors"]] == [-1009, -1013, -1002]
    assert answer["errors"][0]["path"] == "$.callflow[0].params.text"
    assert answer["statusCode"] == -1009
    assert answer["message"] == answer["statusMessage"] == answer["errors"][0]["message"]
    assert world.store.records.sessions == {}
    record = world.store.records.requests[answer["callFlowRequestId"]]
    assert (record.http_status, record.session_id) == (400, None)
    async with (
        world.client() as client,
        client.get(world.url(f"requests/{answer['callFlowRequestId']}")) as response,
    ):
        shown = await response.json()
    assert json.loads(shown["request"]) == body
    assert shown["answer"] == answer


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"null", b'{"a":1,"a":2}', b'{"callflow":NaN}', b"[" * 999]
)
async def test_what_is_no_json_object_is_minus_1001(world: World, body: bytes) -> None:
    status, answer = await post(world, body)
    assert (status, answer["statusCode"], answer["statusMessage"]) == (400, -1001, INVALID_JSON)
    assert answer["callFlowRequestId"] in world.store.records.requests


async def test_a_body_of_256_kib_is_judged_and_one_byte_more_is_413(world: World) -> None:
    faultless = json.dumps(MESSAGE).encode()
    largest = faultless.ljust(256 * 1024)
    assert (await post(world, largest))[0] == 200
    status, answer = await post(world, largest + b" ")
    assert (status, answer["statusCode"], answer["statusMessage"]) == (413, -1001, INVALID_JSON)


async def test_a_chunked_body_over_the_limit_is_413_too(world: World) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 65536

    async with (
        world.client() as client,
        client.post(world.url("callflows"), data=endless()) as response,
    ):
        assert response.status == 413


async def test_a_gzip_body_is_inflated_and_recorded_inflated(world: World) -> None:
    plain = json.dumps(MESSAGE).encode()
    status, answer = await post(world, gzip.compress(plain), Content_Encoding="gzip")
    assert status == 200
    assert world.store.records.requests[answer["callFlowRequestId"]].body == plain


async def test_a_gzip_bomb_is_413(world: World) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 256 * 1024
    status, answer = await post(world, bomb, Content_Encoding="gzip")
    assert (status, answer["statusCode"]) == (413, -1001)


@pytest.mark.parametrize("coding", ["gzip", "br"])
async def test_a_body_that_is_not_what_its_coding_says_is_minus_1001(
    world: World, coding: str
) -> None:
    status, answer = await post(world, MESSAGE, Content_Encoding=coding)
    assert (status, answer["statusCode"]) == (400, -1001)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_the_content_type_does_not_matter(world: World, content_type: str) -> None:
    status, _ = await post(world, MESSAGE, Content_Type=content_type)
    assert status == 200


async def test_calls_takes_a_v1_1_request(world: World) -> None:
    params = {
        "source": "+6512341234",
        "destination": "+12025550101",
        "text": "Hello",
        "language": "en-GB",
    }
    status, answer = await post(world, {"callflow": [{"action": "say", "params": params}]}, "calls")
    assert status == 200
    assert world.store.records.sessions[answer["sessionId"]].session.callflow.legacy


async def test_validate_judges_and_stores_nothing(world: World) -> None:
    status, answer = await post(world, MESSAGE, "callflows/validate")
    assert (status, answer["sessionStatus"], answer["statusCode"]) == (200, "VALID", 1)
    assert "sessionId" not in answer
    status, rejected = await post(world, {}, "callflows/validate")
    assert (status, rejected["sessionStatus"]) == (400, "NOT_CREATED")
    assert world.store.records.requests == {}
    assert world.store.records.sessions == {}


async def test_the_same_idempotency_key_answers_the_first_answer_and_dials_once(
    world: World,
) -> None:
    status, first, headers = await post_raw(world, MESSAGE, Idempotency_Key="k1")
    again_status, again, again_headers = await post_raw(world, MESSAGE, Idempotency_Key="k1")
    assert (again_status, again) == (status, first)
    assert "idempotent-replayed" not in headers
    assert again_headers["idempotent-replayed"] == "true"
    assert len(world.store.records.sessions) == 1
    _, other = await post(world, MESSAGE, Idempotency_Key="k2")
    assert other["sessionId"] != first["sessionId"]


async def test_the_same_idempotency_key_with_another_body_is_422(world: World) -> None:
    await post(world, MESSAGE, Idempotency_Key="k1")
    status, answer = await post(world, {**MESSAGE, "clientRequestId": "x"}, Idempotency_Key="k1")
    assert status == 422
    assert answer["statusMessage"] == "Idempotency-Key was used before with another body"
    assert len(world.store.records.sessions) == 1


async def test_twenty_at_once_with_one_key_create_one_session(tmp_path: Path) -> None:
    async with running_record_world(tmp_path) as world, world.client() as client:

        async def submit() -> str:
            headers = {"idempotency-key": "k1"}
            async with client.post(world.url("callflows"), json=MESSAGE, headers=headers) as got:
                assert got.status == 200
                answer: str = (await got.json())["sessionId"]
                return answer

        ids = await asyncio.gather(*(submit() for _ in range(20)))
        async with client.get(world.url("sessions")) as response:
            listed = await response.json()
    assert len(set(ids)) == 1
    assert [session["sessionId"] for session in listed["sessions"]] == [ids[0]]


@pytest.mark.parametrize("key", ["", "x" * 256, "with blank", "caf\u00e9"])
async def test_an_idempotency_key_is_bounded(world: World, key: str) -> None:
    status, answer = await post(world, MESSAGE, Idempotency_Key=key)
    assert status == 422
    assert "Idempotency-Key" in answer["statusMessage"]
    assert world.store.records.sessions == {}


async def test_without_a_store_nothing_is_accepted(world: World) -> None:
    world.store.failure = StoreUnavailable()
    status, answer, headers = await post_raw(world, MESSAGE)
    message = "Service temporarily unavailable"
    assert status == 503
    assert headers["retry-after"] == "1"
    assert answer == {
        "sessionStatus": "NOT_CREATED",
        "callFlowRequestId": answer["callFlowRequestId"],
        "statusCode": 503,
        "statusMessage": message,
        "message": message,
        "errors": [{"statusCode": 503, "path": "$", "message": message}],
    }


async def test_while_draining_503_comes_before_the_body_is_read(world: World) -> None:
    world.deps.phase.draining.set()
    client = await RawClient.connect(world.port)
    client.send(
        b"POST /api/v1/subaccounts/acme_corp/callflows HTTP/1.1\r\nHost: x\r\n"
        b"Authorization: Bearer key-of-acme\r\nContent-Length: 100\r\n\r\n"
    )
    answer = await client.answer()
    await client.close()
    assert (answer.status, answer.json["statusCode"]) == (503, 503)
    assert answer.headers["retry-after"] == "1"


async def test_before_the_process_is_ready_nothing_is_accepted(world: World) -> None:
    world.deps.phase.ready = False
    assert (await post(world, MESSAGE))[0] == 503


async def test_a_bug_of_ours_is_minus_9999_and_the_log_has_the_traceback(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret internals")

    monkeypatch.setattr(callflows, "judge", fail)
    with caplog.at_level(logging.ERROR):
        status, answer = await post(world, MESSAGE)
    message = "An unknown error has occurred."
    assert status == 500
    assert answer == {
        "sessionStatus": "NOT_CREATED",
        "callFlowRequestId": answer["callFlowRequestId"],
        "statusCode": -9999,
        "statusMessage": message,
        "message": message,
        "errors": [{"statusCode": -9999, "path": "$", "message": message}],
    }
    [record] = [each for each in caplog.records if each.name == "offhook.http.resources.callflows"]
    assert answer["callFlowRequestId"] in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    recorded = world.store.records.requests[answer["callFlowRequestId"]]
    assert json.loads(recorded.body) == MESSAGE
    assert json.loads(recorded.answer) == answer


async def test_a_bug_of_the_store_is_minus_9999_too(world: World) -> None:
    world.store.failure = ZeroDivisionError("secret internals")
    status, answer = await post(world, MESSAGE)
    assert (status, answer["statusCode"]) == (500, -9999)


async def test_a_stored_callflow_is_accepted_although_no_node_could_be_woken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.fabric, "publish", fail)
    status, answer = await post(world, MESSAGE)
    assert (status, answer["statusCode"]) == (200, 1)
    assert answer["sessionId"] in world.store.records.sessions


async def test_without_a_request_id_of_the_clients_the_answer_has_ours(world: World) -> None:
    _, answer, headers = await post_raw(world, MESSAGE)
    assert headers["x-request-id"] == answer["callFlowRequestId"]


async def test_answers_are_of_the_documented_types(world: World) -> None:
    accepted = await post(world, MESSAGE)
    rejected = await post(world, {})
    msgspec.convert(accepted[1], answers.CallflowAccepted, strict=True)
    msgspec.convert(rejected[1], answers.CallflowRefused, strict=True)
    fields = {field.encode_name for field in msgspec.structs.fields(answers.CallflowAccepted)}
    assert set(accepted[1]) <= fields
    assert set(rejected[1]) == {
        field.encode_name for field in msgspec.structs.fields(answers.CallflowRefused)
    }


async def test_a_request_of_another_sub_account_cannot_be_read(world: World) -> None:
    _, answer = await post(world, MESSAGE)
    path = f"requests/{answer['callFlowRequestId']}"
    async with (
        world.client(OTHER_KEY) as client,
        client.get(world.url(path, "other_corp")) as response,
    ):
        assert response.status == 404


# --- replacing what runs


async def replace(world: World, session_id: str, body: object) -> tuple[int, dict[str, Any]]:
    return await post(world, body, f"sessions/{session_id}/callflows")


async def running_session(world: World) -> str:
    _, answer = await post(world, MESSAGE)
    session_id: str = answer["sessionId"]
    session = world.store.records.sessions[session_id].session
    world.store.records.sessions[session_id].session = msgspec.structs.replace(
        session, status=SessionStatus.RUNNING
    )
    return session_id


SAY = {"callflow": [{"action": "say", "params": {"text": "Hi", "language": "en-GB"}}]}


async def test_a_callflow_for_a_live_session_reaches_its_node(world: World) -> None:
    session_id = await running_session(world)
    got: list[ReplaceCallflow] = []

    def obey(_topic: str, message: bytes) -> None:
        command = decode_command(message)
        assert isinstance(command, ReplaceCallflow)
        got.append(command)
        heard = Heard(command_id=command.command_id)
        world.fabric.publish(heard_topic(session_id), encode_command(heard))

    world.fabric.subscribe(control_topic(session_id), obey)
    status, answer = await replace(world, session_id, SAY)
    assert (status, answer["sessionStatus"], answer["sessionId"]) == (200, "RUNNING", session_id)
    assert got[0].call_flow_request_id == answer["callFlowRequestId"]
    assert [type(action).__name__ for action in got[0].callflow.actions] == ["Say"]
    assert world.store.records.requests[answer["callFlowRequestId"]].session_id == session_id


async def test_what_the_node_refuses_is_409(world: World) -> None:
    session_id = await running_session(world)

    def refuse(_topic: str, message: bytes) -> None:
        heard = Heard(command_id=decode_command(message).command_id, refused="it is ending")
        world.fabric.publish(heard_topic(session_id), encode_command(heard))

    world.fabric.subscribe(control_topic(session_id), refuse)
    status, answer = await replace(world, session_id, SAY)
    assert (status, answer["statusMessage"]) == (409, "it is ending")


async def test_only_a_live_session_can_be_given_another_callflow(world: World) -> None:
    _, queued = await post(world, MESSAGE)
    status, answer = await replace(world, queued["sessionId"], SAY)
    assert (status, answer["statusMessage"]) == (409, "Session is QUEUED, not RUNNING")
    assert (await replace(world, "nope", SAY))[0] == 404


async def test_a_faulty_replacement_is_rejected_like_any_callflow(world: World) -> None:
    session_id = await running_session(world)
    status, answer = await replace(world, session_id, {"callflow": [{"action": "sing"}]})
    assert (status, answer["statusCode"]) == (400, -1007)


async def test_the_answer_is_json_for_every_client(world: World) -> None:
    async with (
        aiohttp.ClientSession(headers={"accept": "text/html"}) as client,
        client.post(world.url("callflows"), json=MESSAGE) as response,
    ):
        assert response.status == 401
        assert response.content_type == "application/json"


async def test_a_large_body_is_judged_beside_the_loop_with_the_same_verdict(world: World) -> None:
    """Bodies over the limit of what is judged on the loop take another way to the same answers."""
    large = [{"action": "say", "params": {"text": "x" * 3000}} for _ in range(20)]
    status, answer = await post(world, {"callflow": large})
    assert (status, answer["statusCode"]) == (400, -1009)
    paths = [problem["path"] for problem in answer["errors"] if problem["statusCode"] == -1009]
    assert paths == [f"$.callflow[{n}].params.voiceProfile" for n in range(20)]
