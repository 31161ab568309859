"""``kill -9`` of a process: nothing acknowledged is lost, nobody is called twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp
from tests.support.waiting import Changes

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

TEXT = "This message is long enough to be interrupted while you are listening to it."
BURST = 40
ROUNDS = [
    pytest.param(2, marks=pytest.mark.timeout(240)),
    pytest.param(20, marks=(pytest.mark.full, pytest.mark.timeout(900))),
]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as one:
        yield one


class Acknowledged(Changes):
    """Callflows posted in a burst, and which of them were acknowledged before the kill."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: list[str] = []
        self.numbers = 0

    def bodies(self, count: int) -> list[dict[str, Any]]:
        """Callflows to numbers never used before."""
        first, self.numbers = self.numbers, self.numbers + count
        return [voice_message(f"+1202{5550000 + n}", TEXT) for n in range(first, first + count)]

    async def grow(self, count: int) -> None:
        """Wait until that many more are acknowledged."""
        enough = len(self.sessions) + count
        await self.wait_for(lambda: len(self.sessions) >= enough)

    async def burst(self, server: Server, count: int = BURST) -> None:
        """Post at once; returns when each has its answer, or has lost its connection."""

        async def post(body: dict[str, Any]) -> None:
            try:
                status, answer = await server.post(body)
            except (aiohttp.ClientError, OSError):
                return
            if status == 200:
                self.sessions.append(answer["sessionId"])
                self.changed()

        async with asyncio.TaskGroup() as group:
            for body in self.bodies(count):
                group.create_task(post(body))


def world(carrier: Sipp, receiver: Receiver, folder: Path) -> Server:
    return Server(
        folder / "server",
        configuration({"": carrier.address}, webhooks={"VSS": receiver.url("/vss")}),
    )


async def fresh_supervisor(server: Server, number: int) -> None:
    """Start all anew before every third round: whoever dies often is started again ever later."""
    if number and number % 3 == 0:
        await server.stop()
        await server.start()


async def settled(
    receiver: Receiver, carrier: Sipp, acknowledged: Acknowledged
) -> dict[str, list[str]]:
    """Wait for a summary of each acknowledged session; the statuses reported of each session."""
    await receiver.wait_for(
        lambda: receiver.summaries().keys() >= set(acknowledged.sessions), timeout=60
    )
    assert all(len(ids) == 1 for ids in carrier.invites().values())
    statuses: dict[str, list[str]] = {}
    for one in receiver.at("/vss"):
        statuses.setdefault(one.payload["sessionId"], []).append(one.payload["sessionStatus"])
    assert all(len(set(told)) == 1 for told in statuses.values()), "an end was told in two ways"
    return statuses


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("role", ["api", "voice"])
async def test_killed_straight_after_a_burst(
    tmp_path: Path, receiver: Receiver, role: str, rounds: int
) -> None:
    acknowledged = Acknowledged()
    async with (
        RtpSink() as ear,
        Sipp(
            "answer", tmp_path, keys={"rtp_port": ear.port}, log_messages=True, timeout=900
        ) as carrier,
        world(carrier, receiver, tmp_path) as server,
    ):
        for number in range(rounds):
            await fresh_supervisor(server, number)
            await acknowledged.burst(server)
            await server.restarted(role, server.kill(role))
            statuses = await settled(receiver, carrier, acknowledged)
        heard = carrier.invites()
    assert len(acknowledged.sessions) == rounds * BURST
    assert statuses.keys() == set(acknowledged.sessions)
    ends = {told[0] for told in statuses.values()}
    if role == "api":
        assert ends == {"COMPLETED"}
        assert len(heard) == rounds * BURST
    else:
        assert ends <= {"COMPLETED", "ERROR"}


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_the_api_killed_in_the_middle_of_a_burst(
    tmp_path: Path, receiver: Receiver, rounds: int
) -> None:
    """What was answered is called; what lost its connection may or may not be, but once at most."""
    acknowledged = Acknowledged()
    async with (
        RtpSink() as ear,
        Sipp(
            "answer", tmp_path, keys={"rtp_port": ear.port}, log_messages=True, timeout=900
        ) as carrier,
        world(carrier, receiver, tmp_path) as server,
    ):
        for number in range(rounds):
            await fresh_supervisor(server, number)
            burst = asyncio.create_task(acknowledged.burst(server))
            await acknowledged.grow(BURST // 4)
            killed = server.kill("api")
            await burst
            await server.restarted("api", killed)
            statuses = await settled(receiver, carrier, acknowledged)
    assert {told[0] for told in statuses.values()} == {"COMPLETED"}


@pytest.mark.full
@pytest.mark.parametrize("rounds", ROUNDS)
async def test_a_voice_worker_killed_in_mid_call(
    tmp_path: Path, receiver: Receiver, rounds: int
) -> None:
    acknowledged = Acknowledged()
    async with (
        RtpSink() as ear,
        Sipp(
            "answer", tmp_path, keys={"rtp_port": ear.port}, log_messages=True, timeout=900
        ) as carrier,
        world(carrier, receiver, tmp_path) as server,
    ):
        for number in range(rounds):
            await fresh_supervisor(server, number)
            await acknowledged.burst(server, 20)
            await ear.streaming(20 * (number + 1))
            live = acknowledged.sessions[-20:]
            await server.restarted("voice", server.kill("voice"))
            statuses = await settled(receiver, carrier, acknowledged)
            assert {statuses[one][0] for one in live} == {"ERROR"}, f"round {number}"
        told = [one.payload for one in receiver.at("/vss")]
    assert len(acknowledged.sessions) == rounds * 20
    assert {one["errorDetails"]["errorCode"] for one in told} == {-2001}
    for one in told:
        assert one["details"]["callA"]["callStatus"] == "COMPLETED", one
        assert "connectedTimestamp" in one["details"]["callA"], one
