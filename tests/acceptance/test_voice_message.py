"""Voice messages over a foreign SIP stack: every end of a call is reported once, and truly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.net import RtpSink, SilentCarrier
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp
from tests.support.udp_proxy import UdpProxy, Weather

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

TEXT = "This is a message for you. Your parcel has arrived at the station."


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as one:
        yield one


def summaries(receiver: Receiver) -> dict[str, Any]:
    """The payload of each session's summary."""
    return {one.payload["sessionId"]: one.payload for one in receiver.at("/vss")}


@pytest.mark.full
async def test_two_hundred_messages_at_twenty_a_second(tmp_path: Path, receiver: Receiver) -> None:
    destinations = [f"+1202556{number:04}" for number in range(200)]
    async with (
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}, log_messages=True) as carrier,
        Server(
            tmp_path / "server",
            configuration({"": carrier.address}, webhooks={"VSS": receiver.url("/vss")}),
        ) as server,
    ):
        sessions = await server.place_at(20, [voice_message(to, TEXT) for to in destinations])
        await receiver.wait_for(lambda: len(receiver.summaries()) == 200, timeout=60)
        assert await server.stop() == 0
        await carrier.succeeded(200)
        invites = carrier.invites()
        heard = ear.heard(packets=50)
    assert receiver.summaries() == dict.fromkeys(sessions, 1)
    found = summaries(receiver)
    assert {one["sessionStatus"] for one in found.values()} == {"COMPLETED"}
    assert sorted(one["clientRequestId"] for one in found.values()) == destinations
    assert heard == 200
    assert {number: len(ids) for number, ids in invites.items()} == dict.fromkeys(destinations, 1)
    leg = found[sessions[0]]["details"]["callA"]
    assert leg["callStatus"] == "COMPLETED"
    assert 2 <= leg["callDuration"] <= 10


REFUSALS = {
    "+1202111": (404, "Not Found", "FAILED"),
    "+1202112": (408, "Request Timeout", "NO_ANSWER"),
    "+1202113": (480, "Temporarily Unavailable", "NO_ANSWER"),
    "+1202114": (486, "Busy Here", "BUSY"),
    "+1202115": (487, "Request Terminated", "CANCELED"),
    "+1202116": (503, "Service Unavailable", "FAILED"),
    "+1202117": (600, "Busy Everywhere", "BUSY"),
    "+1202118": (603, "Decline", "BUSY"),
}
RINGING, HANGING_UP = "+1202120", "+1202121"


async def test_every_other_end_has_its_documented_status(
    tmp_path: Path, receiver: Receiver
) -> None:
    each = 5
    expected = {prefix: outcome for prefix, (_, _, outcome) in REFUSALS.items()}
    expected |= {RINGING: "NO_ANSWER", HANGING_UP: "COMPLETED"}
    async with AsyncExitStack() as stack:
        ear = await stack.enter_async_context(RtpSink())
        addresses: dict[str, str] = {}
        scenarios: dict[str, Sipp] = {
            prefix: Sipp("refuse", tmp_path, keys={"status": status, "reason": reason})
            for prefix, (status, reason, _) in REFUSALS.items()
        }
        scenarios[RINGING] = Sipp("ring", tmp_path)
        scenarios[HANGING_UP] = Sipp("hangup", tmp_path, keys={"rtp_port": ear.port})
        for prefix, phone in scenarios.items():
            addresses[prefix] = (await stack.enter_async_context(phone)).address
        config = configuration(
            addresses, webhooks={"VSS": receiver.url("/vss")}, limits={"ring_timeout": 3}
        )
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        sessions = await server.place_at(
            20,
            [
                voice_message(f"{prefix}{number:04}", TEXT, repetition=3)
                for number in range(each)
                for prefix in expected
            ],
        )
        await receiver.wait_for(lambda: len(receiver.summaries()) == len(sessions), timeout=60)
        assert await server.stop() == 0
        for phone in scenarios.values():
            await phone.succeeded(each)
    assert receiver.summaries() == dict.fromkeys(sessions, 1)
    statuses: dict[str, list[str]] = {}
    for one in summaries(receiver).values():
        leg = one["details"]["callA"]
        assert leg["callStatus"] == one["sessionStatus"], one
        prefix = one["clientRequestId"][:8]
        statuses.setdefault(prefix, []).append(one["sessionStatus"])
        if prefix == HANGING_UP:
            assert 0 <= leg["callDuration"] <= 2
            assert "connectedTimestamp" in leg
        else:
            assert leg["callDuration"] == 0
            assert "connectedTimestamp" not in leg
    assert statuses == {prefix: [outcome] * each for prefix, outcome in expected.items()}
    last = max(stream.last_at - stream.first_at for stream in ear.streams.values())
    assert last < 1.5, "the prompt went on after the far end had hung up"


async def test_signalling_that_is_lost_doubled_and_overtaken_loses_no_call(
    tmp_path: Path, receiver: Receiver
) -> None:
    weather = Weather(drop=0.05, double=0.05, delay=0.1)
    destinations = [f"+1202557{number:04}" for number in range(60)]
    async with RtpSink() as ear, AsyncExitStack() as stack:
        # The phones say that they are reached through the proxy, before it exists: it is made first,
        # towards the port SIPp will have.
        carrier = Sipp("answer", tmp_path, log_messages=True)
        proxy = await stack.enter_async_context(
            UdpProxy(("127.0.0.1", carrier.port), weather, seed=7)
        )
        carrier.keys |= {"rtp_port": ear.port, "contact_port": proxy.port}
        await stack.enter_async_context(carrier)
        config = configuration(
            {"": f"udp:127.0.0.1:{proxy.port}"}, webhooks={"VSS": receiver.url("/vss")}
        )
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        sessions = await server.place_at(20, [voice_message(to, TEXT) for to in destinations])
        await receiver.wait_for(lambda: len(receiver.summaries()) == len(sessions), timeout=60)
        invites = carrier.invites()
        assert proxy.dropped > 0
    assert receiver.summaries() == dict.fromkeys(sessions, 1)
    assert {one["sessionStatus"] for one in summaries(receiver).values()} == {"COMPLETED"}
    assert {number: len(ids) for number, ids in invites.items()} == dict.fromkeys(destinations, 1)
    assert ear.heard(packets=50) == len(destinations)


async def test_a_stop_lets_live_calls_finish_and_their_summaries_outlive_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Those that could not be sent before the end are sent after the next start."""
    async with (
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier,
        Server(
            tmp_path / "server",
            configuration({"": carrier.address}, webhooks={"VSS": receiver.url("/vss")}),
        ) as server,
    ):
        sessions = await server.place_at(
            20, [voice_message(f"+1202558{number:04}", TEXT) for number in range(10)]
        )
        await ear.streaming(10)
        assert await server.stop() == 0
        assert ear.heard(packets=100) == 10, "a call was cut short"
        await server.start()
        await receiver.wait_for(lambda: len(receiver.summaries()) == 10, timeout=20)
        found = summaries(receiver)
    assert sorted(found) == sorted(sessions)
    assert {one["sessionStatus"] for one in found.values()} == {"COMPLETED"}


@pytest.mark.full
async def test_a_carrier_that_never_answers_at_all_is_a_failure(
    tmp_path: Path, receiver: Receiver
) -> None:
    """After 32 s (RFC 3261 §17.1.1.2, timer B), before the ring timeout of 60 s."""
    async with SilentCarrier() as carrier:
        config = configuration(
            {"": f"udp:127.0.0.1:{carrier.port}"}, webhooks={"VSS": receiver.url("/vss")}
        )
        async with Server(tmp_path / "server", config) as server:
            sessions = await server.place_at(
                20, [voice_message(f"+1202559{number:04}", TEXT) for number in range(5)]
            )
            await receiver.wait_for(lambda: len(receiver.summaries()) == 5, timeout=50)
    found = summaries(receiver)
    assert sorted(found) == sorted(sessions)
    assert {one["sessionStatus"] for one in found.values()} == {"FAILED"}
    assert {line.split()[0] for line in carrier.first_lines} == {"INVITE"}
