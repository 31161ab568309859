"""What an operator asks when calls fail: the commands, against a running server and a real carrier."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from tests.support import sipp
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
ADMIN_KEY = "operators-key"


async def offhook(server: Server, *arguments: str) -> tuple[int | None, str]:
    """Run a command with the operator's key: exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", *arguments, "--url", server.url),
        env={**os.environ, "OFFHOOK_ADMIN_KEY": ADMIN_KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, output.decode()


async def test_a_call_that_the_carrier_refused_shows_what_was_said(tmp_path: Path) -> None:
    keys = {"status": 503, "reason": "No Circuit"}
    async with Receiver() as receiver, Sipp("refuse", tmp_path, keys=keys) as carrier:
        config = configuration({"": carrier.address}, webhooks={"VSS": receiver.url("/vss")})
        config["admin"] = {"api_keys": [ADMIN_KEY]}
        async with Server(tmp_path / "server", config) as server:
            session = await server.place(voice_message("+12025550001", "Hello."))
            await receiver.wait_for(lambda: session in receiver.summaries(), timeout=60)
            code, ladder = await offhook(server, "show", session, "--sip")
            assert (code, ladder.count("▶│")) == (0, 2), ladder
            assert "503 No Circuit (INVITE)" in ladder
            assert "ACK" in ladder
            code, status = await offhook(server, "status", "--json")
            assert code == 0
            (trunk,) = json.loads(status)["trunks"]
            assert trunk["address"] == carrier.address
            assert "the session ended FAILED: trunk carrier-0: 503 No Circuit" in server.log()
            code, refusal = await offhook(server, "show", "0" * 36, "--sip")
            assert code == 1
            assert "No SIP messages are stored" in refusal
            assert "Traceback" not in refusal
