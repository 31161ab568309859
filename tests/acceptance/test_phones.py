"""Softphones that register with the server, are called and call in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support import softphones
from tests.support.receiver import Receiver, Reply
from tests.support.server import Server, configuration, voice_message
from tests.support.softphones import baresip, linphone

pytestmark = pytest.mark.skipif(not softphones.available, reason="no softphones are installed")

OURS, ALICE, BOB = "+6568332048", "+12025550123", "+12025550124"
ADMIN = "key-of-the-operator"
HANGUP = Reply(body=json.dumps({"callflow": [{"action": "hangup"}]}).encode())


def with_users(receiver: Receiver) -> dict[str, Any]:
    config = configuration(
        {"+999": "udp:127.0.0.1:9"},
        webhooks={type_: receiver.url(f"/{type_.lower()}") for type_ in ("VCA", "VSS")},
        sub_account={"numbers": [{"msisdn": OURS}], "coverage": ["SG"]},
    )
    config["trunks"][0]["inbound_from"] = []
    config["admin"] = {"api_keys": [ADMIN]}
    config["sip_users"] = [
        {"username": "alice", "password": "alice-secret", "number": ALICE, "digest": ["MD5"]},
        {"username": "bob", "password": "bobs-secret", "number": BOB},
    ]
    return config


async def shown(server: Server) -> list[tuple[str, str]]:
    """Whose phones the operator sees, and their numbers."""
    headers = {"Authorization": f"Bearer {ADMIN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.get(f"{server.url}/admin/v1/phones") as answer,
    ):
        phones = (await answer.json())["phones"]
        return [(phone["user"], phone["number"]) for phone in phones]


async def registered(server: Server, count: int = 1) -> None:
    async with asyncio.timeout(15):
        while server.log().count("a phone registers from 127.0.0.1") < count:
            await asyncio.sleep(0.02)


async def test_registered_phones_are_called_and_call_in(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        config = with_users(receiver)
        receiver.on("/vca", lambda _request, _body: HANGUP)
        async with Server(tmp_path / "server", config, workers=2) as server:
            port = server.sip_port
            async with (
                baresip(tmp_path / "a", port, "alice", "alice-secret") as alice,
                linphone(tmp_path / "b", port, "bob", "bobs-secret") as bob,
            ):
                await registered(server, 2)
                assert await shown(server) == [("alice", ALICE), ("bob", BOB)]
                for number in (ALICE, BOB):
                    await server.place(voice_message(number, "Hello."))
                await receiver.wait_for(lambda: len(receiver.at("/vss")) == 2, 20)
                for told in receiver.at("/vss"):
                    summary = told.payload
                    assert summary["sessionStatus"] == "COMPLETED", summary
                    assert summary["details"]["callA"]["callType"] == "VOIP"

                await alice.types(f"/dial sip:{OURS}@127.0.0.1:{port}")
                await receiver.wait_for(lambda: len(receiver.at("/vss")) == 3, 20)
                await bob.types(f"call sip:{OURS}@127.0.0.1:{port}")
                await receiver.wait_for(lambda: len(receiver.at("/vss")) == 4, 20)
                asked = [told.payload for told in receiver.at("/vca")]
                assert [one["source"] for one in asked] == [ALICE, BOB]
                assert {one["callType"] for one in asked} == {"VOIP"}


async def test_all_phones_of_a_user_ring_also_after_a_restart_and_the_first_to_answer_gets_the_call(
    tmp_path: Path,
) -> None:
    async with Receiver() as receiver:
        config = with_users(receiver)
        async with Server(tmp_path / "server", config) as server:
            port = server.sip_port
            async with (
                linphone(tmp_path / "b1", port, "bob", "bobs-secret", answers=False) as rings,
                linphone(tmp_path / "b2", port, "bob", "bobs-secret", answers=False) as answers,
            ):
                await registered(server, 2)
                assert await server.stop() == 0
                await server.start()  # the registrations are in the database
                await server.place(voice_message(BOB, "Hello."))
                await rings.says("Receiving new incoming call")
                await answers.says("Receiving new incoming call")
                await answers.types("answer")
                await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 20)
                assert receiver.at("/vss")[0].payload["sessionStatus"] == "COMPLETED"
                await rings.says("ended")
