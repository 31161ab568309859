"""The README's lines, as pasted by somebody who has just started the server with no configuration."""

from __future__ import annotations

import asyncio
import contextlib
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
[WEBHOOK] = [block for block in BLOCKS if "vca.py" in block]
[VCA] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
DEADLINE = 60.0


class Terminal:
    """A shell beside the server; pasted lines find its port and its key."""

    def __init__(self, port: int, webhook_port: int, api_key: str, folder: Path) -> None:
        self._ports = {"127.0.0.1:8080": port, "127.0.0.1:9000": webhook_port}
        self.webhook_port = webhook_port
        self._environ = {
            **os.environ,
            "OFFHOOK_API_KEY": api_key,
            "OFFHOOK_URL": f"http://127.0.0.1:{port}",
        }
        self._folder = folder

    def write(self, name: str, text: str) -> None:
        """A file in the folder of the terminal."""
        (self._folder / name).write_text(text)

    async def paste(self, block: str) -> str:
        """Run a block as it stands, but for the ports and where the command is; its output."""
        text = block.replace(".venv/bin/offhook", f"{sys.executable} -m offhook")
        for written, port in self._ports.items():
            text = text.replace(written, f"127.0.0.1:{port}")
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

    @contextlib.asynccontextmanager
    async def background(self, block: str) -> AsyncIterator[None]:
        """Run a block that leaves a program in the background, which is ended afterwards."""
        with (self._folder / "background.log").open("wb") as log:
            shell = await asyncio.create_subprocess_exec(
                *("sh", "-eu", "-c", block),
                cwd=self._folder,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(DEADLINE):
                assert await shell.wait() == 0
            yield
        finally:
            os.killpg(shell.pid, signal.SIGTERM)


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
        yield Terminal(port, int(unused_tcp_port_factory()), key[1], tmp_path)
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGINT)
            await asyncio.sleep(0)
            server.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE):
            await server.communicate()


def test_the_readme_has_its_lines() -> None:
    assert len(CURLS) == 5
    assert any("make demo" in block and "make serve" in block for block in BLOCKS)


async def test_the_lines_work_as_pasted(terminal: Terminal) -> None:
    create, sessions, wrong, *_ = CURLS
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


async def test_the_first_webhook_is_asked_and_its_answer_heard(terminal: Terminal) -> None:
    *_, register, call = CURLS
    program = VCA.replace("9000", str(terminal.webhook_port))
    terminal.write("vca.py", program)
    async with terminal.background(WEBHOOK):
        registered = json.loads(await terminal.paste(register))
        assert registered["statusCode"] == 0, registered
        created = json.loads(await terminal.paste(call))
        assert created["statusCode"] == 1
        async with asyncio.timeout(DEADLINE):
            while f"{created['sessionId']} COMPLETED" not in (
                shown := await terminal.paste(".venv/bin/offhook show")
            ):
                await asyncio.sleep(0.1)
    assert "You pressed 1. Goodbye." in shown, shown
