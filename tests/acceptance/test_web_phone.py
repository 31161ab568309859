"""Phones in browsers against the whole server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.receiver import Receiver, Reply
from tests.support.server import API_KEY, Server, configuration, voice_message
from tests.support.web_peer import WebPeer, web_phone

OURS, ALICE = "+6568332048", "+12025550123"
SAYS = Reply(
    body=json.dumps(
        {
            "callflow": [
                {"action": "say", "params": {"text": "Welcome to us.", "language": "en-US"}},
                {"action": "hangup"},
            ]
        }
    ).encode()
)


def with_phones(receiver: Receiver) -> dict[str, Any]:
    config = configuration(
        {"+999": "udp:127.0.0.1:9"},
        webhooks={type_: receiver.url(f"/{type_.lower()}") for type_ in ("VCA", "VSS")},
        sub_account={"numbers": [{"msisdn": OURS}], "coverage": ["SG"]},
    )
    config["trunks"][0]["inbound_from"] = []
    config["browser_phone"] = {"enabled": True}
    config["sip_users"] = [{"username": "alice", "password": "alice-secret", "number": ALICE}]
    return config


async def test_a_browser_is_called_and_calls(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        receiver.on("/vca", SAYS)
        async with (
            Server(tmp_path / "server", with_phones(receiver)) as server,
            web_phone(server.url, API_KEY) as phone,
        ):
            await server.place(voice_message(ALICE, "Hello there, browser."))
            await phone.until("ringing")
            await phone.speak("answer")
            await phone.until("talking")
            await phone.heard()
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 20)
            summary = receiver.at("/vss")[0].payload
            assert summary["sessionStatus"] == "COMPLETED", summary
            assert summary["details"]["callA"]["callType"] == "VOIP"
            assert (await phone.until("ready", 2))["text"] == "The other side hung up"

            phone.loudest = 0.0
            phone.news.clear()
            await phone.speak("call", number=OURS)
            await phone.until("talking")
            await phone.heard()
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 2, 20)
            asked = receiver.at("/vca")[0].payload
            assert (asked["source"], asked["callType"]) == (ALICE, "VOIP")


@pytest.mark.full
async def test_hostile_offers_cost_nobody_else_and_a_gateway_that_dies_comes_back(
    tmp_path: Path,
) -> None:
    async with Receiver() as receiver:
        config = with_phones(receiver)
        async with (
            Server(tmp_path / "server", config) as server,
            web_phone(server.url, API_KEY) as victim,
            web_phone(server.url, API_KEY) as attacker,
        ):
            await server.place(voice_message(ALICE, "This is a long message. " * 8))
            await victim.until("ringing")
            await victim.speak("answer")
            await victim.until("talking")
            await victim.heard()
            for offer in (
                "",
                "v=0",
                "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" * 30,
                "\x00" * 2000,
            ):
                assert await attacker.order("call", number=OURS, sdp=offer) == 204
            await _says(attacker, "offer cannot be used")
            victim.loudest = 0.0
            await victim.heard()
            voice = server.processes("voice")
            await server.restarted("phones", server.kill("phones"))
            assert server.processes("voice") == voice
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 60)
            victim.news.clear()
            await victim.until("ready")


async def _says(phone: WebPeer, words: str) -> None:
    while not any(words in one.get("text", "") for one in phone.news):
        phone.changed.clear()
        await phone.changed.wait()
