"""``offhook nodes``: a drained node begins no session, its calls go on, and it begins them again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message

from offhook import __version__
from offhook.cli import main

ADMIN_KEY = "key-of-the-operator"
PHONE = "+12025550101"
TEXT = "This message goes on while the node is drained. " * 2


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Server, Receiver]]:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        config = configuration({}, webhooks={"VSS": receiver.url("/vss")})
        config["admin"] = {"api_keys": [ADMIN_KEY]}
        config["testbed"] = {"phones": [{"number": PHONE, "answer_after": 0.1}]}
        yield await stack.enter_async_context(Server(tmp_path, config)), receiver


async def test_a_drained_node_lets_calls_end_and_begins_none(
    world: tuple[Server, Receiver], capsys: pytest.CaptureFixture[str]
) -> None:
    server, receiver = world

    async def nodes(*words: str) -> list[dict[str, Any]]:
        command = ["nodes", *words, "--url", server.url, "--admin-key", ADMIN_KEY, "--json"]
        assert await asyncio.to_thread(main, command) == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["nodes"]
        return found

    async def status(session_id: str) -> str:
        return str((await server.session(session_id))["sessionStatus"])

    live = await server.place(voice_message(PHONE, TEXT))
    async with asyncio.timeout(20):
        while await status(live) != "RUNNING":
            await asyncio.sleep(0.05)
    listed = await nodes("list")
    voice = next(node for node in listed if node["role"] == "voice")
    assert {node["version"] for node in listed} == {__version__}
    assert (voice["sessions"], voice["up"]) == (1, True)
    assert voice["capacity"] > 1
    await nodes("drain", voice["name"])
    async with asyncio.timeout(20):
        while "is drained by the operator" not in server.log():
            await asyncio.sleep(0.05)
    waits = await server.place(voice_message(PHONE, "Hello."))
    await receiver.wait_for(lambda: live in receiver.summaries(), timeout=60)
    assert (await server.session(live))["sessionStatus"] == "COMPLETED"
    assert await status(waits) == "QUEUED"
    await nodes("resume", voice["name"])
    await receiver.wait_for(lambda: waits in receiver.summaries(), timeout=60)
    assert await status(waits) == "COMPLETED"
