"""Connections that trickle, stall, overflow or speak something else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from tests.support.http_world import MESSAGE, RawClient, World, running_world

from offhook.http.deps import HttpLimits

BODY = json.dumps(MESSAGE).encode()
HEAD = (
    b"POST /api/v1/subaccounts/acme_corp/callflows HTTP/1.1\r\nHost: x\r\n"
    b"Authorization: Bearer key-of-acme\r\n"
)
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
END = b"\r\n"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    limits = HttpLimits(header_seconds=0.2, body_seconds=0.2, header_bytes=4096, connections=8)
    async with running_world(limits) as running:
        yield running


@pytest.fixture
async def client(world: World) -> AsyncIterator[RawClient]:
    connected = await RawClient.connect(world.port)
    yield connected
    await connected.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        HEAD + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
async def test_what_is_not_http_gets_400_in_json(client: RawClient, garbage: bytes) -> None:
    client.send(garbage)
    answer = await client.answer()
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["statusMessage"] == "The request is not valid HTTP"
    assert await client.closed()


async def test_headers_that_never_end_get_408(client: RawClient) -> None:
    client.send(b"GET /healthz HTTP/1.1\r\nHost:")
    answer = await client.answer()
    assert (answer.status, answer.json["statusCode"]) == (408, 408)
    assert await client.closed()


async def test_a_connection_that_says_nothing_is_closed(client: RawClient) -> None:
    assert await client.closed()


async def test_a_body_that_never_ends_gets_408_and_nothing_is_stored(
    world: World, client: RawClient
) -> None:
    client.send(HEAD + LENGTH + END + BODY[:-1])
    assert (await client.answer()).status == 408
    assert await client.closed()
    assert world.store.records.requests == {}


async def test_a_refused_request_whose_body_never_comes_does_not_hold_the_connection(
    client: RawClient,
) -> None:
    client.send(HEAD.replace(b"key-of", b"no-key") + LENGTH + END)
    assert (await client.answer()).status == 401
    assert await client.closed()


async def test_headers_over_the_limit_get_431(client: RawClient) -> None:
    client.send(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 5000)
    assert (await client.answer()).status == 431
    assert await client.closed()


async def test_pipelined_requests_are_answered_in_order(client: RawClient) -> None:
    client.send((HEAD + LENGTH + END + BODY) * 2 + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    answers = [await client.answer() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[2].json["status"] == "ok"


@pytest.mark.parametrize("name", [b"Upgrade", b"upgrade", b"UPGRADE"])
async def test_a_client_that_offers_h2c_is_answered_in_http_1_1(
    client: RawClient, name: bytes
) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\n" + name + b": h2c\r\nHTTP2-Settings: AAMA\r\n"
    client.send(HEAD + LENGTH + offer + END + BODY)
    assert (await client.answer()).status == 200


async def test_100_continue_is_sent_only_to_who_may_come_in(client: RawClient) -> None:
    client.send(HEAD.replace(b"key-of", b"no-key") + LENGTH + b"Expect: 100-continue\r\n" + END)
    assert (await client.answer()).status == 401


async def test_100_continue_and_then_the_answer(client: RawClient) -> None:
    client.send(HEAD + LENGTH + b"Expect: 100-continue\r\n" + END)
    assert (await client.answer()).status == 100
    client.send(BODY)
    assert (await client.answer()).status == 200


async def test_a_chunked_body_is_read(client: RawClient) -> None:
    client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for byte in (BODY[:10], BODY[10:]):
        client.send(b"%x\r\n" % len(byte) + byte + b"\r\n")
    client.send(b"0\r\n\r\n")
    assert (await client.answer()).status == 200


async def test_a_client_that_leaves_within_its_body_leaves_no_trace(world: World) -> None:
    client = await RawClient.connect(world.port)
    client.send(HEAD + LENGTH + END + BODY[:10])
    await client.writer.drain()
    await client.close()
    other = await RawClient.connect(world.port)
    other.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await other.answer()).status == 200
    await other.close()
    assert world.store.records.requests == {}
