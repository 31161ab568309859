"""Registers this server with the trunks that want it (``register = true``), and says how that goes."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Mapping, Sequence

from offhook.faults import FaultLog
from offhook.sip import Address, AnyEvent, Credentials, RegistrationChanged
from offhook.sip.encoding import host_port
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.transports.locator import CannotLocate
from offhook.telephony.trunk_health import TrunkHealth
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)
faults = FaultLog(log)


RETRY = 30.0
"""Seconds until the registrars' names are looked up again when none was found."""


class _KeptRegistration:
    """A registration that runs, or waits for the addresses of its registrars."""

    def __init__(self, trunk: Trunk) -> None:
        self.trunk = trunk
        self.handle: str | None = None
        self.looking_up: asyncio.Task[None] | None = None
        self.retry: asyncio.TimerHandle | None = None


class TrunkRegistrations:
    """The registrations of one endpoint. One process of a machine has them: all workers share its address."""

    def __init__(self, endpoint: SipEndpoint, health: TrunkHealth) -> None:
        self._endpoint = endpoint
        self._health = health
        self._kept: dict[str, _KeptRegistration] = {}
        self._told: dict[str, str | None] = {}
        """The problem of each trunk that was logged last; None: it is registered."""

    def use(self, trunks: Mapping[str, Trunk]) -> None:
        """Be registered with these trunks, as they say, and with no others."""
        for name, kept in list(self._kept.items()):
            if _wish(kept.trunk) != _wish(trunks.get(name)):
                self._end(name)
        for name, trunk in trunks.items():
            if trunk.registrars and name not in self._kept:
                self._kept[name] = _KeptRegistration(trunk)
                self._begin(name)

    def stop(self) -> None:
        """Take all of them back. The endpoint waits for the answers when it closes."""
        for name in list(self._kept):
            self._end(name)

    def _end(self, name: str) -> None:
        kept = self._kept.pop(name)
        self._told.pop(name, None)
        if kept.looking_up is not None:
            kept.looking_up.cancel()
        if kept.retry is not None:
            kept.retry.cancel()
        if kept.handle is not None:
            with self._endpoint.command() as (agent, now):
                agent.unregister(kept.handle, now)

    def _begin(self, name: str) -> None:
        """Look up the registrars, then register, or go on with their new addresses."""
        kept = self._kept.get(name)
        if kept is not None and (kept.looking_up is None or kept.looking_up.done()):
            kept.looking_up = asyncio.get_running_loop().create_task(self._locate(name, kept))

    async def _locate(self, name: str, kept: _KeptRegistration) -> None:
        found: list[Address] = []
        problem = "no registrar is configured"
        for place in kept.trunk.registrars:
            try:
                found += await self._endpoint.locator.find(place)
            except CannotLocate as error:
                problem = str(error)
            except Exception:
                faults.report(f"looking up the registrars of trunk {name}")
        if found and kept.handle is None:
            kept.handle = self._register(kept.trunk, found)
        elif found and kept.handle is not None:
            with self._endpoint.command() as (agent, _):
                agent.move_registration(kept.handle, found)
        else:
            self._tell(name, f"REGISTER: {problem}")
            loop = asyncio.get_running_loop()
            kept.retry = loop.call_later(RETRY, self._begin, name)

    def _register(self, trunk: Trunk, registrars: Sequence[Address]) -> str:
        first = trunk.registrars[0]
        domain = trunk.domain or host_port(first.host, None)
        with self._endpoint.command() as (agent, now):
            handle = agent.register(
                now,
                registrars=registrars,
                registrar_uri=f"sip:{trunk.domain or host_port(first.host, first.port)}",
                aor=f"sip:{trunk.username}@{domain}",
                contact_user=trunk.contact_user or "",
                credentials=Credentials(trunk.username or "", trunk.password or ""),
                expires=trunk.register_expires,
            )
            self._endpoint.listen(handle, functools.partial(self._changed, trunk.name))
        return handle

    def _changed(self, name: str, event: AnyEvent) -> None:
        if not isinstance(event, RegistrationChanged) or event.ended or name not in self._kept:
            return
        if event.granted is None:
            self._tell(name, f"REGISTER: {event.problem}")
            self._begin(name)
            return
        if self._told.get(name, "") is not None:
            log.info("trunk %s: registered for %d s", name, event.granted)
        self._told[name] = None
        self._health.registered(name, None)

    def _tell(self, name: str, problem: str) -> None:
        self._health.registered(name, problem)
        if self._told.get(name) != problem:
            self._told[name] = problem
            log.warning("trunk %s: not registered: %s", name, problem)


def _wish(trunk: Trunk | None) -> tuple[object, ...] | None:
    """What a registration depends on; None: none is wanted."""
    if trunk is None or not trunk.registrars:
        return None
    return (
        trunk.registrars,
        trunk.domain,
        trunk.username,
        trunk.password,
        trunk.register_expires,
        trunk.contact_user,
    )
