"""A trunk that the server registers with: Kamailio is the carrier's registrar and proxy."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support import kamailio, sipp
from tests.support.caller import Caller
from tests.support.kamailio import Kamailio
from tests.support.receiver import Receiver, Reply
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(
    not (sipp.available and kamailio.available), reason="sipp or kamailio is not installed"
)

OURS, PHONE = "+6568332048", "+12025550100"
ADMIN = "key-of-the-operator"
CARRIER = """
modparam("auth", "algorithm", "{algorithm}")
modparam("auth", "nonce_expire", 300)

request_route {{
    if (has_totag()) {{ loose_route(); t_relay(); exit; }}
    if (is_method("CANCEL")) {{ t_relay(); exit; }}
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("carrier.test", "secret", "0")) {{
            www_challenge("carrier.test", "1");
            exit;
        }}
        xlog("L_ALERT", "BINDING $hdr(Contact) FOR $hdr(Expires)\\n");
        save("location");
        exit;
    }}
    record_route();
    if ($sp == {ours}) {{
        if (!pv_proxy_authenticate("carrier.test", "secret", "0")) {{
            proxy_challenge("carrier.test", "1");
            exit;
        }}
        consume_credentials();
        if ($fU != "line1" || !($hdr(P-Asserted-Identity) =~ "6512341234")) {{
            sl_send_reply("403", "Unknown account");
            exit;
        }}
        $du = "sip:127.0.0.1:{phone}";
    }} else {{
        $ru = "sip:line1@carrier.test";
        if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    }}
    t_relay();
}}
"""


def registering(carrier: Kamailio, receiver: Receiver, password: str = "secret") -> dict[str, Any]:
    config = configuration(
        {"": carrier.address},
        webhooks={type_: receiver.url(f"/{type_.lower()}") for type_ in ("VCA", "VSS")},
        sub_account={"numbers": [{"msisdn": OURS}]},
    )
    config["admin"] = {"api_keys": [ADMIN]}
    config["trunks"] = [
        {
            "name": "carrier-0",
            "address": carrier.address,
            "username": "line1",
            "password": password,
            "domain": "carrier.test",
            "register": True,
            "from_user": "username",
            "numbers": "digits",
        }
    ]
    return config


async def logged(server: Server, words: str) -> None:
    async with asyncio.timeout(15):
        while words not in server.log():
            await asyncio.sleep(0.02)


async def bound(carrier: Kamailio, words: str, times: int) -> None:
    """Wait until the registrar has been asked that often."""
    async with asyncio.timeout(15):
        while carrier.output.count(words) < times:
            await asyncio.sleep(0.02)


async def drain(server: Server, wanted: bool) -> None:
    """Have the operator drain the voice node, or let it go on."""
    headers = {"Authorization": f"Bearer {ADMIN}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        async with client.get(f"{server.url}/admin/v1/nodes") as answer:
            nodes = (await answer.json())["nodes"]
        name = next(node["name"] for node in nodes if node["role"] == "voice")
        body = {"name": name, "drain": wanted}
        async with client.post(f"{server.url}/admin/v1/nodes", json=body) as answer:
            assert answer.status == 200, await answer.text()


async def shown_trunk(server: Server) -> dict[str, Any]:
    """The trunk as ``offhook trunks`` shows it, once a voice process has told of it."""
    headers = {"Authorization": f"Bearer {ADMIN}"}
    async with aiohttp.ClientSession(headers=headers) as client, asyncio.timeout(15):
        while True:
            async with client.get(f"{server.url}/admin/v1/status") as answer:
                [trunk] = (await answer.json())["trunks"]
            if trunk.get("up") is not None:
                found: dict[str, Any] = trunk
                return found
            await asyncio.sleep(0.1)


def routes(config: dict[str, Any], phone: int, algorithm: str) -> str:
    ours = config["sip"]["listen"][0].rpartition(":")[2]
    return CARRIER.format(algorithm=algorithm, ours=ours, phone=phone)


async def test_calls_go_both_ways_over_a_trunk_that_we_registered_with(tmp_path: Path) -> None:
    carrier = Kamailio(tmp_path / "kamailio", "")
    phone = Sipp("answer", tmp_path, log_messages=True)
    async with Receiver() as receiver, phone:
        config = registering(carrier, receiver)
        carrier.use(routes(config, phone.port, "SHA-256"))
        hangup = Reply(body=json.dumps({"callflow": [{"action": "hangup"}]}).encode())
        receiver.on("/vca", lambda _request, _body: hangup)
        async with carrier, Server(tmp_path / "server", config) as server:
            await logged(server, "trunk carrier-0: registered for 600 s")

            await server.place(voice_message(PHONE, "Hello."))
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 20)
            assert receiver.at("/vss")[0].payload["sessionStatus"] == "COMPLETED"
            assert [len(ids) for ids in phone.invites().values()] == [1]
            assert set(phone.invites()) == {PHONE.lstrip("+")}

            async with Caller(carrier.port) as caller:
                call = caller.dial(OURS.lstrip("+"), "14155550123")
                end = await call.wait_ended()
            assert end.sip_code == 603
            received = receiver.at("/vca")[0].payload
            assert (received["source"], received["destination"]) == ("+14155550123", OURS)

            await server.stop()
            assert "FOR 0" in carrier.output


async def test_a_drained_node_takes_its_registration_back(tmp_path: Path) -> None:
    carrier = Kamailio(tmp_path / "kamailio", "")
    async with Receiver() as receiver:
        config = registering(carrier, receiver)
        config["trunks"][0]["register_on"] = "one"
        carrier.use(routes(config, 9, "MD5"))
        async with carrier, Server(tmp_path / "server", config) as server:
            await logged(server, "trunk carrier-0: this machine registers")
            await logged(server, "trunk carrier-0: registered for 600 s")
            await drain(server, True)
            await bound(carrier, "FOR 0", 1)
            assert carrier.output.count("FOR 600") == 1
            await drain(server, False)
            await bound(carrier, "FOR 600", 2)


async def test_a_trunk_that_refuses_the_password_is_down_and_says_why(tmp_path: Path) -> None:
    carrier = Kamailio(tmp_path / "kamailio", "")
    async with Receiver() as receiver:
        config = registering(carrier, receiver, password="wrong")
        carrier.use(routes(config, 9, "MD5"))
        async with carrier, Server(tmp_path / "server", config) as server:
            await logged(server, "trunk carrier-0 is down: REGISTER: 401 Unauthorized")
            shown = await shown_trunk(server)
            assert shown["up"] is False
            assert "does not accept the trunk's username and password" in shown["detail"]
