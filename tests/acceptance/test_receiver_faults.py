"""A customer's receiver dies while calls run, comes back, and says 410, against the whole server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support.net import free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import Server, configuration, voice_message

pytestmark = pytest.mark.full

PHONE = "+12025550101"
CALLS = 6


def config(port: int) -> dict[str, Any]:
    hooks = {"VSS": f"http://127.0.0.1:{port}/vss"}
    made = configuration({}, webhooks=hooks)
    made["testbed"] = {"phones": [{"number": PHONE, "answer_after": 0.1}]}
    del made["subaccounts"][0]["webhooks"]
    return made


async def ended(server: Server, sessions: list[str]) -> None:
    async with asyncio.timeout(60):
        for session in sessions:
            while (await server.session(session))["sessionStatus"] in {"QUEUED", "RUNNING"}:
                await asyncio.sleep(0.05)


async def test_what_ended_without_the_receiver_arrives_when_it_is_there(tmp_path: Path) -> None:
    port = free_port()
    hook = {"type": "VSS", "url": f"http://127.0.0.1:{port}/vss"}
    async with Server(tmp_path, config(port)) as server:
        await server.must("POST", "/webhooks", hook)
        body = voice_message(PHONE, "Hello.")
        sessions = [await server.place(body) for _ in range(CALLS)]
        await ended(server, sessions)
        async with Receiver(port) as receiver:
            await receiver.wait_for(lambda: len(receiver.summaries()) == CALLS, timeout=60)
            assert receiver.summaries() == dict.fromkeys(sessions, 1)
            receiver.on("/vss", Reply(status=410))
            gone = await server.place(body)
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == CALLS + 1, timeout=30)
            async with asyncio.timeout(20):
                while (await server.must("GET", "/webhooks"))["webhooks"][0]["enabled"]:
                    await asyncio.sleep(0.05)
            later = await server.place(body)
            await ended(server, [later])
            dead = await server.must("GET", "/webhooks/VSS/deliveries?state=dead")
            receiver.on("/vss", Reply())
            await server.must("POST", "/webhooks", hook)
            (again,) = dead["deliveries"]
            path = f"/webhooks/VSS/deliveries/{again['deliveryId']}/redeliver"
            await server.must("POST", path)
            await receiver.wait_for(lambda: receiver.summaries()[gone] == 1, timeout=30)
            assert receiver.summaries()[later] == 0
