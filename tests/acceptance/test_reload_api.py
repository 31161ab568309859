"""SIGHUP reaches the API process too: keys, sub-accounts, and where webhooks may be."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, to_toml, voice_message

DEADLINE = 60.0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as one:
        yield one


async def reload(server: Server, config: dict[str, Any]) -> None:
    """Write the file anew, send SIGHUP, and wait until the voice worker says that it has read it."""
    (server.folder / "offhook.toml").write_text(to_toml(config))
    before = server.log().count("the configuration was read again")
    os.kill(server.processes()[0], signal.SIGHUP)
    async with asyncio.timeout(DEADLINE):
        while server.log().count("the configuration was read again") == before:
            await asyncio.sleep(0.02)


async def ended(receiver: Receiver, session: str) -> str:
    """The status of its summary."""
    await receiver.wait_for(lambda: session in receiver.summaries(), timeout=DEADLINE)
    return next(
        str(one.payload["sessionStatus"])
        for one in receiver.at("/vss")
        if one.payload["sessionId"] == session
    )


@pytest.mark.timeout(180)
async def test_a_key_a_sub_account_and_the_operators_key_of_a_reload_are_known(
    tmp_path: Path,
) -> None:
    config = configuration({"": "udp:127.0.0.1:9"})
    async with (
        Server(tmp_path / "server", config) as server,
        aiohttp.ClientSession(server.url) as client,
    ):

        async def status(path: str, key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            async with client.get(path, headers=headers) as answer:
                return answer.status

        assert await status("/admin/v1/subaccounts", "operators-key") == 404
        assert await status("/api/v1/subaccounts/new_one/sessions", "key-of-the-new") in (401, 404)
        config["admin"] = {"api_keys": ["operators-key"]}
        config["subaccounts"].append(
            {"id": "new_one", "account": "acme", "api_keys": ["key-of-the-new"]}
        )
        await reload(server, config)
        async with asyncio.timeout(DEADLINE):
            while await status("/api/v1/subaccounts/new_one/sessions", "key-of-the-new") != 200:
                await asyncio.sleep(0.05)
            while await status("/admin/v1/subaccounts", "operators-key") != 200:
                await asyncio.sleep(0.05)


@pytest.mark.full
@pytest.mark.timeout(180)
async def test_webhooks_at_private_addresses_are_allowed_by_a_reload(
    tmp_path: Path, receiver: Receiver
) -> None:
    config = configuration({"": "udp:127.0.0.1:9"}, webhooks={"VSS": receiver.url("/vss")})
    config["webhooks"] = {"allow_private": False}
    async with Server(tmp_path / "server", config) as server:
        assert "webhooks[0].url: is a loopback or private address" in server.log()
        config["webhooks"] = {"allow_private": True}
        config["routes"] = []
        await reload(server, config)
        session = await server.place(voice_message("+12025550001", "Hello."))
        await ended(receiver, session)
