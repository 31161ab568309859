"""What an operator asks when calls fail: the commands, against a running server and a real carrier."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
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


async def logged(server: Server, session: str) -> str:
    """What ``offhook logs`` shows, once the process has stored it."""
    async with asyncio.timeout(20):
        while True:
            code, lines = await offhook(server, "logs", session)
            assert code == 0, lines
            if not lines.startswith("Nothing was logged"):
                return lines


def read_within(terminal: int, deadline: float) -> bytes:
    """What a program writes to its terminal next. Raises TimeoutError at the deadline."""
    if not select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
        raise TimeoutError
    return os.read(terminal, 65_536)


def on_a_terminal(server: Server) -> str:
    """What ``offhook top`` draws on a terminal until Ctrl-C, which must end it with 0."""
    near, far = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "offhook", "top", "--every", "0.5", "--url", server.url],
        env={**os.environ, "OFFHOOK_ADMIN_KEY": ADMIN_KEY, "TERM": "xterm", "COLUMNS": "120"},
        stdin=far,
        stdout=far,
        stderr=far,
        start_new_session=True,
    )
    os.close(far)
    drawn = b""
    deadline = time.monotonic() + 60
    try:
        while drawn.count(b"connected") < 2:
            drawn += read_within(near, deadline)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # the terminal is closed with its last user
            while process.poll() is None:
                drawn += read_within(near, deadline)
        process.wait(20)
    finally:
        process.kill()
        process.wait()
    os.close(near)
    assert process.returncode == 0, drawn
    return drawn.decode(errors="replace")


async def doctor(server: Server) -> tuple[int | None, str]:
    """Run ``offhook doctor`` beside the server, with its configuration."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", "doctor", "--config", "offhook.toml", "--timeout", "1"),
        cwd=server.folder,
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
            assert "the session ended FAILED" in await logged(server, session)
            code, listed = await offhook(server, "sessions", "--all", "--sip-code", "503")
            assert (code, session[-8:] in listed, "acme_corp" in listed) == (0, True, True)
            code, shown = await offhook(server, "show", session[-8:], "--all")
            assert (code, "    trunk carrier-0: 503 No Circuit" in shown) == (0, True), shown
            code, trunks = await offhook(server, "trunks")
            assert (code, carrier.address in trunks, " up" in trunks) == (0, True, True), trunks
            code, screen = await offhook(server, "top")
            assert code == 0
            assert "0 connected, 0 ringing, 0 % of 1 answered" in screen
            assert "carrier-0          503  1" in screen, screen
            assert "0 connected, 0 ringing" in await asyncio.to_thread(on_a_terminal, server)
            code, report = await doctor(server)
            assert "is in use, by Offhook that runs here" in report, report
            assert f"{carrier.address} answers OPTIONS with" in report or code == 1
            code, refusal = await offhook(server, "show", "0" * 36, "--sip")
            assert code == 1
            assert "No SIP messages are stored" in refusal
            assert "Traceback" not in refusal
