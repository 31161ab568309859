"""``OFFHOOK_LOG=json``: every line of a server is JSON, whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.support.net import free_port

DEADLINE = 60.0


class JsonServer:
    """``offhook serve`` whose standard output and error are read together, line by line."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self._folder = folder
        self.port = free_port()
        inherited = {n: v for n, v in os.environ.items() if not n.startswith("OFFHOOK_")}
        self.environ = {
            **inherited,
            "OFFHOOK_LOG": "json",
            "OFFHOOK_HTTP__LISTEN": f"127.0.0.1:{self.port}",
            "OFFHOOK_SIP__LISTEN": f"udp:127.0.0.1:{free_port()}",
            **variables,
        }
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        self.process = await self.run("serve")

    async def run(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "offhook", *arguments),
            cwd=self._folder,
            env=self.environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def line(self) -> dict[str, Any]:
        """The next line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            text = await self.process.stdout.readline()
        found: dict[str, Any] = json.loads(text)
        return found

    async def rest(self) -> list[dict[str, Any]]:
        """Every line until its end."""
        async with asyncio.timeout(DEADLINE):
            out, _ = await self.process.communicate()
        return [json.loads(line) for line in out.splitlines()]


async def test_a_call_and_a_killed_process_are_told_in_json(tmp_path: Path) -> None:
    server = JsonServer(tmp_path)
    await server.start()
    while not (facts := await server.line()).get("ready"):
        assert facts["level"] == "info"
    server.environ |= {
        "OFFHOOK_URL": facts["url"],
        "OFFHOOK_API_KEY": facts["api_key"],
    }
    call = await server.run("call", "--to", "+12025550101", "--say", "Hello.", "--wait")
    async with asyncio.timeout(DEADLINE):
        await call.communicate()
    assert call.returncode == 0
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    os.kill(int(children.read_text().split()[-1]), signal.SIGKILL)
    while "starting it again" not in (await server.line())["event"]:
        pass
    server.process.send_signal(signal.SIGTERM)
    assert any("stopping" in line["event"] for line in await server.rest())


async def test_mistakes_in_the_configuration_are_told_in_json(tmp_path: Path) -> None:
    server = JsonServer(tmp_path, OFFHOOK_HTTP__LISEN="x", OFFHOOK_LIMITS__RING_TIMEOUT="soon")
    await server.start()
    lines = await server.rest()
    assert server.process.returncode == 2
    assert {line["level"] for line in lines} == {"error"}
    assert len(lines) == 2
