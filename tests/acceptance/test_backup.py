"""``offhook backup`` while calls run, and what a restored record does: nothing is dialled twice."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

TEXT = "This message lasts for some seconds, so that it is still spoken during the backup."


async def offhook(server: Server, *words: str) -> dict[str, Any]:
    """A command in the server's folder; its JSON."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", *words, "--config", "offhook.toml", "--json"),
        cwd=server.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    answer: dict[str, Any] = json.loads(out)
    return answer


def put_in_place(server: Server, copy: Path) -> None:
    database = server.folder / "offhook.db"
    for old in server.folder.glob("offhook.db*"):
        old.unlink()
    copy.rename(database)


@pytest.mark.full
async def test_a_backup_made_during_calls_is_restored_and_dials_nobody_again(
    tmp_path: Path,
) -> None:
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}, log_messages=True) as carrier,
        Server(
            tmp_path / "server",
            configuration(
                {"": carrier.address},
                webhooks={"VSS": receiver.url("/vss")},
                sub_account={"max_calls": 2},
            ),
        ) as server,
    ):
        bodies = [voice_message(f"+1202558{n:04}", TEXT) for n in range(6)]
        sessions = [await server.place(body) for body in bodies]
        await receiver.wait_for(lambda: len(receiver.summaries()) >= 1, timeout=60)
        made = await offhook(server, "backup", "copy.db")
        assert made["sessions"] >= 1
        await receiver.wait_for(lambda: receiver.summaries().keys() >= set(sessions), timeout=120)
        before = carrier.invites()
        assert len(before) == 6
        assert await server.stop() == 0
        put_in_place(server, server.folder / "copy.db")
        await server.start()
        async with asyncio.timeout(60):  # what ran is ended as that of a dead node
            while await unfinished(server, sessions):
                await asyncio.sleep(0.1)
        later = await server.place(voice_message("+12025589999", TEXT))
        await receiver.wait_for(lambda: later in receiver.summaries(), timeout=60)
        after = carrier.invites()
    assert all(len(ids) == 1 for ids in after.values()), "a number was dialled twice"
    assert len(after) == 7


async def unfinished(server: Server, sessions: list[str]) -> list[str]:
    found = [(await server.session(session_id)) for session_id in sessions]
    return [one["sessionId"] for one in found if one["sessionStatus"] in ("QUEUED", "RUNNING")]
