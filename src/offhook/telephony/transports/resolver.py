"""Host names of SIP peers: looked up asynchronously, while their datagrams wait."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import deque
from collections.abc import Callable

from offhook.sip import Address
from offhook.sip.hosts import is_ip

log = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Datagrams kept while names are looked up; more are dropped, and SIP retransmits them."""
MAX_KNOWN = 10_000
MAX_ASKING = 100
"""Names that are looked up at once for :meth:`Resolver.resolve`; peers name hosts in their SDP."""
LIFETIME = 60.0
"""Seconds a looked-up name is used."""
TIMEOUT = 5.0
NEVER = float("inf")


class Resolver:
    """Turns the host of a destination into an address of one family."""

    def __init__(
        self,
        family: socket.AddressFamily,
        send: Callable[[bytes, Address], None],
        fail: Callable[[Address, str], None],
    ) -> None:
        """``send`` gets the waiting datagrams once a name is resolved, ``fail`` the destinations that
        cannot be, and why."""
        self._family = family
        self._send = send
        self._fail = fail
        self._known: dict[str, tuple[str, float]] = {}
        self._waiting: deque[tuple[bytes, Address]] = deque()
        self._lookups: dict[str, asyncio.Task[None]] = {}
        self._asking: dict[str, asyncio.Task[str | None]] = {}

    def address_of(self, host: str) -> str | None:
        """The address of ``host``; None when it must be looked up (see :meth:`wait`)."""
        known = self._known.get(host)
        if known is not None and (known[1] == NEVER or known[1] > time.monotonic()):
            return known[0]
        if not is_ip(host):
            return None
        self._remember(host, host, NEVER)
        return host

    def wait(self, data: bytes, destination: Address) -> None:
        """Look up the destination's host, then send."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append((data, destination))
        host = destination.host
        if host not in self._lookups:
            self._lookups[host] = asyncio.get_running_loop().create_task(self._resolve(host))

    async def resolve(self, host: str, timeout: float = TIMEOUT) -> str | None:
        """The address of ``host`` within ``timeout`` seconds; None when it is not found in time."""
        known = self.address_of(host)
        if known is not None:
            return known
        if len(self._asking) >= MAX_ASKING:
            return None
        task = self._asking.get(host)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._asked(host))
            self._asking[host] = task
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(task)
        except TimeoutError:
            log.warning("host %s: no answer from the name service in %g s", host, timeout)
            return None

    async def _asked(self, host: str) -> str | None:
        try:
            address, _ = await self._look_up(host)
        finally:
            self._asking.pop(host, None)
        if address is not None:
            self._remember(host, address, time.monotonic() + LIFETIME)
        return address

    def is_address_of(self, host: str, address: str) -> bool:
        """Whether ``host`` is, or was last found at, the address literal ``address``."""
        known = self._known.get(host)
        return host == address or (known is not None and known[0] == address)

    async def close(self) -> None:
        """Cancel the lookups."""
        lookups = [*self._lookups.values(), *self._asking.values()]
        for task in lookups:
            task.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)

    def _remember(self, host: str, address: str, until: float) -> None:
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[host] = (address, until)

    async def _resolve(self, host: str) -> None:
        try:
            address, problem = await self._look_up(host)
        finally:
            del self._lookups[host]
        waiting = [item for item in self._waiting if item[1].host == host]
        self._waiting = deque(item for item in self._waiting if item[1].host != host)
        if address is None:
            for destination in {item[1] for item in waiting}:
                self._fail(destination, problem)
            return
        self._remember(host, address, time.monotonic() + LIFETIME)
        for data, destination in waiting:
            self._send(data, destination)

    async def _look_up(self, host: str) -> tuple[str | None, str]:
        """Ask the system: the address, or None and the reason. While the system has no answer, the last one
        stays valid."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TIMEOUT):
                found = await loop.getaddrinfo(
                    host, None, family=self._family, type=socket.SOCK_DGRAM
                )
            return str(found[0][4][0]), ""
        except (OSError, TimeoutError, UnicodeError, IndexError) as error:
            problem = f"cannot look up {host}: {_words(error)}"
            log.warning("%s", problem)
            last = self._known.get(host)
            return (last[0] if last is not None else None), problem


def _words(error: Exception) -> str:
    """Why a lookup failed, for people."""
    if isinstance(error, TimeoutError):
        return f"no answer from the name service in {TIMEOUT:g} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
