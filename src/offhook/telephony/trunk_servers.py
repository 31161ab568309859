"""The servers behind each trunk's address: which one is tried first, and which are left for later."""

from __future__ import annotations

from typing import Final, final

from offhook.clock import Clock
from offhook.sip import Address
from offhook.telephony.transports.locator import Locator
from offhook.telephony.trunks import Trunk

AVOIDED_FOR: Final = 60.0
"""Seconds for which a server that failed comes after the others (RFC 3263 §4.3)."""
MOST_AVOIDED: Final = 1000
PATIENCE: Final = 4.0
"""Seconds that a server may be silent while there is another one."""


@final
class TrunkServers:
    """What one voice process knows of them."""

    def __init__(self, locator: Locator, clock: Clock) -> None:
        self._locator = locator
        self._clock = clock
        self._avoided: dict[Address, float] = {}

    def known(self, trunk: Trunk) -> list[Address] | None:
        """In the order in which they are to be tried; None: they must be looked up (:meth:`find`)."""
        found = self._locator.known(trunk.place)
        return None if found is None else self._in_order(found)

    async def find(self, trunk: Trunk) -> list[Address]:
        """As :meth:`known`; asks the name service. Raises CannotLocate of :mod:`.transports.locator`."""
        return self._in_order(await self._locator.find(trunk.place))

    def failed(self, server: Address) -> None:
        """It was silent, refused the connection, or said 503."""
        if len(self._avoided) >= MOST_AVOIDED:
            self._avoided.clear()
        self._avoided[server] = self._clock.monotonic() + AVOIDED_FOR

    def _in_order(self, servers: tuple[Address, ...]) -> list[Address]:
        now = self._clock.monotonic()
        return sorted(servers, key=lambda server: self._avoided.get(server, 0.0) > now)
