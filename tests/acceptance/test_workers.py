"""Several voice workers share one queue, and one database with another machine's."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

CALLS = 40


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
