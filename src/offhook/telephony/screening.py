"""Calls from outside: which trunk they come over, who calls whom, and who gets no answer at all.

A caller is known by its source address (``inbound_from``) or by digest with a trunk's credentials.
Whoever fails digest gets 403; an address that fails :data:`BAN_AFTER` times is banned and hears nothing
(``spec/execution.md``, "Inbound").
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from offhook.clock import new_id
from offhook.media.engine import PortsExhausted
from offhook.sip import Address, IncomingInvite, ServerAuth, Verdict
from offhook.sip.grammar import GrammarError, parse_uri, uri_of
from offhook.telephony.incoming import IncomingCall
from offhook.telephony.line import Line
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)

REALM = "offhook"
BAN_AFTER = 10
"""Failed digests of one address."""
BAN_TIME = 600.0
"""Seconds."""
REMEMBERED = 10_000
"""Addresses whose failures are counted."""


class Received(NamedTuple):
    """A call from outside that rings."""

    call: IncomingCall
    trunk: str
    caller: str
    """User part of P-Asserted-Identity or From: mostly a number."""
    called: str
    """User part of the Request-URI."""


class InboundScreening:
    """Judges INVITEs of one endpoint. ``take`` gets those of known peers, ringing."""

    def __init__(
        self,
        line: Line,
        inbound_from: Mapping[str, str],
        take: Callable[[Received], None],
        *,
        knows: Callable[[str], bool],
    ) -> None:
        """``inbound_from``: trunk name by trusted source address; ``knows``: whose number it is."""
        self._line = line
        self._take = take
        self._knows = knows
        self.use(inbound_from)
        self._auth = ServerAuth(REALM, secret=secrets.token_bytes(32))
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def use(self, inbound_from: Mapping[str, str]) -> None:
        """Know these addresses, and the trunks that the line has now."""
        self._inbound_from = dict(inbound_from)
        self._by_user = {t.username: t for t in self._line.trunks.values() if t.username}

    def start(self) -> None:
        """Begin to take calls."""
        self._line.endpoint.on_incoming(self._on_invite)
        self._line.endpoint.ignore(self.banned)

    def banned(self, source: Address) -> bool:
        """Whether nothing from this address is answered for the time being."""
        count, at = self._failures.get(source.host, (0, 0.0))
        return count >= BAN_AFTER and time.monotonic() - at < BAN_TIME

    def _on_invite(self, invite: IncomingInvite) -> None:
        endpoint = self._line.endpoint
        trunk = self._inbound_from.get(invite.source.host)
        if trunk is None:
            trunk = self._by_digest(invite)
        if trunk is None:
            return
        called = user_of(invite.request_uri)
        if not self._knows(called):
            log.info("an inbound call over trunk %s to a number nobody owns: 404", trunk)
            endpoint.reject(invite.handle, 404)
            return
        try:
            call = IncomingCall(self._line, new_id(), invite)
        except PortsExhausted:
            endpoint.reject(invite.handle, 503, headers=[("Retry-After", "5")])
            return
        call.ring()
        self._take(Received(call, trunk, _caller(invite), called))

    def _by_digest(self, invite: IncomingInvite) -> str | None:
        """The trunk whose credentials the INVITE carries; None: it was refused or challenged."""
        endpoint, now = self._line.endpoint, time.monotonic()
        verdict, user = self._auth.verify(invite.request, self._password_of, now)
        if verdict is Verdict.ACCEPTED and user is not None:
            return self._by_user[user].name
        if self._by_user and verdict in (Verdict.MISSING, Verdict.STALE):
            stale = verdict is Verdict.STALE
            headers = self._auth.challenge(now, stale=stale)
            endpoint.reject(invite.handle, 401, headers=headers)
            return None
        self._failed(invite.source.host, now)
        log.warning("an INVITE from %s, which is no trunk: 403", invite.source.host)
        endpoint.reject(invite.handle, 403)
        return None

    def _password_of(self, user: str) -> str | None:
        trunk: Trunk | None = self._by_user.get(user)
        return trunk.password if trunk else None

    def _failed(self, host: str, now: float) -> None:
        count, _ = self._failures.pop(host, (0, 0.0))
        self._failures[host] = (count + 1, now)
        if len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)


def user_of(value: str) -> str:
    """The user part of a ``sip:`` URI or of a header that holds one; empty: there is none."""
    try:
        return parse_uri(uri_of(value) if "<" in value else value).user.partition(";")[0]
    except GrammarError:
        return ""


def _caller(invite: IncomingInvite) -> str:
    asserted = invite.request.get("p-asserted-identity")
    return user_of(asserted) if asserted and user_of(asserted) else user_of(invite.from_)
