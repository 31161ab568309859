"""What a process started by the supervisor knows of it, and what it says to it.

The contract: its arguments are ``--role``, ``--worker``, ``--workers`` and ``--config``; variables name
the fabric's socket and two inherited pipes. On one the child writes a line ``ready {json}`` once it
serves; the other ends when the supervisor has died, upon which the child drains and exits, as on SIGTERM.
A second SIGTERM means: hang up now. SIGHUP means: read the configuration again.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

FABRIC = "OFFHOOK_FABRIC"
TESTBED = "OFFHOOK_TESTBED"
READY_FD = "OFFHOOK_READY_FD"
LIFE_FD = "OFFHOOK_LIFE_FD"


class Supervisor(NamedTuple):
    """The supervisor, as seen by its child; all None in a process that was started by hand."""

    fabric: str | None = None
    """Path of the local fabric's socket; None: the process is alone, or NATS is configured."""
    testbed: str | None = None
    """Where the built-in carrier listens (``udp:127.0.0.1:40123``), known before others start; for
    the carrier itself when it is started again: where it must listen."""
    ready_fd: int | None = None
    life_fd: int | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Supervisor:
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
        testbed. To be called once."""
        if self.ready_fd is not None:
            os.write(self.ready_fd, f"ready {json.dumps(facts)}\n".encode())
            os.close(self.ready_fd)

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
