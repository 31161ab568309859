"""The record cannot be written for a while: live calls go on, and none is declared dead afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

from offhook.execution.liveness import HEARTBEAT
from offhook.session.ports.record import DEAD_AFTER

pytestmark = [
    pytest.mark.skipif(not sipp.available, reason="sipp is not installed"),
    pytest.mark.full,
]

TEXT = "Please hold the line, an agent will be with you in a moment. " * 12
CALLS = 5
OUTAGE = DEAD_AFTER.total_seconds() + 5
"""Seconds without a written heartbeat: more than what a dead node takes to be judged."""
JUDGED_BY = DEAD_AFTER.total_seconds() + 3 * HEARTBEAT
"""Seconds after the outage in which a wrong judgement would have been made."""


async def connected(server: Server, session_id: str) -> None:
    """Wait until leg A is up."""
    async with asyncio.timeout(30):
        while True:
            legs = (await server.session(session_id)).get("legs", [])
            if legs and legs[0].get("connectedTimestamp"):
                return
            await asyncio.sleep(0.1)


async def test_live_calls_outlive_an_outage_of_the_database(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier,
        Server(
            tmp_path / "server",
            configuration({"": carrier.address}, webhooks={"VSS": receiver.url("/vss")}),
        ) as server,
    ):
        bodies = [voice_message(f"+1202557{n:04}", TEXT) for n in range(CALLS)]
        sessions = [await server.place(body) for body in bodies]
        for session_id in sessions:
            await connected(server, session_id)
        blocker = sqlite3.connect(tmp_path / "server" / "offhook.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(OUTAGE)
        blocker.execute("ROLLBACK")
        blocker.close()
        await asyncio.sleep(JUDGED_BY)
        for session_id in sessions:
            assert (await server.session(session_id))["sessionStatus"] == "RUNNING"
            assert await server.delete_session(session_id) in (200, 202)
        await receiver.wait_for(lambda: len(receiver.summaries()) == CALLS, timeout=30)
        assert "its voice node died" not in server.log()
        assert "heartbeat not written" in server.log()
    told = [one.payload["sessionStatus"] for one in receiver.at("/vss")]
    assert told == ["COMPLETED"] * CALLS
