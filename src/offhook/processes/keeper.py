"""Keeps one child process of the supervisor running.

A process that has died starts again: at once the first time, then after growing delays. A process with a
stopped event loop (a deadlock, a loop without an end in C code, SIGSTOP) looks alive to the operating
system and
serves no request and no call. It falls silent on its ready pipe; :class:`Pulse` notices, and the process is
killed and replaced. Its sessions then end like those of any process that has died.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from offhook.aio import wait_or
from offhook.processes.process_roles import ProcessRole
from offhook.processes.ready_facts import ReadyFacts, facts_of_line

_log = logging.getLogger(__name__)

READY_TIMEOUT = 30.0
"""Seconds a process may take to serve."""
STEADY_AFTER = 60.0
"""A process that has run for so many seconds is started again at once when it dies."""
LONGEST_DELAY = 30.0
"""Seconds between two starts, at most."""
SILENT_TICKS = 10
"""A process without a sign of life for so many ticks counts as stopped."""
TICK = 1.0
"""Seconds between two looks at the signs of life."""
_LAST_WORDS = 5.0
"""Seconds a process has to end after it closed its ready pipe without a line."""
_NOT_STARTED = 127


class Member(NamedTuple):
    """One process to keep running."""

    role: ProcessRole
    worker: int = 0

    @property
    def label(self) -> str:
        """The name that log lines use."""
        names = {
            ProcessRole.API: "the API process",
            ProcessRole.TESTBED: "the testbed",
            ProcessRole.FRONT: "the SIP front",
            ProcessRole.PHONES: "the gateway of browser phones",
        }
        return names.get(self.role, f"voice worker {self.worker}")


Spawn = Callable[[Member], Awaitable[tuple[asyncio.subprocess.Process, int]]]
"""Starts a member's process: the process, and the pipe on which it says that it is ready."""


class Restarts:
    """The delay before a process that has died starts again, so that it does not restart in a fast loop."""

    def __init__(self) -> None:
        self._deaths = 0

    def delay_after(self, lived: float) -> float:
        """Seconds to wait now that the process has died ``lived`` seconds after its start.

        0 after a steady life or a first death, then 1, 2, 4 … up to 30.
        """
        self._deaths = 1 if lived >= STEADY_AFTER else self._deaths + 1
        return 0.0 if self._deaths == 1 else min(LONGEST_DELAY, 2.0 ** min(self._deaths - 2, 10))


class Pulse:
    """Tells by its signs of life whether a process has stopped.

    It counts our own ticks, not seconds of the clock: when this process was stopped or starved as well,
    one late tick must not count for a process that did write its signs of life.
    """

    def __init__(self) -> None:
        self._silent = 0

    def beat(self) -> None:
        """A sign of life was received."""
        self._silent = 0

    def tick(self) -> bool:
        """:data:`TICK` seconds have passed; True: the process has stopped."""
        self._silent += 1
        return self._silent >= SILENT_TICKS


class Keeper:
    """Starts a member and restarts it when it dies, until told to stop."""

    def __init__(self, member: Member, spawn: Spawn, on_end: Callable[[int], None]) -> None:
        """``on_end`` is told the process id of each process that has ended."""
        self.member = member
        self.facts: asyncio.Future[ReadyFacts | None]
        """What its first ready line says; None when it ended before that. Pending until then."""
        self.facts = asyncio.get_running_loop().create_future()
        self.killed = False
        """Whether it had to be killed, because it did not end in time."""
        self._spawn = spawn
        self._on_end = on_end
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
        """Ask it to read its configuration again; a process that is just starting reads it anyway."""
        if self._serving:
            self.send(signal.SIGHUP)

    async def ended(self) -> None:
        """Wait until the process has ended after :meth:`stop`."""
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
        restarts = Restarts()
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
            delay = restarts.delay_after(lived)
            _log.error(
                "%s ended (%s) after %.1f s; starting it again %s",
                self.member.label,
                ending,
                lived,
                f"in {delay:.0f} s" if delay else "now",
            )
            await wait_or(self._stopping.wait(), delay)

    async def _run_once(self) -> int:
        """Start the process and wait for its end: its exit status."""
        self._why = ""
        try:
            self._process, ready_pipe = await self._spawn(self.member)
        except OSError as error:
            _log.error("%s could not be started: %s", self.member.label, error)
            return _NOT_STARTED
        if self._stopping.is_set():  # asked while it was being started
            self.send(signal.SIGTERM)
        async with _lines(ready_pipe) as lines:
            facts = await self._ready(lines)
            if facts is None:
                await self._end_within(self._process, _LAST_WORDS)
            elif self.facts.done():
                _log.info("%s is back", self.member.label)
            else:
                self.facts.set_result(facts)
            self._serving = facts is not None
            watch = asyncio.create_task(self._watch(lines), name=f"pulse of {self.member.label}")
            try:
                return await self._process.wait()
            finally:
                self._serving = False
                watch.cancel()
                self._on_end(self._process.pid)

    async def _ready(self, lines: asyncio.StreamReader) -> ReadyFacts | None:
        """The facts of the line ``ready {json}``; None when another came, or none in time."""
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                line = await _line(lines)
        except TimeoutError:
            _log.error("%s was not ready within %.0f s", self.member.label, READY_TIMEOUT)
            self.kill()
            return None
        if line[:7] == b"failed ":
            self._why = line[7:].decode(errors="replace").strip()
            return None
        return facts_of_line(line)

    async def _watch(self, lines: asyncio.StreamReader) -> None:
        """Kill the process when its event loop has stopped; while it stops, its deadline does that."""
        pulse = Pulse()

        async def listen() -> None:
            while await _line(lines):
                pulse.beat()

        listening = asyncio.create_task(listen(), name=f"signs of life of {self.member.label}")
        try:
            while not listening.done() and not self._stopping.is_set():
                await asyncio.sleep(TICK)
                if pulse.tick() and not self._stopping.is_set():
                    _log.error(
                        "%s has not answered for %.0f s: its event loop has stopped, killing it",
                        self.member.label,
                        SILENT_TICKS * TICK,
                    )
                    self.send(signal.SIGKILL)
                    return
        finally:
            listening.cancel()

    async def _end_within(self, process: asyncio.subprocess.Process, seconds: float) -> None:
        if self._stopping.is_set():
            return  # stop() has a deadline of its own
        if not await wait_or(process.wait(), seconds):
            self.kill()


def _ending(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"


@contextlib.asynccontextmanager
async def _lines(pipe: int) -> AsyncIterator[asyncio.StreamReader]:
    """The lines of a pipe, at most 64 KiB each; it is closed at the end."""
    reader = asyncio.StreamReader(limit=65_536)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
    )
    try:
        yield reader
    finally:
        transport.close()


async def _line(lines: asyncio.StreamReader) -> bytes:
    """The next line; empty when the pipe has ended or the line is too long."""
    try:
        return await lines.readline()
    except ValueError:
        return b""
