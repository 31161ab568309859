"""Several voice workers share one queue, one SIP port and their prompts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support import sipp
from tests.support.net import RtpSink, free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

CALLS = 40
OURS = "+6568332048"


async def test_two_workers_share_the_calls_and_the_limits(tmp_path: Path) -> None:
    """Both take some; the trunk's channels hold over both."""
    async with (
        RtpSink() as ear,
        Receiver() as receiver,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}, log_messages=True) as carrier,
    ):
        config = configuration({"": carrier.address}, webhooks={"VSS": receiver.url("/vss")})
        config["trunks"][0]["channels"] = 8
        async with Server(tmp_path / "server", config, workers=2) as server:
            bodies = [voice_message(f"+1202559{n:04}", "Hello.") for n in range(CALLS)]
            sessions = await server.place_at(40, bodies)
            await receiver.wait_for(lambda: len(receiver.summaries()) == CALLS, 60)
            records = [await server.session(session_id) for session_id in sessions]
            assert await server.stop() == 0
        invites = carrier.invites()
    assert receiver.summaries() == dict.fromkeys(sessions, 1)
    assert {one.payload["sessionStatus"] for one in receiver.at("/vss")} == {"COMPLETED"}
    assert {len(ids) for ids in invites.values()} == {1}
    nodes = {
        event["node"]
        for record in records
        for event in record["events"]
        if event["event"] == "SESSION_STARTED"
    }
    assert len(nodes) == 2
    assert 2 <= carrier.most_at_once() <= 8


class World(NamedTuple):
    server: Server
    receiver: Receiver
    folder: Path

    def phone(self, scenario: str, calls: int, **keys: object) -> Sipp:
        """SIPp, which calls our one SIP port."""
        return Sipp(
            scenario,
            self.folder,
            keys={"caller_number": "+14155550123", **keys},
            calls=calls,
            target=f"127.0.0.1:{self.server.sip_port}",
            service=OURS,
            rate=20,
            log_messages=True,
        )


def answer(*actions: dict[str, Any]) -> Reply:
    return Reply(body=json.dumps({"callflow": list(actions)}).encode())


ASK = {
    "action": "sayAndCapture",
    "params": {
        "promptMessage": "Please press a key, whichever you like, and then wait for a while. " * 3,
        "successMessage": "Thank you. " * 40,
        "failureMessage": "Sorry.",
        "language": "en-US",
        "minDigits": 1,
        "maxDigits": 1,
        "noOfTries": 1,
        "overallTimeout": 5000,
        "digitTimeout": 5000,
    },
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Two workers behind one port; the decision is to ask for a key."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        receiver.on("/vca", answer(ASK))
        config = configuration(
            {"": f"udp:127.0.0.1:{free_port()}"},
            webhooks={type_: receiver.url(f"/{type_.lower()}") for type_ in ("VCA", "VCS", "VSS")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        server = await stack.enter_async_context(Server(tmp_path / "server", config, workers=2))
        yield World(server, receiver, tmp_path)


def workers_of(*phones: Sipp) -> set[str]:
    """The workers that answered, by the mark of their tags."""
    return {
        mark
        for phone in phones
        for mark in re.findall(r"^To: .*;tag=(w[0-9a-f]{2})-", phone.messages(), re.MULTILINE)
    }


async def test_calls_from_outside_go_to_both_workers_and_all_of_a_call_to_one(
    world: World,
) -> None:
    """INVITE, ACK, INFO, re-INVITE and BYE of SIPp's calls to the one port."""
    calls = 24
    async with world.phone("talk", calls, talk=500, bye_status=200) as phone:
        counts = await phone.finished()
        await world.receiver.wait_for(lambda: len(world.receiver.summaries()) == calls, 30)
    assert (counts.successful, counts.failed) == (calls, 0)
    assert workers_of(phone) == {"w00", "w01"}


async def test_a_caller_who_gives_up_reaches_the_worker_of_its_call(world: World) -> None:
    calls = 20
    over = asyncio.Event()

    async def held() -> Reply:
        await over.wait()
        return answer()

    world.receiver.on("/vca", lambda _request, _body: held())
    async with world.phone("call_canceled", calls) as phone:
        counts = await phone.finished()
        await world.receiver.wait_for(lambda: len(world.receiver.summaries()) == calls, 30)
    over.set()
    assert (counts.successful, counts.failed) == (calls, 0)
    assert {one.payload["sessionStatus"] for one in world.receiver.at("/vss")} == {"CANCELED"}
    assert workers_of(phone) == {"w00", "w01"}


@pytest.mark.full
@pytest.mark.timeout(180)
async def test_a_killed_worker_ends_its_own_calls_only(world: World) -> None:
    """Inbound calls of two workers; one is killed. The others' BYEs are answered 200, its own 481."""
    calls = 16
    async with (
        world.phone("talk", calls // 2, talk=8000, bye_status=200) as first,
        world.phone("talk", calls // 2, talk=8000, bye_status=200) as second,
    ):
        await world.receiver.wait_for(
            lambda: (
                sum(
                    one.payload.get("callStatus") == "CALL_CONNECTED"
                    for one in world.receiver.at("/vcs")
                )
                == calls
            ),
            30,
        )
        victim, _ = world.server.processes("voice")
        os.kill(victim, signal.SIGKILL)
        await world.server.restarted("voice", victim, timeout=60)
        async with world.phone("talk", 10, talk=300, bye_status=200) as later:
            counts = await later.finished()
        assert (counts.successful, counts.failed) == (10, 0)
        await world.receiver.wait_for(lambda: len(world.receiver.summaries()) == calls + 10, 60)
        await asyncio.gather(first.ended(), second.ended())
    ends = [one.payload["sessionStatus"] for one in world.receiver.at("/vss")]
    killed = ends.count("ERROR")
    assert 0 < killed < calls, ends
    assert ends.count("COMPLETED") == calls + 10 - killed
    assert first.counts().successful + second.counts().successful == calls - killed
    assert first.counts().failed + second.counts().failed == killed, "their BYEs get 481"
    assert set(world.receiver.summaries().values()) == {1}
    assert workers_of(first, second) == {"w00", "w01"}


@pytest.mark.full
async def test_calls_go_on_while_the_front_is_replaced(world: World) -> None:
    calls = 20
    async with world.phone("talk", calls, talk=3000, bye_status=200) as phone:
        await world.receiver.wait_for(lambda: len(world.receiver.at("/vca")) >= 5, 30)
        (front,) = world.server.processes("front")
        os.kill(front, signal.SIGKILL)
        counts = await phone.finished()
        await world.receiver.wait_for(lambda: len(world.receiver.summaries()) == calls, 30)
    assert (counts.successful, counts.failed) == (calls, 0)
    assert {one.payload["sessionStatus"] for one in world.receiver.at("/vss")} == {"COMPLETED"}
