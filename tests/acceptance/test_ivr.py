"""A three-level IVR walked by callers who press, press wrongly, keep silent, or leave at any point."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from aiohttp import web
from tests.support import sipp
from tests.support.caller import Caller
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration
from tests.support.sipp import Sipp

from offhook.media.tap_listener import TapListener
from offhook.telephony.outgoing import OutgoingCall
from offhook.testbed.ear import Ear

OURS, STAFF = "+6568332048", "+12025550100"

MENUS: dict[str, str] = {
    "": "Welcome. Press one or two.",
    "1": "Tables. Press one or two.",
    "11": "Tonight. Press one.",
}
"""Prompt of each menu, by the keys pressed so far."""
LEAVES: dict[str, list[dict[str, Any]]] = {
    "111": [{"action": "say", "params": {"text": "Booked.", "language": "en-US"}}],
    "12": [{"action": "say", "params": {"text": "Full.", "language": "en-US"}}],
    "2": [{"action": "makeCall", "params": {"source": SOURCE, "destination": STAFF}}],
}
"""What runs at the end of each path."""


def menu(path: str) -> dict[str, Any]:
    params = {
        "promptMessage": MENUS[path],
        "failureMessage": "Sorry.",
        "language": "en-US",
        "maxDigits": 1,
        "noOfTries": 2,
        "overallTimeout": 4000,
    }
    return {"action": "sayAndCapture", "params": params}


class Restaurant:
    """The customer's server: remembers where each session is in the menus."""

    def __init__(self) -> None:
        self.paths: dict[str, str] = {}
        self.asked: dict[str, list[str | None]] = {}

    def __call__(self, _request: web.Request, body: bytes) -> Reply:
        payload = json.loads(body)["payload"]
        caller, digits = payload["source"], payload["dtmf"]
        if payload["callStatus"] == "CALL_RECEIVED":
            self.paths[caller] = ""
            self.asked[caller] = []
            return self._answer(menu(""))
        self.asked[caller].append(digits)
        path = self.paths[caller] + (digits or "")
        if digits is None or self.paths[caller] in LEAVES:
            return self._answer()
        if path in LEAVES:
            self.paths[caller] = path
            return self._answer(*LEAVES[path])
        if path in MENUS:
            self.paths[caller] = path
        return self._answer(menu(self.paths[caller]))

    @staticmethod
    def _answer(*actions: dict[str, Any]) -> Reply:
        return Reply(body=json.dumps({"callflow": list(actions)}).encode())


class Walk(NamedTuple):
    """One caller: the keys, one after each prompt heard; and when to hang up, if at all."""

    keys: str
    asked: list[str | None]
    status: str = "COMPLETED"
    legs: int = 1
    leave_after_keys: bool = False


WALKS: dict[str, Walk] = {
    "+14155550001": Walk("111", ["1", "1", "1", None]),
    "+14155550002": Walk("12", ["1", "2", None]),
    "+14155550003": Walk("2", ["2"], legs=2, leave_after_keys=True),
    "+14155550004": Walk("912", ["9", "1", "2", None]),  # a wrong key: the menu again
    "+14155550005": Walk("*12", ["*", "1", "2", None]),
    "+14155550006": Walk("", [None]),  # silence through both tries
    "+14155550007": Walk("#12", ["1", "2", None]),  # an early hash fails the try, the next counts
    "+14155550008": Walk("", [], leave_after_keys=True),  # leaves in the first prompt
    "+14155550009": Walk("1", ["1"], leave_after_keys=True),  # leaves in the second menu
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Server, Receiver, Caller]]:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        config = configuration(
            {"+999": "udp:127.0.0.1:9"},
            webhooks={type_: receiver.url(f"/{type_.lower()}") for type_ in ("VCA", "VCS", "VSS")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        config["testbed"] = {"phones": [{"number": STAFF, "answer_after": 0.1}]}
        server = await stack.enter_async_context(Server(tmp_path, config))
        caller = await stack.enter_async_context(Caller(server.sip_port))
        yield server, receiver, caller


async def walk(call: OutgoingCall, plan: Walk, receiver: Receiver, caller: str) -> None:
    assert await call.answered() is not None
    for key in plan.keys:
        ear = Ear(call.media, keep=False)
        await asyncio.wait_for(ear.prompt_heard(), 15)
        ear.close()
        call.media.send_digit(key)
        if key == "#":  # stopped the prompt; the try failed, the message and the next prompt come
            continue
    if plan.leave_after_keys:
        if plan.legs == 2:
            await receiver.wait_for(lambda: _bridged(receiver), 10)
        elif plan.asked:
            asked = len(plan.asked) + 1
            await receiver.wait_for(lambda: _questions(receiver, caller) >= asked, 10)
        await call.hang_up()
    await asyncio.wait_for(call.wait_ended(), 30)


def _questions(receiver: Receiver, caller: str) -> int:
    return sum(one.payload["source"] == caller for one in receiver.at("/vca"))


def _bridged(receiver: Receiver) -> bool:
    updates = (p for p in (one.payload for one in receiver.at("/vcs")) if p["sipCode"] == 200)
    return any(p["callStatus"] == "CALL_UPDATED" for p in updates)


async def test_every_branch_is_walked(world: tuple[Server, Receiver, Caller]) -> None:
    server, receiver, caller = world
    restaurant = Restaurant()
    receiver.on("/vca", restaurant)
    calls = {source: caller.dial(OURS, source) for source in WALKS}
    await asyncio.gather(
        *(walk(calls[source], plan, receiver, source) for source, plan in WALKS.items())
    )
    await receiver.wait_for(lambda: len(receiver.at("/vss")) == len(WALKS), 15)
    assert await server.stop() == 0
    told = {one.payload["details"]["callA"]["source"]: one.payload for one in receiver.at("/vss")}
    for source, plan in WALKS.items():
        assert restaurant.asked[source] == plan.asked, source
        assert told[source]["sessionStatus"] == plan.status, source
        assert told[source]["callCount"] == plan.legs, source
        assert calls[source].ended is not None
    assert len(receiver.summaries()) == len(WALKS)
    assert set(receiver.summaries().values()) == {1}


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_a_foreign_phone_presses_and_hangs_up(tmp_path: Path) -> None:
    """SIPp's own RFC 4733 events reach the decision point; its BYE ends the session."""
    async with Receiver() as receiver:
        restaurant = Restaurant()
        receiver.on("/vca", restaurant)
        config = configuration(
            {"": "udp:127.0.0.1:9"},
            webhooks={"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        async with (
            Server(tmp_path / "server", config) as server,
            Sipp(
                "press",
                tmp_path,
                keys={"caller_number": "+14155550123"},
                calls=1,
                target=f"127.0.0.1:{server.sip_port}",
                service=OURS,
            ) as phone,
        ):
            counts = await phone.finished()
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 10)
    assert (counts.successful, counts.failed) == (1, 0)
    assert restaurant.asked["+14155550123"][0] == "1"
    assert receiver.at("/vss")[0].payload["sessionStatus"] == "COMPLETED"


class Turns:
    """Hears when somebody begins to speak again after a pause."""

    def __init__(self, call: OutgoingCall) -> None:
        self.began = 0
        self._quiet = 1.0
        self._changed = asyncio.Event()
        self._listener = TapListener(call.media, self._hear)

    def _hear(self, pcm: bytes) -> None:
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
        if samples.size and float(np.sqrt(np.mean(samples**2))) > 200:
            if self._quiet >= 1.0:
                self.began += 1
                self._changed.set()
            self._quiet = 0.0
        else:
            self._quiet += samples.size / 8000

    async def wait(self, number: int) -> None:
        while self.began < number:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 15)


async def test_a_caller_leaves_in_the_failure_message_and_while_we_ask(
    world: tuple[Server, Receiver, Caller],
) -> None:
    server, receiver, caller = world
    asked, gone = asyncio.Event(), asyncio.Event()

    async def slow() -> Reply:
        asked.set()
        await gone.wait()
        return Reply()

    def script(_request: web.Request, body: bytes) -> Any:
        payload = json.loads(body)["payload"]
        if payload["callStatus"] == "ACTION_COMPLETED":
            return slow()
        first = menu("")
        first["params"] |= {"failureMessage": "Sorry, that was nothing. " * 5, "noOfTries": 1}
        return Reply(body=json.dumps({"callflow": [first]}).encode())

    receiver.on("/vca", script)
    in_message = caller.dial(OURS, "+14155550021")
    assert await in_message.answered() is not None
    turns = Turns(in_message)
    await turns.wait(2)  # the menu, silence, then the failure message
    await in_message.hang_up()
    await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 10)
    assert not asked.is_set()  # nothing is asked of a caller who is gone

    while_asking = caller.dial(OURS, "+14155550022")
    assert await while_asking.answered() is not None
    await Turns(while_asking).wait(1)
    while_asking.media.send_digit("1")
    await asyncio.wait_for(asked.wait(), 10)
    await while_asking.hang_up()
    await receiver.wait_for(lambda: len(receiver.at("/vss")) == 2, 9)  # before the answer comes
    gone.set()
    assert await server.stop() == 0
    told = [one.payload for one in receiver.at("/vss")]
    assert [one["sessionStatus"] for one in told] == ["COMPLETED"] * 2
    assert [one["lastAction"] for one in told] == ["SAY_AND_CAPTURE"] * 2
