"""Three hundred calls through a network that loses, doubles and reorders what it carries."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp
from tests.support.udp_proxy import UdpProxy, Weather

pytestmark = [
    pytest.mark.skipif(not sipp.available, reason="sipp is not installed"),
    pytest.mark.full,
    pytest.mark.timeout(400),
]

CALLS = 300
TEXT = "Your parcel has arrived."


async def place_all(
    tmp_path: Path, weather: Weather
) -> tuple[dict[str, int], list[dict[str, object]], dict[str, set[str]]]:
    """Summaries per session, their payloads, and the Call-IDs SIPp saw per number."""
    destinations = [f"+1202557{number:04}" for number in range(CALLS)]
    async with AsyncExitStack() as stack:
        ear = await stack.enter_async_context(RtpSink())
        receiver = await stack.enter_async_context(Receiver())
        carrier = Sipp("answer", tmp_path, log_messages=True, timeout=300)
        proxy = await stack.enter_async_context(
            UdpProxy(("127.0.0.1", carrier.port), weather, seed=11)
        )
        carrier.keys |= {"rtp_port": ear.port, "contact_port": proxy.port}
        await stack.enter_async_context(carrier)
        config = configuration(
            {"": f"udp:127.0.0.1:{proxy.port}"}, webhooks={"VSS": receiver.url("/vss")}
        )
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        sessions = await server.place_at(20, [voice_message(to, TEXT) for to in destinations])
        await receiver.wait_for(lambda: len(receiver.summaries()) == CALLS, timeout=150)
        assert await server.stop() == 0
        assert proxy.dropped > 0
        found = dict(receiver.summaries())
        assert set(found) == set(sessions)
        payloads = [one.payload for one in receiver.at("/vss")]
        return found, payloads, carrier.invites()


async def test_ten_percent_loses_no_call(tmp_path: Path) -> None:
    found, payloads, invites = await place_all(tmp_path, Weather(drop=0.1, double=0.1, delay=0.1))
    assert set(found.values()) == {1}
    assert [one["sessionStatus"] for one in payloads] == ["COMPLETED"] * CALLS
    assert {len(ids) for ids in invites.values()} == {1}


async def test_thirty_percent_hangs_no_call(tmp_path: Path) -> None:
    found, payloads, invites = await place_all(tmp_path, Weather(drop=0.3, double=0.1, delay=0.1))
    assert set(found.values()) == {1}
    assert {one["sessionStatus"] for one in payloads} <= {"COMPLETED", "FAILED"}
    completed = sum(one["sessionStatus"] == "COMPLETED" for one in payloads)
    assert completed >= CALLS * 0.9
    assert {len(ids) for ids in invites.values()} == {1}
