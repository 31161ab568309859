"""What a process started by the supervisor knows of it, and what it says to it.

The contract: its arguments are ``--role``, ``--worker``, ``--workers`` and ``--config``; variables name
the fabric's socket and two inherited pipes. On one the child writes a line: ``ready {json}`` once it
serves, or ``failed {why}`` when it cannot start. The other ends when the supervisor has died, upon which
the child drains and exits, as on SIGTERM. A second SIGTERM means: hang up now. SIGHUP means: read the
configuration again.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

FABRIC = "OFFHOOK_FABRIC"
TESTBED = "OFFHOOK_TESTBED"
READY_FD = "OFFHOOK_READY_FD"
LIFE_FD = "OFFHOOK_LIFE_FD"


@dataclass(slots=True)
class SupervisorLink:
    """The supervisor, as seen by its child; all None in a process that was started by hand."""

    fabric: str | None = None
    """Path of the local fabric's socket; None: the process is alone, or NATS is configured."""
    testbed: str | None = None
    """Where the built-in carrier listens (``udp:127.0.0.1:40123``), known to voice workers; for
    the carrier itself when it is started again: where it must listen."""
    ready_fd: int | None = None
    life_fd: int | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> SupervisorLink:
        """The supervisor that started this process."""
        ready, life = environ.get(READY_FD), environ.get(LIFE_FD)
        return cls(
            fabric=environ.get(FABRIC),
            testbed=environ.get(TESTBED),
            ready_fd=int(ready) if ready else None,
            life_fd=int(life) if life else None,
        )

    def ready(self, **facts: Any) -> None:
        """Say that this process serves. Facts: ``url`` and ``api_key`` (of the embedded default,
        the first time) of an API process, ``sip`` (a list) of a voice worker, ``address`` of the
        testbed."""
        self._say(f"ready {json.dumps(facts)}")

    def failed(self, why: str) -> bool:
        """Say that this process cannot start, in a line for the operator, who then needs no trace.

        False: there is nobody to tell, or it has been ready before, which is another matter.
        """
        return self._say("failed " + " ".join(why.split())[:1000])

    def _say(self, line: str) -> bool:
        """The first and only line; what comes later is not said."""
        if self.ready_fd is None:
            return False
        pipe, self.ready_fd = self.ready_fd, None
        with suppress(BrokenPipeError):
            os.write(pipe, f"{line}\n".encode())
        os.close(pipe)
        return True

    async def gone(self) -> None:
        """Wait until the supervisor has died; for ever in a process that has none."""
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
