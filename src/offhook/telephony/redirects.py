"""Redirections of a call that we make: 3xx answers, and where they may lead (RFC 3261 §8.1.3.4).

A redirection is another party's word about where our call goes and what it costs. So it is followed to a
configured trunk only, to a number that the sub-account may call over that trunk, never twice to the same
place, and as often as the trunk that redirects allows (``redirects``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, final

from offhook.sip.grammar import GrammarError, SipUri, parse_uri
from offhook.telephony.number_formats import Party
from offhook.telephony.trunks import Trunk

DEFAULT_PORTS = {"tls": 5061}
FOLLOWED = frozenset({300, 301, 302})
"""A 305 names a proxy and a 380 a service: neither is another place of the called."""

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)

Routes = Callable[[str], tuple[str, ...]]
"""The names of the trunks that the sub-account may call a number over; none: it may not."""


def _no_name(_host: str, _address: str) -> bool:
    return False


class Redirection(NamedTuple):
    """Where a call goes next."""

    trunk: Trunk
    number: str
    """E.164 with ``+``."""


@final
class Redirections:
    """The redirections of one call."""

    def __init__(
        self, routes: Routes | None, is_address_of: Callable[[str, str], bool] = _no_name
    ) -> None:
        """Without ``routes`` none is followed. ``is_address_of`` knows the addresses of trunks' names."""
        self._routes = routes
        self._is_address_of = is_address_of
        self._been: set[tuple[str, str]] = set()
        """Trunk and number of each INVITE."""
        self._followed = 0

    def went(self, trunk: Trunk, number: str) -> None:
        """An INVITE goes there."""
        self._been.add((trunk.name, number))

    def next(
        self, status: int, contacts: Sequence[str], by: Trunk, trunks: Mapping[str, Trunk]
    ) -> Redirection | None:
        """Where a 3xx of trunk ``by`` with these contacts, the best first, leads; None: nowhere we go."""
        if self._routes is None or status not in FOLLOWED or self._followed >= by.redirects:
            return None
        for contact in contacts:
            found = self._target(contact, by, trunks)
            if found is not None and (found.trunk.name, found.number) not in self._been:
                self._followed += 1
                return found
        return None

    def _target(self, contact: str, by: Trunk, trunks: Mapping[str, Trunk]) -> Redirection | None:
        try:
            uri = parse_uri(contact)
        except GrammarError:
            return None
        assert self._routes is not None
        # Several trunks may have one address: the one that redirects comes first.
        for trunk in (by, *trunks.values()):
            if self._leads_to(uri, trunk):
                number = trunk.numbers.read(uri.user.partition(";")[0], Party.CALLED)
                if _NUMBER.fullmatch(number) and trunk.name in self._routes(number):
                    return Redirection(trunk, number)
        return None

    def _leads_to(self, uri: SipUri, trunk: Trunk) -> bool:
        """Whether a URI names a trunk: its domain, or its address."""
        if uri.scheme not in ("sip", "sips"):
            return False
        implied = "tls" if uri.scheme == "sips" else "udp"
        transport = (uri.params.get("transport") or implied).lower()
        port = uri.port or DEFAULT_PORTS.get(transport, 5060)
        if uri.host == (trunk.domain or "").lower() and uri.port is None:
            return True
        if (transport, port) != (trunk.transport, trunk.port):
            return False
        return uri.host == trunk.host.lower() or self._is_address_of(trunk.host, uri.host)
