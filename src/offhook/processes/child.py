"""The link between the supervisor and a process that it started, as the process sees it.

The arguments of a process are ``--role``, ``--worker``, ``--workers`` and ``--config``; variables name
the fabric's socket, two inherited pipes, and a snapshot of the configuration as the supervisor has read it:
the file is read and judged once, so all processes have the same, and SIGHUP means that the snapshot is new.

**The ready pipe** carries lines from the process to the supervisor: first ``ready {json}`` once it serves,
or ``failed {why}`` when it cannot start; then ``alive`` every :data:`BEAT` seconds, written by the event
loop itself. So a process with a stopped loop writes nothing, and the supervisor kills and replaces
it (:mod:`offhook.processes.keeper`).

**The life pipe** is never written to: it ends when the supervisor has died, for any reason. The
process then hangs up its calls and ends at once, so that its ports are free for the next start. A thread
watches the pipe as well and ends a process that is still running after :data:`LAST_SECONDS`, because a
blocked event loop cannot react. Linux also sends :data:`ORPHANED` (``PR_SET_PDEATHSIG``), which
ends a process that has not finished its imports yet.

SIGTERM means: drain and end; a second SIGTERM: hang up now.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from offhook.processes.ready_facts import NOTHING_TO_TELL, ReadyFacts

FABRIC = "OFFHOOK_FABRIC"
TESTBED = "OFFHOOK_TESTBED"
READY_FD = "OFFHOOK_READY_FD"
LIFE_FD = "OFFHOOK_LIFE_FD"
SIP_FD = "OFFHOOK_SIP_FD"
FRONT = "OFFHOOK_FRONT"
SNAPSHOT = "OFFHOOK_SNAPSHOT"

BEAT = 1.0
"""Seconds between two signs of life."""
LAST_SECONDS = 3.0
"""Seconds a process has to hang up and end after the supervisor has died."""
ORPHANED = signal.SIGUSR2
"""Sent by the kernel when the supervisor has died (Linux)."""
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class SupervisorLink:
    """The supervisor, as seen by its child; all None in a process that was started by hand."""

    fabric: str | None = None
    """Path of the local fabric's socket; None: the process is alone, or NATS is configured."""
    testbed: str | None = None
    """Where the built-in carrier listens (``udp:127.0.0.1:40123``), known to voice workers; for
    the carrier itself when it is started again: where it must listen."""
    snapshot: str | None = None
    """Path of the configuration as the supervisor has read it."""
    sip_fd: int | None = None
    """The UDP socket that several voice workers share; None: this process binds its own."""
    front: str | None = None
    """Path of the Unix socket where the front passes datagrams on."""
    ready_fd: int | None = None
    life_fd: int | None = None
    told: bool = False
    """Whether the supervisor knows that this process serves, or why it cannot."""

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> SupervisorLink:
        """The supervisor that started this process."""
        ready, life, sip = (environ.get(name) for name in (READY_FD, LIFE_FD, SIP_FD))
        return cls(
            fabric=environ.get(FABRIC),
            testbed=environ.get(TESTBED),
            snapshot=environ.get(SNAPSHOT),
            sip_fd=int(sip) if sip else None,
            front=environ.get(FRONT),
            ready_fd=int(ready) if ready else None,
            life_fd=int(life) if life else None,
        )

    def end_with_supervisor(self) -> None:
        """Let this process end soon after the supervisor, even if its event loop is blocked."""
        if self.life_fd is None:
            return
        if sys.platform == "linux":
            with suppress(OSError, AttributeError):
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(ORPHANED))
        watch = threading.Thread(
            target=_end_after, args=(self.life_fd,), name="supervisor", daemon=True
        )
        watch.start()

    def ready(self, facts: ReadyFacts = NOTHING_TO_TELL) -> None:
        """Say that this process serves."""
        self._say_first(f"ready {msgspec.json.encode(facts).decode()}")

    def failed(self, why: str) -> bool:
        """Say that this process cannot start, with a line for the operator instead of a traceback.

        False: there is no supervisor to tell, or the process has been ready before.
        """
        return self._say_first("failed " + " ".join(why.split())[:1000])

    def _say_first(self, line: str) -> bool:
        if self.ready_fd is None or self.told:
            return False
        self.told = True
        with suppress(BrokenPipeError):
            os.write(self.ready_fd, f"{line}\n".encode())
        return True

    async def keep_alive(self) -> None:
        """Say ``alive`` from the event loop once the process is ready, until cancelled."""
        while True:
            await asyncio.sleep(BEAT)
            if self.ready_fd is not None and self.told:
                os.set_blocking(self.ready_fd, False)
                # Full or broken: the supervisor is stopped or has died. This process can do nothing about
                # it.
                with suppress(BlockingIOError, BrokenPipeError):
                    os.write(self.ready_fd, b"alive\n")

    async def gone(self) -> None:
        """Wait until the supervisor has died; in a process without one this never returns."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        if self.life_fd is not None:
            os.set_blocking(self.life_fd, False)
            loop.add_reader(self.life_fd, _set, ended)
        try:
            await ended
        finally:
            if self.life_fd is not None:
                loop.remove_reader(self.life_fd)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _end_after(life_fd: int) -> None:
    """End this process, and all that it has started, :data:`LAST_SECONDS` after the pipe has ended."""
    poll = select.poll()
    poll.register(life_fd, select.POLLIN)
    while not poll.poll():
        pass
    time.sleep(LAST_SECONDS)
    with suppress(OSError):
        os.killpg(0, signal.SIGKILL)
