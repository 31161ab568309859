"""Keeps one child process of the supervisor up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple

_log = logging.getLogger(__name__)

READY_TIMEOUT = 30.0
"""Seconds a process may take to serve."""
STEADY_AFTER = 60.0
"""A process that has lived so many seconds starts again at once when it dies."""
LONGEST_DELAY = 30.0
"""Seconds between two starts, at most."""
_LAST_WORDS = 5.0
"""Seconds a process has to end after it closed its ready pipe without a word."""
_NOT_STARTED = 127


class Member(NamedTuple):
    """One process to keep up."""

    role: Literal["api", "voice", "testbed"]
    worker: int = 0

    @property
    def label(self) -> str:
        """For a person."""
        names = {"api": "the API process", "testbed": "the testbed"}
        return names.get(self.role, f"voice worker {self.worker}")


Spawn = Callable[[Member], Awaitable[tuple[asyncio.subprocess.Process, int]]]
"""Starts a member's process: the process, and the pipe on which it says that it is ready."""


def restart_delay(deaths: int) -> float:
    """Seconds before a process starts again that died ``deaths`` times (1, 2, …) in a row.

    The first time at once, then 1, 2, 4 … up to 30 s: never in a hot loop.
    """
    return 0.0 if deaths <= 1 else min(LONGEST_DELAY, 2.0 ** min(deaths - 2, 10))


class Keeper:
    """Starts a member, and again when it dies, until told to stop."""

    def __init__(self, member: Member, spawn: Spawn) -> None:
        self.member = member
        self.facts: asyncio.Future[dict[str, Any] | None]
        """Of its first ready line; None when it ended before. Pending until then."""
        self.facts = asyncio.get_running_loop().create_future()
        self.killed = False
        """Whether it had to be."""
        self._spawn = spawn
        self._process: asyncio.subprocess.Process | None = None
        self._serving = False
        self._why = ""
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin; ``group`` owns the task."""
        self._task = group.create_task(self._run(), name=self.member.label)

    def stop(self) -> None:
        """Ask it to drain and end; it is not started again."""
        self._stopping.set()
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        """End it now, with all that it has started."""
        if self._process is not None and self._process.returncode is None:
            _log.warning("%s did not end in time: killed", self.member.label)
            self.killed = True
            self.send(signal.SIGKILL)

    def reload(self) -> None:
        """Ask it to read its configuration again; a process that only now starts does anyway."""
        if self._serving:
            self.send(signal.SIGHUP)

    async def ended(self) -> None:
        """Wait until it is gone for good, after :meth:`stop`."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    def send(self, signum: signal.Signals) -> None:
        """Send a signal if the process is there; SIGKILL goes to all that it has started as well."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if signum is signal.SIGKILL:
                os.killpg(self._process.pid, signum)
            else:
                self._process.send_signal(signum)

    async def _run(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            status = await self._run_once()
            if self._stopping.is_set():
                return
            lived = time.monotonic() - started
            ending = f"{_ending(status)}: {self._why}" if self._why else _ending(status)
            if not self.facts.done():
                _log.error("%s could not start (%s)", self.member.label, ending)
                self.facts.set_result(None)
                return
            deaths = 1 if lived >= STEADY_AFTER else deaths + 1
            delay = restart_delay(deaths)
            _log.error(
                "%s ended (%s) after %.1f s; starting it again %s",
                self.member.label,
                ending,
                lived,
                f"in {delay:.0f} s" if delay else "now",
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()

    async def _run_once(self) -> int:
        """Start the process and wait for its end: its exit status."""
        try:
            self._process, ready_pipe = await self._spawn(self.member)
        except OSError as error:
            _log.error("%s could not be started: %s", self.member.label, error)
            return _NOT_STARTED
        if self._stopping.is_set():  # asked while it was being started
            self.send(signal.SIGTERM)
        facts = await self._ready(ready_pipe)
        if facts is None:
            await self._end_within(self._process, _LAST_WORDS)
        elif self.facts.done():
            _log.info("%s is back", self.member.label)
        else:
            self.facts.set_result(facts)
        self._serving = facts is not None
        status = await self._process.wait()
        self._serving = False
        return status

    async def _ready(self, pipe: int) -> dict[str, Any] | None:
        """The facts of the line ``ready {json}``; None when another came, or none in time."""
        self._why = ""
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                line = await _first_line(pipe)
        except TimeoutError:
            _log.error("%s was not ready within %.0f s", self.member.label, READY_TIMEOUT)
            self.kill()
            return None
        if line[:7] == b"failed ":
            self._why = line[7:].decode(errors="replace").strip()
            return None
        try:
            facts = json.loads(line.removeprefix(b"ready ")) if line[:6] == b"ready " else None
        except ValueError:
            return None
        return facts if isinstance(facts, dict) else None

    async def _end_within(self, process: asyncio.subprocess.Process, seconds: float) -> None:
        if self._stopping.is_set():
            return  # whoever stops it has a deadline of his own
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            self.kill()


def _ending(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"


async def _first_line(pipe: int) -> bytes:
    """One line from a pipe, which is closed then; empty when it ends before. At most 64 KiB."""
    reader = asyncio.StreamReader(limit=65_536)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
    )
    try:
        return await reader.readline()
    except ValueError:
        return b""
    finally:
        transport.close()
