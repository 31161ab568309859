"""Tells systemd how the server is (``sd_notify(3)``): ready, stopping, reloading, alive.

The protocol is a datagram of ``KEY=value`` lines to the socket that ``NOTIFY_SOCKET`` names. Without that
variable, as when a person starts the server, nothing is sent.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class SystemdNotifier:
    """The service manager that started this process, if one did."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.watchdog = _seconds_of(environ)
        """Seconds within which the manager wants a sign of life; None: it does not watch."""

    def ready(self) -> None:
        """Every process serves."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Live calls have some time to end."""
        self._send("STOPPING=1")

    def reloading(self) -> None:
        """The configuration is read again; :meth:`ready` follows."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now}")

    async def keep_alive(self) -> None:
        """Send signs of life until cancelled; returns at once when the manager does not watch."""
        while self.watchdog is not None and self._address:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 3)

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # A manager that does not read must not stop the server.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(text.encode(), self._address)


def _seconds_of(environ: Mapping[str, str]) -> float | None:
    """The period of ``WATCHDOG_USEC``, if it is meant for this process."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        micros = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return micros / 1e6 if micros > 0 else None
