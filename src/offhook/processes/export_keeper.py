"""Starts the exporting process while exports wait, one at a time, and ends it with the API process."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from offhook.aio import wait_or
from offhook.clock import Clock
from offhook.config import Config
from offhook.session.ports.exports import Exporting
from offhook.session.ports.record import StoreUnavailable

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks for exports that another machine left."""
COMMAND = (sys.executable, "-m", "offhook.processes.exporter")


class ExportKeeper:
    """Owns the exporting process of an API process."""

    def __init__(
        self,
        store: Exporting,
        clock: Clock,
        config: Callable[[], Config],
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._command = command
        self._wake = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None
        """The one that runs now."""

    def wake(self) -> None:
        """An export was asked for."""
        self._wake.set()

    async def run(self) -> None:
        """Look for exports and have them made, until cancelled."""
        while True:
            self._wake.clear()
            if await self._due():
                await self._export()
            await wait_or(self._wake.wait(), LOOK_EVERY)

    async def _due(self) -> bool:
        try:
            return await self._store.exports_due(self._clock.now())
        except StoreUnavailable:
            return False

    async def _export(self) -> None:
        """One run of the exporting process."""
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE
        )
        self.process = process
        try:
            assert process.stdin is not None
            text = msgspec.msgpack.encode(self._config())
            with suppress(ConnectionError):
                process.stdin.write(len(text).to_bytes(8, "big") + text)
                await process.stdin.drain()
            status = await process.wait()
            if status:
                log.warning("the exporting process ended with status %d", status)
        finally:
            self.process = None
            if process.returncode is None:
                process.kill()
                await process.wait()
