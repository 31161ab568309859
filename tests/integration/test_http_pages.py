"""The pages at the root, and the server's start and stop."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
from tests.support.http_world import KEY, MESSAGE, RawClient, World, now, running_world

from offhook.http.edge.http_server import serve
from offhook.http.edge.paths import PAGES
from offhook.session.ports.record import DEAD_AFTER, NodeRole, StoreUnavailable


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


@pytest.fixture
async def client(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def text(client: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with client.get(url) as response:
        return response.status, await response.text()


async def readiness(world: World, client: aiohttp.ClientSession) -> tuple[int, str]:
    """What ``/readyz`` says; ``/healthz`` says the same beside ``ok``."""
    async with client.get(world.url("/readyz")) as response:
        status, ready = response.status, (await response.json())["status"]
    async with client.get(world.url("/healthz")) as response:
        assert response.status == 200
        assert await response.json() == {"status": "ok", "readiness": ready}
    return status, ready


async def test_health_and_readiness_follow_the_process(
    world: World, client: aiohttp.ClientSession
) -> None:
    await beat(world)
    assert await readiness(world, client) == (200, "ready")
    world.deps.phase.ready = False
    assert await readiness(world, client) == (503, "starting")
    world.deps.phase.ready = True
    world.store.failure = StoreUnavailable()
    assert await readiness(world, client) == (503, "no database")
    world.store.failure = None
    world.deps.phase.draining.set()
    assert await readiness(world, client) == (503, "draining")


async def beat(world: World, **ago: timedelta) -> None:
    """Let one node of each role have written its last heartbeat so long ago."""
    for role in NodeRole:
        at = now() - ago.get(role.value, timedelta(0))
        await world.store.register_node(f"machine/{role}", role, at)


async def test_readiness_tells_that_no_voice_node_lives(
    world: World, client: aiohttp.ClientSession
) -> None:
    await beat(world, voice=DEAD_AFTER + timedelta(seconds=1))
    assert await readiness(world, client) == (503, "no voice node")
    await beat(world)
    assert await readiness(world, client) == (200, "ready")
    node = await world.store.register_node("machine/voice", NodeRole.VOICE, now())
    await world.store.retire_node(node)
    assert await readiness(world, client) == (503, "no voice node")


async def test_readiness_tells_that_the_database_cannot_be_written(
    world: World, client: aiohttp.ClientSession
) -> None:
    await beat(world, api=DEAD_AFTER + timedelta(seconds=1))
    assert await readiness(world, client) == (503, "database cannot be written")


async def test_a_load_balancer_may_ask_with_head(
    world: World, client: aiohttp.ClientSession
) -> None:
    await beat(world)
    for path in ("/healthz", "/readyz"):
        async with client.head(world.url(path)) as response:
            assert response.status == 200
            assert await response.read() == b""


async def test_the_root_leads_a_browser_to_the_documentation(
    world: World, client: aiohttp.ClientSession
) -> None:
    async with client.get(world.url("/"), allow_redirects=False) as response:
        assert (response.status, response.headers["location"]) == (302, "/docs")
    async with client.get(world.url("/")) as response:
        assert response.status == 200


async def test_every_content_type_names_its_charset_once_at_most(
    world: World, client: aiohttp.ClientSession
) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    pages = [*sorted(PAGES - {"/"}), "/docs/codes/1001.md", "/docs/callflow.schema.json"]
    for path in [*pages, "webhooks", "sessions", "speech-profiles", "nope"]:
        async with client.get(world.url(path), headers=headers) as response:
            content_type = response.headers["content-type"]
            assert len(response.headers.getall("content-type")) == 1
        assert content_type.count("charset") <= 1, f"{path}: {content_type}"


async def test_figures_tell_requests_and_judgements_apart(
    world: World, client: aiohttp.ClientSession
) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    for body in (MESSAGE, MESSAGE, {}):
        async with client.post(world.url("callflows"), json=body, headers=headers):
            pass
    await text(client, world.url("/api/v1/subaccounts/x/anything-at-all"))
    _, figures = await text(client, world.url("/metrics"))
    route = "/api/v1/subaccounts/{subAccountId}/"
    for line in (
        f'offhook_http_requests_total{{method="POST",route="{route}callflows",status="200"}} 2.0',
        f'offhook_http_requests_total{{method="POST",route="{route}callflows",status="400"}} 1.0',
        f'offhook_http_requests_total{{method="GET",route="{route}unknown",status="401"}} 1.0',
        f'offhook_http_request_seconds_count{{route="{route}callflows"}} 3.0',
        'offhook_callflows_judged_total{code="1"} 2.0',
        'offhook_callflows_judged_total{code="-1009"} 1.0',
    ):
        assert line in figures


async def test_the_docs_page_loads_files_of_this_server_only(
    world: World, client: aiohttp.ClientSession
) -> None:
    async with client.get(world.url("/docs")) as response:
        page = await response.text()
        policy = response.headers["content-security-policy"]
    assert response.content_type == "text/html"
    loaded = [each for each in re.findall(r'(?:src|href)="([^"]+)"', page) if each != "data:,"]
    assert len(loaded) >= 4
    for path in loaded:
        assert path.startswith("/")
        async with client.get(world.url(path)) as response:
            assert response.status == 200, path
            assert len(await response.read()) > 100
    assert "<script>" not in page
    assert "<style>" not in page
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "connect-src 'self'" in policy


async def test_the_docs_page_lets_one_try_a_request(
    world: World, client: aiohttp.ClientSession
) -> None:
    _, start = await text(client, world.url("/docs/ui/start.js"))
    assert 'url: "/openapi.json"' in start
    assert "tryItOutEnabled: true" in start
    assert "validatorUrl: null" in start, "the document must not be sent to a validator"
    async with client.get(world.url("/openapi.json")) as response:
        document = await response.json()
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"


async def test_the_docs_serve_no_other_file(world: World, client: aiohttp.ClientSession) -> None:
    for name in ("swagger-editor.js", "..%2f__init__.py", "index.html", ""):
        status, _ = await text(client, world.url(f"/docs/ui/{name}"))
        assert status == 404


async def test_the_document_is_served_at_the_root(
    world: World, client: aiohttp.ClientSession
) -> None:
    async with client.get(world.url("/openapi.json")) as response:
        document = await response.json()
    assert document["openapi"].startswith("3.1")
    assert response.headers["x-request-id"]


# --- start and stop


async def test_the_servers_signals_are_left_to_the_process() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    async with running_world():
        during = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    assert during == before


async def test_a_taken_port_is_an_error_of_the_caller(world: World) -> None:
    with pytest.raises(OSError, match="in use"):
        await serve(lambda *_: asyncio.sleep(0), world.deps, "127.0.0.1", world.port)


BODY = b'{"type":"VXX","url":"https://a.example/"}'


async def half_a_request(world: World) -> RawClient:
    """A request that is being served, and of whose body one byte has come."""
    client = await RawClient.connect(world.port)
    client.send(
        b"POST /api/v1/subaccounts/acme_corp/webhooks HTTP/1.1\r\nHost: x\r\n"
        b"Authorization: Bearer key-of-acme\r\nContent-Length: %d\r\n\r\n{" % len(BODY)
    )
    await client.writer.drain()
    return client


async def idle_connection(world: World) -> RawClient:
    """A connection that has been answered; whatever was sent before it has arrived."""
    client = await RawClient.connect(world.port)
    client.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await client.answer()).status == 200
    return client


async def test_a_request_under_way_is_finished_before_the_stop() -> None:
    async with running_world() as world:
        busy, idle = await half_a_request(world), await idle_connection(world)
        stopping = asyncio.create_task(world.server.stop(grace=10))
        assert await idle.closed()
        busy.send(BODY[1:])
        answer = await busy.answer()
        assert answer.status == 422
        assert answer.headers["connection"] == "close"
        await stopping
        for each in (busy, idle):
            await each.close()


async def test_a_request_that_never_ends_is_cut_off_after_the_grace() -> None:
    async with running_world() as world:
        busy, idle = await half_a_request(world), await idle_connection(world)
        async with asyncio.timeout(20):
            await world.server.stop(grace=1)
        answer = await busy.answer()
        assert (answer.status, answer.json["statusCode"]) == (503, 503)
        assert await busy.closed()
        for each in (busy, idle):
            await each.close()
