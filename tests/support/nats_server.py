"""A real ``nats-server`` on loopback, by its pid."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from types import TracebackType
from typing import Self

from tests.support.far_machine import FarMachine
from tests.support.net import free_port

program = shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin")


class NatsServer:
    """``async with NatsServer() as server``: ready on ``server.port``; ``stop`` and ``start``: an outage."""

    def __init__(self, on: FarMachine | None = None) -> None:
        """``on``: the machine that it runs on; None: this one."""
        self._within = on.within if on is not None else ()
        self._host = "127.0.0.1" if on is None else "0.0.0.0"
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop(signal.SIGKILL)

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        assert program is not None
        self._process = await asyncio.create_subprocess_exec(
            *(*self._within, program),
            *("-a", self._host, "-p", str(self.port)),
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stderr is not None
        async with asyncio.timeout(30):
            while b"Server is ready" not in await self._process.stderr.readline():
                assert self._process.returncode is None

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait for its end."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            await process.communicate()
