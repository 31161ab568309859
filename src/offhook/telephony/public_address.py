"""``advertise = "auto"``: our public address, asked of a STUN server, and asked again.

It is for a machine behind a NAT that maps addresses one to one, as clouds have it: ports stay as they are.
The question is asked again every minute, and at once when the machine's own address has changed. An answer
counts only for calls that begin later. While the server is silent the last answer stays in use.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable
from typing import Final, final

from offhook.sip.stun import binding_request, mapped_address
from offhook.telephony.transports.sockets import own_address

log = logging.getLogger(__name__)

ASK_EVERY: Final = 60.0
"""Seconds between two questions."""
LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the machine's own address."""
TRIES: Final = (0.5, 1.0, 2.0)
"""Seconds that each of several questions waits for its answer (RFC 8489 §6.2.1)."""


@final
class PublicAddress:
    """Keeps a public address up to date."""

    def __init__(
        self,
        server: tuple[str, int],
        use: Callable[[str], None],
        *,
        own: Callable[[], str] = own_address,
    ) -> None:
        """``use`` gets each new address, an IPv4 literal."""
        self._server = server
        self._use = use
        self._own = own
        self._known: str | None = None
        self._asked_from = ""
        """The machine's own address when it was asked last."""

    async def ask(self) -> bool:
        """Ask once; whether an answer came in time."""
        loop = asyncio.get_running_loop()
        self._asked_from = self._own()
        host, port = self._server
        try:
            found_at = await loop.getaddrinfo(
                host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
            address = found_at[0][4]
            found = await self._answer((str(address[0]), port))
        except OSError as error:
            log.warning("STUN server %s:%d: %s", host, port, error.strerror or error)
            return False
        if found is None:
            log.warning("STUN server %s:%d does not answer", host, port)
            return False
        if found != self._known:
            log.info("our public address is %s", found)
            self._known = found
            self._use(found)
        return True

    async def run(self) -> None:
        """Ask until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + ASK_EVERY
        while True:
            await asyncio.sleep(min(LOOK_EVERY, max(0.0, due - loop.time())))
            if self._own() != self._asked_from or loop.time() >= due:
                due = loop.time() + ASK_EVERY
                await self.ask()

    async def _answer(self, where: tuple[str, int]) -> str | None:
        loop = asyncio.get_running_loop()
        transaction = secrets.token_bytes(12)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(where)
            for wait in TRIES:
                try:
                    async with asyncio.timeout(wait):
                        await loop.sock_sendall(sock, binding_request(transaction))
                        while True:
                            data = await loop.sock_recv(sock, 2048)
                            found = mapped_address(data, transaction)
                            if found is not None:
                                return found[0]
                except TimeoutError:
                    continue
        return None
