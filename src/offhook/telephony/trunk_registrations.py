"""Registers this server with the trunks that want it (``register = true``), and says how that goes."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import NamedTuple

from offhook.sip import Address, AnyEvent, Credentials, RegistrationChanged
from offhook.sip.encoding import host_port
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.trunk_health import TrunkHealth
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)


class _Kept(NamedTuple):
    """A registration that runs."""

    trunk: Trunk
    handle: str


class TrunkRegistrations:
    """The registrations of one endpoint. One process of a machine has them: all workers share its address."""

    def __init__(self, endpoint: SipEndpoint, health: TrunkHealth) -> None:
        self._endpoint = endpoint
        self._health = health
        self._kept: dict[str, _Kept] = {}
        self._told: dict[str, str | None] = {}
        """The problem of each trunk that was logged last; None: it is registered."""

    def use(self, trunks: Mapping[str, Trunk]) -> None:
        """Be registered with these trunks, as they say, and with no others."""
        for name, kept in list(self._kept.items()):
            if _wish(kept.trunk) != _wish(trunks.get(name)):
                self._end(name)
        for name, trunk in trunks.items():
            if trunk.registrars and name not in self._kept:
                self._kept[name] = _Kept(trunk, self._register(trunk))

    def stop(self) -> None:
        """Take all of them back. The endpoint waits for the answers when it closes."""
        for name in list(self._kept):
            self._end(name)

    def _end(self, name: str) -> None:
        with self._endpoint.command() as (agent, now):
            agent.unregister(self._kept.pop(name).handle, now)
        self._told.pop(name, None)

    def _register(self, trunk: Trunk) -> str:
        first = trunk.registrars[0]
        domain = trunk.domain or host_port(first.host, None)
        with self._endpoint.command() as (agent, now):
            handle = agent.register(
                now,
                registrars=[Address(*each) for each in trunk.registrars],
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
        problem = None if event.granted is not None else f"REGISTER: {event.problem}"
        self._health.registered(name, problem)
        if self._told.get(name, "") != problem:
            self._told[name] = problem
            if problem is None:
                log.info("trunk %s: registered for %d s", name, event.granted)
            else:
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
