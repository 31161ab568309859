"""What one address or one customer may take leaves room for all others, over real sockets."""

from __future__ import annotations

import asyncio
import resource
from contextlib import AsyncExitStack

import pytest
from tests.support.http_world import (
    KEY,
    MESSAGE,
    OTHER_KEY,
    READER_KEY,
    RawAnswer,
    RawClient,
    World,
    running_world,
)

from offhook.http.deps import HttpLimits
from offhook.http.edge import connections

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


async def healthy(client: RawClient) -> RawAnswer:
    client.send(HEALTH)
    return await client.answer()


async def silent(world: World, count: int, source: str = "127.0.0.1") -> list[RawClient]:
    """Connections on which nothing is sent, each accepted before the next."""
    clients = []
    for _ in range(count):
        clients.append(await RawClient.connect(world.port, source))
        probe = await RawClient.connect(world.port, "127.0.0.9")
        assert (await healthy(probe)).status == 200
        await probe.close()
    return clients


async def close_all(clients: list[RawClient]) -> None:
    for client in clients:
        await client.close()


async def test_silent_connections_of_one_address_cost_only_that_address() -> None:
    limits = HttpLimits(connections=8, address_half_open=3)
    async with running_world(limits) as world:
        clients = await silent(world, 5)
        for gone in clients[:2]:
            assert (await gone.answer()).status == 503
            assert await gone.closed()
        for kept in clients[2:]:
            assert (await healthy(kept)).status == 200
        await close_all(clients)


async def test_a_half_open_request_counts_until_its_headers_are_there() -> None:
    async with running_world(HttpLimits(address_half_open=2)) as world:
        halves = await silent(world, 2)
        for half in halves:
            half.send(HEALTH[:10])
            await half.writer.drain()
        newcomer = (await silent(world, 1))[0]
        assert (await halves[0].answer()).status == 503
        halves[1].send(HEALTH[10:])
        assert (await halves[1].answer()).status == 200
        assert (await healthy(newcomer)).status == 200
        await close_all([*halves, newcomer])


async def test_when_every_connection_is_busy_a_newcomer_is_refused() -> None:
    async with running_world(HttpLimits(connections=3)) as world:
        busy = [await RawClient.connect(world.port) for _ in range(3)]
        for each in busy:
            assert (await healthy(each)).status == 200
        newcomer = await RawClient.connect(world.port)
        answer = await newcomer.answer()
        assert (answer.status, answer.json["statusCode"]) == (503, 503)
        await close_all([*busy, newcomer])


async def test_when_all_are_taken_the_oldest_silent_connection_makes_room() -> None:
    async with running_world(HttpLimits(connections=3)) as world:
        busy = await RawClient.connect(world.port)
        assert (await healthy(busy)).status == 200
        quiet = [await RawClient.connect(world.port) for _ in range(2)]
        newcomer = await RawClient.connect(world.port)
        assert (await healthy(newcomer)).status == 200
        assert (await quiet[0].answer()).status == 503
        assert (await healthy(quiet[1])).status == 200
        await close_all([busy, *quiet, newcomer])


# --- event streams


async def open_streams(
    world: World, key: str, sub_account_id: str, session_id: str, count: int, stack: AsyncExitStack
) -> list[int]:
    """Open streams that stay open until the stack closes; returns the statuses."""
    client = await stack.enter_async_context(world.client(key))
    url = world.url(f"sessions/{session_id}/events", sub_account_id)
    answers = [await stack.enter_async_context(client.get(url)) for _ in range(count)]
    return [answer.status for answer in answers]


async def queued_session(world: World, key: str, sub_account_id: str) -> str:
    async with world.client(key) as client:
        url = world.url("callflows", sub_account_id)
        async with client.post(url, json=MESSAGE) as response:
            answer = await response.json()
    session_id: str = answer["sessionId"]
    return session_id


async def test_one_customers_streams_leave_room_for_anothers() -> None:
    limits = HttpLimits(streams=4, sub_account_streams=2)
    async with running_world(limits) as world, AsyncExitStack() as stack:
        world.directory.allow_sources("other_corp", "+6512341234")
        acme = await queued_session(world, KEY, "acme_corp")
        other = await queued_session(world, OTHER_KEY, "other_corp")
        assert await open_streams(world, KEY, "acme_corp", acme, 3, stack) == [200, 200, 429]
        assert await open_streams(world, OTHER_KEY, "other_corp", other, 2, stack) == [200, 200]


async def test_one_addresss_streams_are_bounded_too() -> None:
    async with running_world(HttpLimits(address_streams=1)) as world, AsyncExitStack() as stack:
        acme = await queued_session(world, KEY, "acme_corp")
        assert await open_streams(world, KEY, "acme_corp", acme, 2, stack) == [200, 429]


async def test_a_stream_that_was_closed_gives_its_place_back() -> None:
    limits = HttpLimits(sub_account_streams=1)
    async with running_world(limits) as world:
        acme = await queued_session(world, KEY, "acme_corp")
        for _ in range(3):
            async with AsyncExitStack() as stack:
                assert await open_streams(world, KEY, "acme_corp", acme, 1, stack) == [200]
            async with asyncio.timeout(10):
                while world.deps.registry.get_sample_value("offhook_http_event_streams"):
                    await asyncio.sleep(0.01)


# --- requests being served


async def test_requests_under_way_are_bounded_for_each_sub_account() -> None:
    async with running_world(HttpLimits(sub_account_requests=2)) as world:
        head = (
            b"POST /api/v1/subaccounts/acme_corp/callflows HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer %b\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        )
        clients = [await RawClient.connect(world.port) for _ in range(3)]
        for client in clients[:2]:
            client.send(head % KEY.encode())
            assert (await client.answer()).status == 100
        clients[2].send(head % READER_KEY.encode())
        refused = await clients[2].answer()
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        clients[0].send(b"[1, 2, 3]")
        assert (await clients[0].answer()).status == 400
        async with world.client() as other, other.get(world.url("webhooks")) as response:
            assert response.status == 200
        await close_all(clients)


@pytest.mark.parametrize("soft", [300, 1024])
async def test_the_connections_fit_the_files_that_the_process_may_open(
    soft: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    total = connections._within_descriptors(4000)
    assert 0 < total <= soft - 150
