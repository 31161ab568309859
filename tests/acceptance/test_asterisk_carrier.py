"""A carrier trunk with a far peer: Asterisk, with digest, TLS and SRTP, in both directions."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from tests.support import softphones
from tests.support.asterisk import TONE, Asterisk, asterisk
from tests.support.asterisk_carrier import PASSWORD, USER, CarrierFiles, places_call
from tests.support.net import free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration, voice_message
from tests.support.softphones import Softphone, baresip
from tests.support.wide_codecs import strongest

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("debootstrap") is None or not softphones.available,
        reason="Asterisk runs in a Debian of its own: root and debootstrap are needed",
    ),
]
MENU, MASKED = "+6568332048", "+6568332049"
LISTENS, TALKS, STAYS, DESK = "+12025550100", "+12025550101", "+12025550102", "+12025550200"
ADMIN = "key-of-the-operator"
ASKS = {
    "action": "sayAndCapture",
    "params": {
        "promptMessage": "Please enter your code.",
        "language": "en-US",
        "minDigits": 1,
        "maxDigits": 5,
        "completeOnHash": True,
        "noOfTries": 1,
        "overallTimeout": 15000,
    },
}


class World(NamedTuple):
    carrier: Asterisk
    server: Server
    receiver: Receiver
    desk: Softphone

    def summaries(self) -> list[Any]:
        return [told.payload for told in self.receiver.at("/vss")]

    async def summary_of(self, session_id: str, within: float = 40) -> Any:
        await self.receiver.wait_for(
            lambda: any(one["sessionId"] == session_id for one in self.summaries()), within
        )
        return next(one for one in self.summaries() if one["sessionId"] == session_id)

    async def sip_of(self, session_id: str) -> list[dict[str, Any]]:
        """The SIP messages of a session that has ended. They are stored right after its end."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        url = f"{self.server.url}/admin/v1/sessions/{session_id}/sip"
        async with asyncio.timeout(20), aiohttp.ClientSession(headers=headers) as client:
            while True:
                async with client.get(url) as answer:
                    if answer.status == 200:
                        found: list[dict[str, Any]] = (await answer.json())["messages"]
                        return found


def decide(_request: web.Request, body: bytes) -> Reply:
    """The customer's server: a menu on one number, number masking on the other."""
    payload = json.loads(body)["payload"]
    if payload["destination"] == MASKED:
        call = {"action": "makeCall", "params": {"source": SOURCE, "destination": TALKS}}
        return Reply(body=json.dumps({"callflow": [call]}).encode())
    begins = payload["callStatus"] == "CALL_RECEIVED"
    actions = [ASKS] if begins else [{"action": "hangup"}]
    return Reply(body=json.dumps({"callflow": actions}).encode())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        files = CarrierFiles.made(tmp_path)
        folder = tmp_path / "asterisk"
        folder.mkdir()
        carrier = await stack.enter_async_context(asterisk(folder, files.set_up))
        receiver = await stack.enter_async_context(Receiver())
        receiver.on("/vca", decide)
        config = configuration(
            {"": files.address},
            webhooks={type_: receiver.url(f"/{type_.lower()}") for type_ in ("VCA", "VSS")},
            sub_account={"numbers": [{"msisdn": MENU}, {"msisdn": MASKED}]},
        )
        config["sip"] |= {
            "listen": [f"tls:127.0.0.1:{free_port()}"],
            "tls_certificate": files.certificate,
            "tls_key": files.key,
            "tls_ca": str(files.authority),
            "keep_traces": "all",
        }
        config["admin"] = {"api_keys": [ADMIN]}
        config["trunks"][0] |= {
            "inbound_from": [],
            "username": USER,
            "password": PASSWORD,
            "register": True,
            "srtp": "required",
            "session_timer": 90,
        }
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        desk = baresip(tmp_path / "desk", 9, "desk", "none", port=files.desk)
        phone = await stack.enter_async_context(desk)
        async with asyncio.timeout(30):
            while "trunk carrier-0: registered" not in server.log():
                await asyncio.sleep(0.05)
        yield World(carrier, server, receiver, phone)


async def test_asterisk_is_a_carrier_both_ways_with_digest_tls_and_srtp(world: World) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(a_call_is_kept_alive_by_its_session_timer(world))
        group.create_task(a_message_is_heard(world))
        group.create_task(a_caller_presses_keys(world))
        group.create_task(a_caller_is_bridged(world))
        group.create_task(a_called_phone_holds_and_resumes(world))


async def a_message_is_heard(world: World) -> None:
    session_id = await world.server.place(voice_message(LISTENS, "Your parcel has arrived."))
    assert (await world.summary_of(session_id))["sessionStatus"] == "COMPLETED"
    async with asyncio.timeout(10):  # it writes what it hears in a thread of its own
        while np.abs(world.carrier.heard(LISTENS)[0]).max(initial=0) < 3000:
            await asyncio.sleep(0.1)
    sent = [each["text"] for each in await world.sip_of(session_id) if each["sent"]]
    assert any(text.startswith("INVITE") and "Authorization: Digest" in text for text in sent)
    assert all("RTP/SAVP" in text for text in sent if text.startswith("INVITE"))


async def a_caller_presses_keys(world: World) -> None:
    places_call(world.carrier.folder, MENU, "press", caller="+14155550123")
    await world.receiver.wait_for(
        lambda: any(told.payload.get("dtmf") for told in world.receiver.at("/vca")), 40
    )
    asked = [told.payload for told in world.receiver.at("/vca")]
    pressed = next(payload for payload in asked if payload["dtmf"])
    assert (pressed["dtmf"], pressed["source"]) == ("42", "+14155550123")
    assert (await world.summary_of(pressed["sessionId"]))["sessionStatus"] == "COMPLETED"


async def a_caller_is_bridged(world: World) -> None:
    places_call(world.carrier.folder, MASKED, "listen", caller="+14155550124")
    await world.receiver.wait_for(
        lambda: any(len(one["details"]) == 2 for one in world.summaries()), 60
    )
    bridged = next(one for one in world.summaries() if len(one["details"]) == 2)
    assert bridged["sessionStatus"] == "COMPLETED"
    heard, rate = world.carrier.heard("listen")
    assert abs(strongest(heard, rate).hertz - TONE) < 10


async def a_called_phone_holds_and_resumes(world: World) -> None:
    text = "Please hold the line. " * 8
    session_id = await world.server.place(voice_message(DESK, text))
    await world.desk.says("Call established")
    await world.desk.types("/hold")
    await asyncio.sleep(1)
    await world.desk.types("/resume")
    assert (await world.summary_of(session_id))["sessionStatus"] == "COMPLETED"
    messages = await world.sip_of(session_id)
    received = [
        each["text"]
        for each in messages
        if not each["sent"] and each["text"].startswith(("INVITE", "UPDATE"))
    ]
    assert any("a=sendonly" in text or "a=inactive" in text for text in received), received
    assert "a=sendrecv" in received[-1]


async def a_call_is_kept_alive_by_its_session_timer(world: World) -> None:
    session_id = await world.server.place(voice_message(STAYS, "Please hold the line. " * 40))
    summary = await world.summary_of(session_id, 150)
    assert summary["sessionStatus"] == "COMPLETED"
    assert summary["details"]["callA"]["callDuration"] > 50
    refreshed = [
        each["text"]
        for each in await world.sip_of(session_id)
        if each["text"].startswith(("INVITE", "UPDATE")) and "Session-Expires: 90" in each["text"]
    ]
    assert len(refreshed) > 1
