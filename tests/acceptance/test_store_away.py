"""The record cannot be written for a while: live calls go on, and none is declared dead afterwards.

Once because the database is locked, once because its disk is full.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import Counter
from pathlib import Path

import aiohttp
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


async def readiness(server: Server) -> str:
    """The word of ``/readyz``."""
    async with aiohttp.ClientSession(server.url) as client, client.get("/readyz") as answer:
        status: str = (await answer.json())["status"]
        return status


async def until_ready_says(server: Server, word: str) -> None:
    async with asyncio.timeout(60):
        while await readiness(server) != word:
            await asyncio.sleep(0.2)


def fill(path: Path) -> None:
    """Write into the file until its disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


async def test_a_full_disk_refuses_new_callflows_and_loses_none(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier,
        Server(
            tmp_path / "server",
            configuration(
                {"": carrier.address},
                webhooks={"VSS": receiver.url("/vss")},
                database=f"sqlite:///{disk}/offhook.db",
            ),
            disk=disk,
        ) as server,
    ):
        live = await server.place(voice_message("+12025570000", TEXT))
        await connected(server, live)
        fill(server.on_disk("everything"))
        accepted, refusal = [live], None
        for number in range(1, 1_000):
            status, answer = await server.post(voice_message(f"+1202557{number:04}", "Hello."))
            if status != 200:
                refusal = status, answer["statusCode"]
                break
            accepted.append(str(answer["sessionId"]))
        assert refusal == (503, 503)
        await until_ready_says(server, "database cannot be written")
        assert (await server.session(live))["sessionStatus"] == "RUNNING"
        server.on_disk("everything").unlink()
        await until_ready_says(server, "ready")
        assert await server.delete_session(live) in (200, 202)
        accepted.append(await server.place(voice_message("+12025579999", "Hello.")))
        await receiver.wait_for(lambda: len(receiver.summaries()) >= len(accepted), timeout=60)
    told = Counter(one.payload["sessionId"] for one in receiver.at("/vss"))
    assert told == Counter(accepted)
    assert {one.payload["sessionStatus"] for one in receiver.at("/vss")} == {"COMPLETED"}
