"""The context that a process gives to its role."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import Callable

import msgspec
from prometheus_client import CollectorRegistry

from offhook.clock import Clock, SharedClock
from offhook.config import Config
from offhook.processes.child import SupervisorLink

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class CannotServe(Exception):
    """A process cannot start as it is configured; the text, for the operator, says why."""


class RoleContext(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the installation."""

    config: Config
    """With the built-in phones' trunk and routes where they are used."""
    supervisor: SupervisorLink
    worker: int = 0
    """Number of this voice worker on the machine, from 0."""
    workers: int = 1
    draining: asyncio.Event
    """Set when nothing new may be accepted."""
    stopping: asyncio.Event
    """Set when the process must finish what it has and end."""
    orphaned: asyncio.Event
    """Set when the supervisor has died: end at once, so that the next start finds the ports free."""
    reloads: list[Callable[[Config], None]] = []
    """Called with the configuration that was read again (SIGHUP); a role adds its own."""
    clock: Clock = msgspec.field(default_factory=SharedClock)
    """The clock of the whole installation, once the record was opened."""
    registry: CollectorRegistry = msgspec.field(default_factory=CollectorRegistry)
    """The metrics of this process."""

    @property
    def drain_timeout(self) -> float:
        """Seconds that live calls may go on once :attr:`stopping` is set."""
        return 0.0 if self.orphaned.is_set() else self.config.limits.drain_timeout

    @property
    def node_name(self) -> str:
        """The same after every restart of the same worker on the same machine."""
        own = self.config.cluster.name or f"{socket.gethostname()}/{self.config.sip.listen[0]}"
        return f"{own}/{self.worker}"

    @property
    def place(self) -> str:
        """Where this process runs: no two that run at once have the same.

        Made of the machine's present start, its network, and the addresses that only one process can have.
        """
        parts = [_read(_BOOT_ID), _network(), *self.config.sip.listen, self.config.http.listen]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _read(path: str) -> str:
    """A file of the kernel; empty where there is none."""
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


def _network() -> str:
    """The network namespace of this process; empty where there are none."""
    try:
        return os.readlink("/proc/self/ns/net")
    except OSError:
        return ""
