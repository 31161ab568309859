"""Calls from outside: their trunk, caller and called number, and the addresses that get no answer.

A caller is known by its source address (``inbound_from``) or by digest with a trunk's credentials. All
others are answered from their request alone, without a transaction: 401 where a trunk uses digest, else
403. An address that fails :data:`BAN_AFTER` times is banned: its requests outside dialogs get no answer
(``spec/execution.md``, "Inbound").

A UDP source address can be forged. So a ban never applies to an address of a trunk, to a response, or to
a request inside a known dialog: ten forged packets must not block a carrier.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeVar, final

from offhook.clock import new_id
from offhook.media.engine import PortsExhausted
from offhook.sip import (
    Address,
    Admitted,
    DigestVerdict,
    Ignored,
    IncomingInvite,
    Judgement,
    Screen,
    ScreenedOut,
    ServerAuth,
)
from offhook.sip.grammar import GrammarError, parse_uri, readable, unescape, uri_of
from offhook.sip.message import Request
from offhook.telephony.inbound_refusals import InboundRefusals, RefusalReason
from offhook.telephony.incoming import IncomingCall
from offhook.telephony.line import Line
from offhook.telephony.number_formats import Party
from offhook.telephony.trunks import Trunk

T = TypeVar("T")

REALM = "offhook"
BAN_AFTER = 10
"""Failed digests or unknown callers of one address."""
BAN_TIME = 600.0
"""Seconds."""
REMEMBERED = 10_000
"""Addresses with counted failures that are remembered, and as many that gave right credentials."""
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_WITHHOLDING = frozenset({"id", "user", "header"})
"""Values of Privacy that keep the caller's number from the called."""
_SEPARATORS = str.maketrans("", "", "-.()")
"""Visual separators of a telephone number (RFC 3966 §5.1.1)."""


class Received(NamedTuple):
    """A call from outside that rings."""

    call: IncomingCall
    trunk: str
    caller: str
    """User part of P-Asserted-Identity or From: mostly a number."""
    called: str
    """User part of the Request-URI."""


@final
class InboundScreening(Screen):
    """Judges INVITEs of one endpoint. ``take`` gets the calls of known peers, which ring."""

    def __init__(
        self,
        line: Line,
        take: Callable[[Received], None],
        *,
        knows: Callable[[str], bool],
        refusals: InboundRefusals | None = None,
    ) -> None:
        """``knows`` tells whether a called number is one of a sub-account."""
        self._line = line
        self._take = take
        self._knows = knows
        self._auth = ServerAuth(REALM, secret=secrets.token_bytes(32))
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._proven: OrderedDict[str, float] = OrderedDict()
        """When an address last gave right credentials."""
        self._refusals = refusals or InboundRefusals()

    def start(self) -> None:
        """Begin to take calls."""
        self._line.endpoint.screen(self)
        self._line.endpoint.on_incoming(self._on_invite)

    # --- before a call exists

    def ignores(self, source: Address) -> bool:
        if not self.banned(source.host):
            return False
        self._refusals.refused(f"address {source.host}", RefusalReason.BANNED, "banned: no answer")
        return True

    def knows(self, host: str) -> bool:
        return self._exempt(host)

    def banned(self, host: str) -> bool:
        """Whether this address gets no answer outside dialogs at this time."""
        count, at = self._failures.get(host, (0, 0.0))
        if count < BAN_AFTER or time.monotonic() - at >= BAN_TIME:
            return False
        return not self._exempt(host)

    def judge(self, invite: Request, source: Address) -> Judgement:
        user = user_of(invite.uri)
        for trunk in self._line.trunks.values():
            if trunk.sends_from(source.host) or self._registered(trunk, user, source.host):
                return Admitted(trunk.name)
        if self.banned(source.host):
            return Ignored()
        return self._by_digest(invite, source.host)

    def _registered(self, trunk: Trunk, user: str, host: str) -> bool:
        """Whether a call comes from a registrar: by the contact that only it knows, or its address."""
        if trunk.contact_user is None:
            return False
        known = self._line.endpoint.is_address_of
        return user == trunk.contact_user or any(
            known(registrar.host, host) for registrar in trunk.registrars
        )

    def _by_digest(self, invite: Request, host: str) -> Judgement:
        """Look for the trunk that the credentials in the INVITE belong to."""
        names = {t.username: t.name for t in self._line.trunks.values() if t.username}
        now = time.monotonic()
        verdict, user = self._auth.verify(invite, host, self._password_of, now)
        if verdict is DigestVerdict.ACCEPTED and user is not None:
            self._failures.pop(host, None)
            _remember(self._proven, host, now)
            return Admitted(names[user])
        if names and verdict in (DigestVerdict.MISSING, DigestVerdict.STALE):
            stale = verdict is DigestVerdict.STALE
            return ScreenedOut(401, self._auth.challenge(host, now, stale=stale))
        if verdict is DigestVerdict.MISSING:
            reason, words = RefusalReason.UNKNOWN_ADDRESS, "it is no trunk's address"
        else:
            reason, words = RefusalReason.WRONG_CREDENTIALS, "its credentials are wrong"
        self._refusals.refused(f"address {host}", reason, f"{words}: 403")
        self._failed(host, now)
        return ScreenedOut(403)

    def _password_of(self, user: str) -> str | None:
        for trunk in self._line.trunks.values():
            if trunk.username == user:
                return trunk.password
        return None

    def _failed(self, host: str, now: float) -> None:
        """Count a failure of this address, and ban it at the limit."""
        count, _ = self._failures.get(host, (0, 0.0))
        _remember(self._failures, host, (count + 1, now))
        if count + 1 == BAN_AFTER and not self._exempt(host):
            self._refusals.banned(host, BAN_TIME, BAN_AFTER)

    def _exempt(self, host: str) -> bool:
        """Whether an address is a trunk's: by configuration, by its name, or by right credentials."""
        if host in self._proven:
            return True
        endpoint = self._line.endpoint
        return any(
            trunk.owns(host) or endpoint.is_address_of(trunk.host, host)
            for trunk in self._line.trunks.values()
        )

    # --- calls of known peers

    def _on_invite(self, invite: IncomingInvite) -> None:
        endpoint = self._line.endpoint
        trunk = self._line.trunks.get(invite.admitted_as or "")
        if trunk is None:
            self._refusals.refused(
                f"trunk {invite.admitted_as}",
                RefusalReason.UNKNOWN_ADDRESS,
                "the trunk was removed: 403",
            )
            with endpoint.command() as (agent, now):
                agent.reject(invite.handle, now, 403)
            return
        source = f"trunk {trunk.name}"
        with endpoint.command() as (agent, _):
            agent.trust(invite.handle, trunk.owns)
        called = user_of(invite.request_uri)
        if called == trunk.contact_user:
            called = user_of(invite.to)  # the registrar wrote our contact over the number (§16.5)
        called = trunk.numbers.read(called, Party.CALLED)
        if not self._knows(called):
            words = "the called number is no sub-account's: 404"
            self._refusals.refused(source, RefusalReason.UNKNOWN_NUMBER, words)
            with endpoint.command() as (agent, now):
                agent.reject(invite.handle, now, 404)
            return
        try:
            call = IncomingCall(self._line, new_id(), invite, trunk)
        except PortsExhausted as error:
            self._refusals.refused(source, RefusalReason.NO_MEDIA, f"no media: 503: {error}")
            with endpoint.command() as (agent, now):
                agent.reject(invite.handle, now, 503, headers=[("Retry-After", "5")])
            return
        call.ring()
        caller = trunk.numbers.read(caller_of(invite), Party.CALLER)
        self._take(Received(call, trunk.name, caller, called))


def _remember(table: OrderedDict[str, T], host: str, value: T) -> None:
    """Set the entry as the newest; the oldest one is removed when the table is full."""
    table[host] = value
    table.move_to_end(host)
    if len(table) > REMEMBERED:
        table.popitem(last=False)


def user_of(value: str) -> str:
    """The user part of a URI or of a header that holds one, escapes decoded; empty: none.

    ``sip:%2B65%36@x`` is ``+656``. A ``tel:`` number comes without its visual separators.
    """
    try:
        uri = parse_uri(uri_of(value) if "<" in value else value)
    except GrammarError:
        return ""
    user = readable(unescape(uri.user.partition(";")[0]))
    return user.translate(_SEPARATORS) if uri.scheme == "tel" else user


def caller_of(invite: IncomingInvite) -> str:
    """The caller: the first telephone number of P-Asserted-Identity, else its first user, else From.

    Of a caller who withholds it (RFC 3323 §4.2, RFC 3325 §9.3), ``anonymous``: we are trusted with the
    number, the customer is not.
    """
    if invite.privacy & _WITHHOLDING:
        return "anonymous"
    asserted = [user for user in map(user_of, invite.asserted) if user]
    return (
        next(filter(is_number, asserted), "") or next(iter(asserted), "") or user_of(invite.from_)
    )


def is_number(user: str) -> bool:
    """Whether a user part is a telephone number."""
    return _NUMBER.fullmatch(user) is not None
