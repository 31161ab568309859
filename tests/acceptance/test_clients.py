"""Each client calls every operation of a running server, with real calls to a built-in phone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import unquote

import httpx
import pytest
from tests.support import every_operation, javascript_package
from tests.support.every_operation import PHONE, Waited
from tests.support.javascript_package import PROGRAMS, packed, run
from tests.support.openapi import the_document
from tests.support.receiver import Receiver
from tests.support.server import API_KEY, Server, configuration

from offhook import AsyncClient, Client

OPERATOR_KEY = "key-of-the-operator"


class Seen:
    """Which operations were answered well."""

    def __init__(self) -> None:
        document = the_document()
        self.left = {
            (method.upper(), path): about["operationId"]
            for path, item in document["paths"].items()
            for method, about in item.items()
        }
        self._patterns = [
            (method, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path)
            for method, path in sorted(self.left, key=lambda one: one[1].count("{"))
        ]

    def answered(self, method: str, path: str) -> None:
        """A request was answered well."""
        for known, pattern, template in self._patterns:
            if known == method and pattern.fullmatch(path):
                self.left.pop((method, template), None)
                return

    def note(self, response: httpx.Response) -> None:
        if response.is_success:
            self.answered(response.request.method, response.request.url.path)

    async def note_later(self, response: httpx.Response) -> None:
        self.note(response)


@contextmanager
def waiting(url: str, name: str, seen: Seen) -> Iterator[tuple[Client, Client]]:
    """The client of a sub-account and that of the operator."""
    with httpx.Client(event_hooks={"response": [seen.note]}) as http:
        yield Client(url, API_KEY, name, http=http), Client(url, OPERATOR_KEY, name, http=http)


@contextmanager
def asynchronous(url: str, name: str, seen: Seen) -> Iterator[tuple[Client, Client]]:
    """The same with asyncio."""
    with asyncio.Runner() as runner:
        http = httpx.AsyncClient(event_hooks={"response": [seen.note_later]})
        both = (AsyncClient(url, key, name, http=http) for key in (API_KEY, OPERATOR_KEY))
        mine, operators = (cast("Client", Waited(client, runner)) for client in both)
        yield mine, operators
        runner.run(http.aclose())


KINDS = {"waiting": waiting, "asynchronous": asynchronous}


def use(kind: str, url: str) -> list[str]:
    """The operations that were not answered well."""
    seen = Seen()
    number = every_operation.NUMBERS[kind]
    with KINDS[kind](url, kind, seen) as (client, operator):
        session_id = every_operation.a_call(client)
        every_operation.older_requests(client)
        every_operation.lists(client)
        every_operation.settings(client, number)
        every_operation.campaigns(client)
        every_operation.afterwards(client, session_id)
        every_operation.refusals(client)
        every_operation.operation(client)
        every_operation.administration(operator, session_id, kind)
    return sorted(seen.left.values())


async def use_javascript(folder: Path, url: str) -> list[str]:
    """The same with the npm package."""
    folder.mkdir()
    await packed(folder)
    program = folder / "every_operation.mjs"
    program.write_text((PROGRAMS / program.name).read_text())
    name = "javascript"
    number = every_operation.NUMBERS[name]
    status, output = await run(
        "node", program, url, API_KEY, OPERATOR_KEY, name, number, cwd=folder
    )
    assert status == 0, output
    seen = Seen()
    for line in output.splitlines():
        method, _, path = line.partition(" ")
        seen.answered(method, unquote(path))
    return sorted(seen.left.values())


@pytest.mark.timeout(300)  # three clients, one after the other, over real calls
@pytest.mark.skipif(not javascript_package.available, reason="npm packs the package")
async def test_every_client_calls_every_operation(tmp_path: Path) -> None:
    """One server, a sub-account for each, because a server takes seconds to start."""
    config = configuration({})
    (common,) = config["subaccounts"]
    config["subaccounts"] = [
        {**common, "id": kind, "numbers": [{"msisdn": every_operation.NUMBERS[kind]}]}
        for kind in every_operation.NUMBERS
    ]
    config["admin"] = {"api_keys": [OPERATOR_KEY]}
    config["testbed"] = {"phones": [{"number": PHONE, "answer_after": 0.1}]}
    config["sip"]["keep_traces"] = "all"
    config["recording"] = {"allow_private": True}
    async with Receiver() as receiver:
        for section in config["subaccounts"]:
            section["webhooks"] = [{"type": "VSS", "url": receiver.url("/vss")}]
        async with Server(tmp_path / "server", config) as server:
            left = {kind: await asyncio.to_thread(use, kind, server.url) for kind in KINDS}
            left["javascript"] = await use_javascript(tmp_path / "program", server.url)
    assert left == {"waiting": [], "asynchronous": [], "javascript": []}
