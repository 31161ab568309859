"""Calls from outside: their trunk or user, caller and called number, and the addresses that get no answer.

A trunk is known by its source address (``inbound_from``), by our registration with it, or by digest with
its credentials; a user of ``[[sip_users]]`` by digest. All others are answered from their request alone,
without a transaction: 401 where digest is in use, else 403. What an address does wrong is counted, and at
some point it is banned: its requests outside dialogs get no answer (:mod:`.bans`; ``spec/execution.md``,
"Inbound").

A UDP source address can be forged. So a ban never applies to an address of a trunk, to one that gave right
credentials, to a response, or to a request inside a known dialog: forged packets must not block a carrier.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar, final

from offhook.clock import new_id
from offhook.media.engine import PortsExhausted
from offhook.session.routing import user_of_route, user_route
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
from offhook.telephony.bans import Bans, Blame, is_scanner
from offhook.telephony.inbound_refusals import InboundRefusals, RefusalReason
from offhook.telephony.incoming import IncomingCall
from offhook.telephony.line import Line
from offhook.telephony.number_formats import Party
from offhook.telephony.trunks import Trunk

T = TypeVar("T")

REALM = "offhook"
REMEMBERED = 10_000
"""Addresses that gave right credentials which are remembered."""
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
        self._bans = Bans()
        self._proven: OrderedDict[str, float] = OrderedDict()
        """When an address last gave right credentials."""
        self._refusals = refusals or InboundRefusals()

    def start(self) -> None:
        """Begin to take calls."""
        self._line.endpoint.screen(self)
        self._line.endpoint.on_incoming(self._on_invite)

    # --- before a call exists

    @property
    def takes_registers(self) -> bool:
        return bool(self._line.users)

    def ignores(self, request: Request, source: Address) -> bool:
        host = source.host
        if not self.bans(host):
            if not is_scanner(request.get("user-agent") or "") or self._exempt(host):
                return False
            self._blame(host, Blame.SCANNER)
        self._refusals.refused(f"address {host}", RefusalReason.BANNED, "banned: no answer")
        return True

    def knows(self, host: str) -> bool:
        return self._exempt(host)

    def malformed(self, source: Address) -> None:
        self._refusals.malformed()

    def bans(self, host: str) -> bool:
        """Whether this address gets no answer outside dialogs at this time."""
        return self._bans.banned(host, time.monotonic()) and not self._exempt(host)

    def judge(self, invite: Request, source: Address) -> Judgement:
        user = user_of(invite.uri)
        for trunk in self._line.trunks.values():
            if trunk.sends_from(source.host) or self._registered(trunk, user, source.host):
                return Admitted(trunk.name)
        if self.bans(source.host):
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

    def judge_register(self, request: Request, source: Address) -> Judgement:
        if self.bans(source.host):
            return Ignored()
        users = {name: user.password for name, user in self._line.users.items()}
        judged = self._digest(request, source.host, users)
        return Admitted(judged) if isinstance(judged, str) else judged

    def _by_digest(self, invite: Request, host: str) -> Judgement:
        """Look for the trunk or user that the credentials in the INVITE belong to."""
        trunks = {t.username: t for t in self._line.trunks.values() if t.username}
        passwords = {name: trunk.password for name, trunk in trunks.items()}
        passwords |= {name: user.password for name, user in self._line.users.items()}
        judged = self._digest(invite, host, passwords)
        if not isinstance(judged, str):
            return judged
        return Admitted(trunks[judged].name if judged in trunks else user_route(judged))

    def _digest(
        self, request: Request, host: str, passwords: Mapping[str, str | None]
    ) -> str | ScreenedOut:
        """The name that the credentials prove, or what is answered."""
        now = time.monotonic()
        verdict, user = self._auth.verify(request, host, passwords.get, now)
        if verdict is DigestVerdict.ACCEPTED and user is not None:
            self._bans.forgive(host)
            _remember(self._proven, host, now)
            return user
        if passwords and verdict in (DigestVerdict.MISSING, DigestVerdict.STALE):
            stale = verdict is DigestVerdict.STALE
            if not stale:
                self._blame(host, self._suspicion(request))
            asked = self._line.users.get(user_of(request.get("from") or ""))
            algorithms = None if asked is None else asked.digest
            challenge = self._auth.challenge(host, now, stale=stale, algorithms=algorithms)
            return ScreenedOut(401, challenge)
        if verdict is DigestVerdict.MISSING:
            blame, words = Blame.UNKNOWN_ADDRESS, "it is no trunk's address"
        else:
            blame, words = Blame.WRONG_CREDENTIALS, "its credentials are wrong"
        reason = RefusalReason(blame.value)
        self._refusals.refused(f"address {host}", reason, f"{words}: 403")
        self._blame(host, blame)
        return ScreenedOut(403)

    def _suspicion(self, request: Request) -> Blame:
        """What a request without credentials may be: the first of a phone, or one of a scanner."""
        called = user_of(request.uri)
        if request.method == "INVITE" and is_number(called) and not self._knows(called):
            return Blame.FOREIGN_NUMBER
        return Blame.UNANSWERED_CHALLENGE

    def _blame(self, host: str, blame: Blame) -> None:
        """Count what an address did wrong, and ban it at the limit."""
        if self._exempt(host):
            return
        seconds = self._bans.blame(host, blame, time.monotonic())
        if seconds is not None:
            self._refusals.banned(host, seconds, blame.value)

    def _exempt(self, host: str) -> bool:
        """Whether an address is a trunk's: by configuration, by its name, or by right credentials."""
        if host in self._proven:
            return True
        endpoint = self._line.endpoint
        return any(
            trunk.owns(host)
            or endpoint.is_address_of(trunk.host, host)
            or any(endpoint.is_address_of(each.host, host) for each in trunk.registrars)
            for trunk in self._line.trunks.values()
        )

    # --- calls of known peers

    def _on_invite(self, invite: IncomingInvite) -> None:
        endpoint = self._line.endpoint
        trunk = self._line.peer(invite.admitted_as or "")
        if trunk is None:
            self._refusals.refused(
                f"trunk {invite.admitted_as}",
                RefusalReason.UNKNOWN_ADDRESS,
                "the trunk was removed: 403",
            )
            with endpoint.command() as (agent, now):
                agent.reject(invite.handle, now, 403)
            return
        user = user_of_route(trunk.name)
        source = f"trunk {trunk.name}" if user is None else f"user {user}"
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
        self._admit(invite, trunk, user, source, called)

    def _admit(
        self, invite: IncomingInvite, trunk: Trunk, user: str | None, source: str, called: str
    ) -> None:
        """A known peer calls a known number: ring, if there is a port for its media."""
        try:
            call = IncomingCall(self._line, new_id(), invite, trunk)
        except PortsExhausted as error:
            self._refusals.refused(source, RefusalReason.NO_MEDIA, f"no media: 503: {error}")
            with self._line.endpoint.command() as (agent, now):
                agent.reject(invite.handle, now, 503, headers=[("Retry-After", "5")])
            return
        call.ring()
        if user is None:
            caller = trunk.numbers.read(caller_of(invite), Party.CALLER)
            call.shown = (trunk.numbers.read(shown_caller(invite), Party.CALLER), called)
        else:
            withheld = invite.privacy & _WITHHOLDING
            caller = (None if withheld else self._line.users[user].number) or "anonymous"
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
    return "anonymous" if invite.privacy & _WITHHOLDING else shown_caller(invite)


def shown_caller(invite: IncomingInvite) -> str:
    """The caller as it is shown to us, whether or not others may know it."""
    asserted = [user for user in map(user_of, invite.asserted) if user]
    return (
        next(filter(is_number, asserted), "") or next(iter(asserted), "") or user_of(invite.from_)
    )


def is_number(user: str) -> bool:
    """Whether a user part is a telephone number."""
    return _NUMBER.fullmatch(user) is not None
