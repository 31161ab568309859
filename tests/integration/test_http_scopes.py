"""The scope of every operation: with it one comes in, with all others one does not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.support.http_world import World, running_world
from tests.support.openapi import the_document

from offhook.session.scopes import Scope
from offhook.session.tenancy import KeyGrant

DOCS = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
ROOT = "/api/v1/subaccounts/{subAccountId}"
ROWS = re.findall(r"^\| `([A-Z]+) (/\S+)` \| `([\w:]+)` \|", DOCS, re.MULTILINE)
OPERATIONS = [
    *((method, ROOT + path, Scope(scope)) for method, path, scope in ROWS),
    ("POST", "/api/v1/{subAccountId}/calls", Scope.CALLFLOWS_WRITE),
]
"""Method, path and scope, as ``docs/api.md`` tells customers."""
LINKS = {("GET", ROOT + "/messages/download/{token}")}
"""Opened by the link itself, without a key (``test_http_exports.py``)."""
VALUES = {
    "jobId": "7",
    "campaignId": "none",
    "order": "start",
    "subAccountId": "acme_corp",
    "sessionId": "7",
    "callFlowRequestId": "7",
    "number": "+6568332048",
    "type": "VCA",
    "deliveryId": "7",
    "name": "reminder",
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        for scope in Scope:
            others = frozenset(each for each in Scope if each is not scope)
            for key, scopes in ((f"only {scope}", frozenset({scope})), (f"not {scope}", others)):
                running.directory.keys[key] = KeyGrant(key_id=key, account_id="acme", scopes=scopes)
        yield running


async def answered(world: World, method: str, path: str, key: str) -> tuple[int, str]:
    url = world.url(re.sub(r"\{(\w+)\}", lambda name: VALUES[name[1]], path))
    headers = {"authorization": f"Bearer {key}"}
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession(headers=headers) as client,
        client.request(method, url, data=b"[]") as response,
    ):
        return response.status, (await response.json())["statusMessage"]


def test_every_operation_of_the_document_is_tried() -> None:
    served = {
        (method.upper(), path)
        for path, item in the_document()["paths"].items()
        for method in item
        if path.startswith("/api/")
    }
    assert {(method, path) for method, path, _ in OPERATIONS} == served - LINKS
    assert served >= LINKS


@pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS)
async def test_an_operation_needs_its_scope_and_no_other(
    world: World, method: str, path: str, scope: Scope
) -> None:
    status, message = await answered(world, method, path, f"not {scope}")
    assert (status, message) == (403, f"Resource not accessible: the key lacks {scope}")
    status, _ = await answered(world, method, path, f"only {scope}")
    assert status in (200, 202, 400, 404, 409, 422)
