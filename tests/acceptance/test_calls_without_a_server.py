"""What needs no customer's server, over SIPp: a stored menu of two levels, keys sent after the answer, and a
budget that is spent while a call runs."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support import sipp
from tests.support.captures import RtpTape, ask_tshark, write_capture
from tests.support.net import RtpSink, free_port
from tests.support.receiver import Receiver
from tests.support.server import API_KEY, SOURCE, SUB_ACCOUNT, Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

OURS, PHONE = "+6568332048", "+12025550101"
TSHARK = shutil.which("tshark")


def asking(text: str) -> list[dict[str, Any]]:
    params = {"promptMessage": text, "language": "en-GB", "maxDigits": 1, "noOfTries": 1}
    return [{"action": "sayAndCapture", "params": params}]


def saying(text: str) -> list[dict[str, Any]]:
    return [{"action": "say", "params": {"text": text, "language": "en-GB"}}]


LONG = " Please choose one of the following, there is no hurry at all." * 3
MENU = {
    "first": "welcome",
    "callflows": {
        "welcome": asking("Press 1 for the shop." + LONG),
        "shop": asking("Press 2 for the opening hours." + LONG),
        "hours": saying("We open at nine."),
        "wrong": saying("This is no choice."),
    },
    "table": [
        {"menu": "welcome", "on": "1", "next": "shop"},
        {"menu": "welcome", "on": "invalid", "next": "wrong"},
        {"menu": "shop", "on": "2", "next": "hours"},
        {"menu": "shop", "on": "invalid", "next": "wrong"},
        {"menu": "shop", "on": "none", "next": "wrong"},
    ],
}


async def test_a_caller_walks_through_a_stored_menu_of_two_levels(tmp_path: Path) -> None:
    (tmp_path / "menu.json").write_text(json.dumps(MENU))
    menu = {"name": "house", "file": str(tmp_path / "menu.json"), "numbers": [OURS]}
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        ear = await stack.enter_async_context(RtpSink())
        config = configuration(
            {"+999": f"udp:127.0.0.1:{free_port()}"},
            webhooks={"VSS": receiver.url("/vss")},
            sub_account={"numbers": [{"msisdn": OURS}], "menus": [menu]},
        )
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        caller = await stack.enter_async_context(
            Sipp(
                "call_and_press_twice",
                tmp_path,
                keys={
                    "rtp_port": ear.port,
                    "caller_number": PHONE,
                    "first_key": 1,
                    "second_key": 2,
                },
                calls=1,
                target=f"127.0.0.1:{server.sip_port}",
                service=OURS,
                timeout=60,
            )
        )
        await caller.finished()
        await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 30)
        told = receiver.at("/vss")[0].payload
        shown = await server.must("GET", f"/sessions/{told['sessionId']}")
    assert told["sessionStatus"] == "COMPLETED"
    followed = [each for each in shown["events"] if each["event"] == "MENU_FOLLOWED"]
    assert [each["callflow"] for each in followed] == ["welcome", "shop", "hours"]


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
async def test_keys_are_sent_after_the_answer_as_wireshark_sees_them(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        tape = await stack.enter_async_context(RtpTape())
        phone = await stack.enter_async_context(
            Sipp("answer", tmp_path, keys={"rtp_port": tape.port}, timeout=60)
        )
        config = configuration({"+1": phone.address}, webhooks={"VSS": receiver.url("/vss")})
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        call = {"source": SOURCE, "destination": PHONE, "sendDigits": "12ww#*"}
        flow = [{"action": "makeCall", "params": call}, *saying("Hello."), {"action": "hangup"}]
        await server.place({"callflow": flow})
        await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 30)
        assert receiver.at("/vss")[0].payload["sessionStatus"] == "COMPLETED"
    path = tmp_path / "keys.pcap"
    write_capture(path, tape.frames, tape.port)
    assert TSHARK is not None
    out = await ask_tshark(
        TSHARK,
        *("-r", str(path), "-d", f"udp.port=={tape.port},rtp"),
        *("-o", "rtpevent.event_payload_type_value:101", "-Y", "rtpevent"),
        *("-T", "fields", "-e", "rtp.timestamp", "-e", "rtpevent.event_id"),
        *("-e", "rtpevent.end_of_event"),
    )
    events: dict[int, int] = {}
    ends: list[int] = []
    for line in out.splitlines():
        timestamp, event, end = line.split("\t")
        events[int(timestamp)] = int(event)
        ends += [int(timestamp)] if end in ("1", "True") else []
    began = sorted(events)
    assert [events[at] for at in began] == [1, 2, 11, 10]  # RFC 4733 §3.2: # is 11, * is 10
    assert set(ends) == set(began)
    pause = (began[2] - began[1]) / 8000
    assert pause >= 1.0, "ww waits a second"


async def test_a_spent_budget_refuses_new_callflows_and_leaves_the_call_that_runs(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        ear = await stack.enter_async_context(RtpSink())
        phone = await stack.enter_async_context(
            Sipp("answer", tmp_path, keys={"rtp_port": ear.port}, timeout=120)
        )
        config = configuration(
            {"+1": phone.address},
            webhooks={"VSS": receiver.url("/vss")},
            sub_account={"daily_minutes": 1},
        )
        config["rates"] = {"increment": "60+60"}
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        running = await server.place(voice_message(PHONE, "Hello." + LONG))
        await ear.streaming(1, 30)
        await server.place(voice_message("+12025550102", "Hello."))
        await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 30)
        body, headers = await refused(server)
        shown = await server.must("GET", f"/sessions/{running}")
        assert shown["sessionStatus"] == "RUNNING"
        await receiver.wait_for(lambda: len(receiver.at("/vss")) == 2, 90)
        ended = receiver.at("/vss")[1].payload
    assert (body["statusCode"], body["statusMessage"]) == (429, "Too many requests")
    assert body["errors"][0]["message"].startswith("the budget of the day is spent")
    until_midnight = 86_400 - time.time() % 86_400
    assert abs(int(headers["Retry-After"]) - until_midnight) < 120
    assert (ended["sessionId"], ended["sessionStatus"]) == (running, "COMPLETED")


async def refused(server: Server) -> tuple[dict[str, Any], Mapping[str, str]]:
    """The answer to callflows once the process has read what was spent."""
    path = f"{server.url}/api/v1/subaccounts/{SUB_ACCOUNT}/callflows"
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with asyncio.timeout(30), aiohttp.ClientSession(headers=headers) as client:
        while True:
            async with client.post(path, json={"callflow": []}) as response:
                if response.status == 429:
                    return await response.json(), dict(response.headers)
            await asyncio.sleep(0.1)
