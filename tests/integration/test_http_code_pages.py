"""``errors[].help`` leads to a page of this server, for every code there is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.support.http_world import World, running_world

from offhook.codes import StatusCode


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


async def test_a_rejection_links_its_pages(world: World) -> None:
    async with world.client() as http:
        async with http.post(world.url("callflows"), json={"callflow": [{}]}) as answer:
            body = await answer.json()
        assert body["errors"][0]["help"] == "/docs/codes/1009.md"
        async with http.get(world.url(body["errors"][0]["help"])) as answer:
            page = await answer.text()
            assert answer.status == 200
    assert "<h1>-1009" in page
    assert "callflow.schema.json" in page


@pytest.mark.parametrize("name", ["README.md", *sorted(code.page for code in StatusCode)])
async def test_every_code_has_its_page(world: World, name: str) -> None:
    async with world.client() as http, http.get(world.url(f"/docs/codes/{name}")) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert "<h1>" in await answer.text()


@pytest.mark.parametrize("name", ["nothing.md", "..%2f..%2fapp.py", "1009"])
async def test_what_is_no_page_is_404(world: World, name: str) -> None:
    async with world.client() as http, http.get(world.url(f"/docs/codes/{name}")) as answer:
        assert answer.status == 404


async def test_the_schema_the_pages_link_is_served(world: World) -> None:
    url = world.url("/docs/callflow.schema.json")
    async with world.client() as http, http.get(url) as answer:
        document = await answer.json(content_type=None)
    assert document["title"] == "Callflow request"
