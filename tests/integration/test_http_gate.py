"""What is answered before a body is read: 401, 404, 429, in this order, byte for byte."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from tests.support.http_world import (
    KEY,
    OPERATOR_KEY,
    OTHER_KEY,
    READER_KEY,
    RawAnswer,
    RawClient,
    World,
    running_world,
)

from offhook.codes import StatusCode
from offhook.http.deps import HttpLimits

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UNAUTHORIZED = "Authentication header not found or token invalid"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


async def headers_only(
    world: World, path: str, key: str | None = KEY, *, method: str = "POST", extra: str = ""
) -> RawAnswer:
    """The answer to a request whose body never comes."""
    authorization = f"Authorization: Bearer {key}\r\n" if key is not None else ""
    client = await RawClient.connect(world.port)
    client.send(
        f"{method} {path} HTTP/1.1\r\nHost: x\r\n{authorization}{extra}"
        "Content-Length: 100\r\n\r\n".encode()
    )
    answer = await client.answer()
    await client.close()
    return answer


CALLFLOWS = "/api/v1/subaccounts/acme_corp/callflows"


def callflow_refusal(answer: RawAnswer, code: int, message: str) -> dict[str, object]:
    """The body a callflow endpoint refuses with."""
    request_id = answer.json["callFlowRequestId"]
    assert UUID.fullmatch(request_id)
    return {
        "sessionStatus": "NOT_CREATED",
        "callFlowRequestId": request_id,
        "statusCode": code,
        "statusMessage": message,
        "message": message,
        "errors": [{"statusCode": code, "path": "$", "message": message}],
    }


@pytest.mark.parametrize("key", [None, "", "wrong", "key-of-acm", KEY + "x", OPERATOR_KEY])
async def test_no_valid_key_is_401_before_the_body_is_read(world: World, key: str | None) -> None:
    answer = await headers_only(world, CALLFLOWS, key)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json == callflow_refusal(answer, 401, UNAUTHORIZED)
    assert world.store.records.requests == {}, "what nobody signed is not recorded"


async def test_nothing_tells_anothers_sub_account_from_none(world: World) -> None:
    others = await headers_only(world, "/api/v1/subaccounts/other_corp/callflows")
    nobodys = await headers_only(world, "/api/v1/subaccounts/nobody/callflows")
    assert others.status == nobodys.status == 404
    assert others.json == callflow_refusal(others, 404, "SubAccount not found by Id : other_corp")
    assert nobodys.json == callflow_refusal(nobodys, 404, "SubAccount not found by Id : nobody")
    varying = {"x-request-id", "content-length", "date"}
    assert {k: v for k, v in others.headers.items() if k not in varying} == {
        k: v for k, v in nobodys.headers.items() if k not in varying
    }


async def test_401_comes_before_404(world: World) -> None:
    answer = await headers_only(world, "/api/v1/subaccounts/nobody/callflows", "wrong")
    assert answer.status == 401


@pytest.mark.parametrize(
    "path", ["callflows", "calls", "callflows/validate", "sessions/x/callflows"]
)
async def test_all_callflow_endpoints_refuse_alike(world: World, path: str) -> None:
    answer = await headers_only(world, f"/api/v1/subaccounts/acme_corp/{path}", "wrong")
    body = answer.json
    if path == "calls":  # it has a member of v1.1 beside the others
        assert body.pop("status") == {"state": "rejected"}
    assert body == callflow_refusal(answer, 401, UNAUTHORIZED)


@pytest.mark.parametrize(
    "sub_account", ["ab", "a" * 51, "acme%2Fcorp", "acme corp", "%ff%ff%ff", ""]
)
async def test_an_ill_formed_id_is_404(world: World, sub_account: str) -> None:
    path = f"/api/v1/subaccounts/{sub_account.replace(' ', '%20')}/callflows"
    answer = await headers_only(world, path)
    assert answer.status == 404


async def test_elsewhere_errors_have_the_common_body(world: World) -> None:
    answer = await headers_only(world, "/api/v1/subaccounts/nobody/webhooks", KEY, method="GET")
    body = answer.json
    assert answer.status == 404
    assert UUID.fullmatch(body["errorId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    assert body == {
        "code": 404,
        "message": "SubAccount not found by Id : nobody",
        "errorId": body["errorId"],
        "timestamp": body["timestamp"],
        "statusCode": 404,
        "statusMessage": "SubAccount not found by Id : nobody",
    }


async def test_a_sub_account_over_its_rate_gets_429_before_the_body_is_read() -> None:
    async with running_world(HttpLimits(sub_account_rate=3)) as world:
        answers = [await headers_only(world, CALLFLOWS, READER_KEY) for _ in range(4)]
        other = await headers_only(world, "/api/v1/subaccounts/other_corp/x", OTHER_KEY)
    assert [answer.status for answer in answers] == [403, 403, 403, 429]
    assert answers[3].headers["retry-after"] == "1"
    assert answers[3].json == callflow_refusal(answers[3], 429, "Too many requests")
    assert other.status == 404, "another sub-account must not be held up"


async def test_an_address_over_its_rate_gets_429_but_401_and_404_come_first() -> None:
    async with running_world(HttpLimits(address_rate=3)) as world:
        for _ in range(3):
            await headers_only(world, CALLFLOWS, "wrong")
        denied = await headers_only(world, CALLFLOWS, "wrong")
        absent = await headers_only(world, "/api/v1/subaccounts/nobody/callflows")
        limited = await headers_only(world, CALLFLOWS)
    assert [denied.status, absent.status, limited.status] == [401, 404, 429]


async def test_a_key_without_the_scope_is_refused_before_the_body_is_read(world: World) -> None:
    answer = await headers_only(world, CALLFLOWS, READER_KEY)
    message = "Resource not accessible: the key lacks callflows:write"
    assert answer.status == 403
    assert answer.json == callflow_refusal(answer, 403, message)
    elsewhere = await headers_only(
        world, "/api/v1/subaccounts/acme_corp/webhooks", READER_KEY, method="GET"
    )
    assert elsewhere.status == 403
    assert elsewhere.json["message"] == "Resource not accessible: the key lacks settings:read"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_another_method_on_a_callflow_endpoint_is_405(world: World, method: str) -> None:
    answer = await headers_only(world, CALLFLOWS, method=method)
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ("abc-123", "abc-123"),
        ("x" * 128, "x" * 128),
        ("x" * 129, None),
        ("with blank", None),
        ("<script>", None),
    ],
)
async def test_a_request_id_is_echoed_when_it_is_harmless(
    world: World, sent: str, echoed: str | None
) -> None:
    answer = await headers_only(world, CALLFLOWS, "wrong", extra=f"X-Request-Id: {sent}\r\n")
    got = answer.headers["x-request-id"]
    assert got == echoed if echoed is not None else UUID.fullmatch(got)


async def test_unknown_paths_are_404_in_json(world: World) -> None:
    for path in ("/nope", "/api/v1/subaccounts", "/schema", "/schema/openapi.json"):
        answer = await headers_only(world, path, None, method="GET")
        assert (path, answer.status) == (path, 404)
        assert answer.json["statusMessage"] == "Resource not found"


async def test_every_answer_code_of_the_gate_is_the_tables_own(world: World) -> None:
    answer = await headers_only(world, CALLFLOWS, "wrong")
    assert answer.json["statusMessage"] == StatusCode.UNAUTHORIZED.message
