"""A shell beside a server of embedded defaults: it runs lines of pages as they are pasted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

DEADLINE = 60.0
"""Seconds for each pasted block."""
WHICH_FILE = "offhook: configuration: "
"""Commands say on stderr which configuration they took."""


class Terminal:
    """A shell beside the server; pasted lines find its port and its key."""

    def __init__(self, port: int, webhook_port: int, api_key: str, folder: Path) -> None:
        self._ports = {"127.0.0.1:8080": port, "127.0.0.1:9000": webhook_port}
        self.webhook_port = webhook_port
        self._environ = {
            **os.environ,
            "OFFHOOK_API_KEY": api_key,
            "OFFHOOK_URL": f"http://127.0.0.1:{port}",
            "CALLFLOWS_URL": f"http://127.0.0.1:{port}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self._folder = folder
        self._log = folder / "background.log"

    def said_in_the_background(self) -> str:
        """What programs in the background have printed so far."""
        return self._log.read_text() if self._log.exists() else ""

    def write(self, name: str, text: str) -> None:
        """A file in the folder of the terminal, with the ports that are free here."""
        for written, port in self._ports.items():
            host, _, number = written.partition(":")
            text = text.replace(written, f"127.0.0.1:{port}").replace(
                f'("{host}", {number})', f'("{host}", {port})'
            )
        (self._folder / name).write_text(text)

    async def paste(self, block: str) -> str:
        """Run a block as it stands, but for the ports and where the command is; its output."""
        text = block.replace(".venv/bin/", "")
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
        told = f"{block}\n{out.decode()}\n{err.decode()}"
        complaints = [line for line in err.decode().splitlines() if WHICH_FILE not in line]
        assert (shell.returncode, complaints) == (0, []), told
        return out.decode()

    @contextlib.asynccontextmanager
    async def background(self, block: str) -> AsyncIterator[None]:
        """Run a block that leaves a program in the background, which is ended afterwards."""
        with self._log.open("ab") as log:
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


@contextlib.asynccontextmanager
async def terminal_beside_a_server(
    folder: Path, *, port: int, sip_port: int, webhook_port: int
) -> AsyncIterator[Terminal]:
    """``offhook serve`` without configuration in ``folder``, and a shell there that has its key."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", "serve"),
        cwd=folder,
        env={
            **os.environ,
            "OFFHOOK_HTTP__LISTEN": f"127.0.0.1:{port}",
            "OFFHOOK_SIP__LISTEN": f"udp:127.0.0.1:{sip_port}",
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
        yield Terminal(port, webhook_port, key[1], folder)
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGINT)
            await asyncio.sleep(0)
            server.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE):
            await server.communicate()
