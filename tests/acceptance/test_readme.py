"""The README's lines, as pasted by somebody who has just started the server with no configuration."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
CURLS = [block for block in BLOCKS if block.startswith("curl ")]
DEADLINE = 60.0


class Terminal:
    """A shell beside the server; pasted lines find its port and its key."""

    def __init__(self, port: int, api_key: str, folder: Path) -> None:
        self._port = port
        self._environ = {
            **os.environ,
            "OFFHOOK_API_KEY": api_key,
            "OFFHOOK_URL": f"http://127.0.0.1:{port}",
        }
        self._folder = folder

    async def paste(self, block: str) -> str:
        """Run a block as it stands, but for the port and where the command is; its output."""
        text = block.replace("127.0.0.1:8080", f"127.0.0.1:{self._port}")
        text = text.replace(".venv/bin/offhook", f"{sys.executable} -m offhook")
        shell = await asyncio.create_subprocess_exec(
            *("sh", "-eu", "-c", text),
            cwd=self._folder,
            env=self._environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(DEADLINE):
            out, err = await shell.communicate()
        assert (shell.returncode, err.decode()) == (0, "")
        return out.decode()


@pytest.fixture
async def terminal(
    tmp_path: Path, unused_tcp_port_factory: object, unused_udp_port_factory: object
) -> AsyncIterator[Terminal]:
    """``make serve``, on ports that are free here, in an empty folder."""
    assert callable(unused_tcp_port_factory)
    assert callable(unused_udp_port_factory)
    port = int(unused_tcp_port_factory())
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", "serve"),
        cwd=tmp_path,
        env={
            **os.environ,
            "OFFHOOK_HTTP__LISTEN": f"127.0.0.1:{port}",
            "OFFHOOK_SIP__LISTEN": f"udp:127.0.0.1:{unused_udp_port_factory()}",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(DEADLINE):
            while not (key := re.search(r"shown only now: (\S+)", said)):
                line = await server.stdout.readline()
                assert line, f"the server ended: {said}"
                said += line.decode()
        assert f"Offhook is ready: http://127.0.0.1:{port}" in said
        yield Terminal(port, key[1], tmp_path)
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGINT)
            await asyncio.sleep(0)
            server.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE):
            await server.communicate()


def test_the_readme_has_its_lines() -> None:
    assert len(CURLS) == 3
    assert any("make demo" in block and "make serve" in block for block in BLOCKS)


async def test_the_lines_work_as_pasted(terminal: Terminal) -> None:
    create, sessions, wrong = CURLS
    created = json.loads(await terminal.paste(create))
    assert created["statusCode"] == 1
    documented = json.loads(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[0])
    assert created.keys() >= documented.keys()
    known = {name: value for name, value in documented.items() if value != "…"}
    assert created.items() >= known.items()
    [listed] = json.loads(await terminal.paste(sessions))["sessions"]
    assert listed["sessionId"] == created["sessionId"]
    refused = json.loads(await terminal.paste(wrong))
    assert (refused["sessionStatus"], refused["statusCode"]) == ("NOT_CREATED", -1013)


async def test_the_command_calls_and_waits(terminal: Terminal) -> None:
    [call] = [block for block in BLOCKS if "offhook call" in block]
    said = await terminal.paste(call)
    assert re.match(r"[0-9a-f-]{36} COMPLETED\n", said)
    assert "CALL_CONNECTED" in said
