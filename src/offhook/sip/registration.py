"""Keeps one of our contacts registered with a carrier (RFC 3261 §10.2). Pure.

The registrars are asked in order. One that is silent, overloaded or fails (408, 5xx, no transport) is
followed by the next at once; when all of them failed, and after a refusal, the next try waits: 30 s at
first, doubled each time up to 30 minutes, less a random part, so that a registrar that comes back is not
flooded (RFC 5626 §4.5). A registrar that granted a time is asked again when about four fifths of it have
passed, so that a failed refresh leaves time for another.

All requests have one Call-ID and growing CSeq numbers, as §10.2 asks. Each challenge is answered once per
nonce: a stale nonce is followed by the new one, wrong credentials are not repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from offhook.sip.agent_events import Address, Credentials, RegistrationChanged
from offhook.sip.client import ClientTransaction, ClientTransactions, OutgoingRequest
from offhook.sip.grammar import GrammarError, parse_name_addr, parse_number, readable
from offhook.sip.message import Response
from offhook.sip.pending import ChallengeAnswers
from offhook.sip.timers import NEVER, Timed

FIRST_WAIT = 30.0
"""Seconds between a failed round and the next try; doubled each time."""
LONGEST_WAIT = 1800.0
LONGEST_EXPIRES = 86_400
"""Seconds of a ``Min-Expires`` that we follow at the most."""
REFRESH_AT = (0.75, 0.85)
"""Which part of the granted time passes before the refresh: a random one between these."""
SHORTEST_REFRESH = 5.0
"""Seconds between two refreshes at the least, whatever a registrar grants."""


@final
class Registration(Timed):
    """One of our addresses of record, registered at the first registrar that takes it."""

    __slots__ = (
        "_answers",
        "_aor",
        "_asked",
        "_at",
        "_call_id",
        "_clients",
        "_contact_user",
        "_core",
        "_credentials",
        "_cseq",
        "_expires",
        "_failed_rounds",
        "_handle",
        "_registrars",
        "_rounds",
        "_stopped",
        "_tried",
        "_uri",
        "granted",
    )

    def __init__(
        self,
        clients: ClientTransactions,
        *,
        registrars: Sequence[Address],
        registrar_uri: str,
        aor: str,
        contact_user: str,
        credentials: Credentials,
        expires: int,
    ) -> None:
        """``registrar_uri`` is the Request-URI (``sip:carrier.example``), ``aor`` our address of record,
        ``contact_user`` the user part of the address to be called, ``expires`` the seconds asked for."""
        self._clients = clients
        self._core = core = clients.core
        self._handle = core.token()
        self._call_id = core.token()
        self._registrars = tuple(registrars)
        self._uri = registrar_uri
        self._aor = aor
        self._contact_user = contact_user
        self._credentials = credentials
        self._answers = ChallengeAnswers(core, credentials)
        self._expires = expires
        self._cseq = 0
        self._at = 0
        """Which registrar is asked."""
        self._tried = 0
        """Registrars that failed since the last success or wait."""
        self._rounds = 0
        """Challenges and 423 that the current request met."""
        self._failed_rounds = 0
        self._asked: ClientTransaction | None = None
        self._stopped = False
        self.granted = False
        """Whether the registrar has our binding, as far as we know."""
        self.wake = NEVER

    @property
    def handle(self) -> str:
        """Of its events."""
        return self._handle

    def use(self, registrars: Sequence[Address]) -> None:
        """Ask these from the next request on: their names have been looked up again."""
        current = self._registrars[self._at]
        self._registrars = tuple(registrars)
        self._at = registrars.index(current) if current in registrars else 0

    @property
    def over(self) -> bool:
        """Whether it was stopped, and the registrar has answered that."""
        return self._stopped and self._asked is None

    @property
    def _contact(self) -> str:
        """Our address as the registrar that is asked reaches it."""
        transport = self._core.transports.to(self._registrars[self._at])
        return transport.contact_uri_of(self._contact_user)

    def start(self, now: float) -> None:
        """Register now."""
        self._ask(now)

    def stop(self, now: float) -> None:
        """Take the binding back (§10.2.2), if there is one; no event follows but the answer's."""
        if self._stopped:
            return
        self._stopped = True
        self.wake = NEVER
        asked, self._asked = self._asked, None
        if self.granted or asked is not None:
            self._rounds = 0
            self._ask(now)

    def on_timer(self, now: float) -> None:
        self._ask(now)

    def abandon(self, now: float) -> None:
        self._failed(now, "internal error", None, wait=FIRST_WAIT)

    # --- asking

    def _ask(self, now: float) -> None:
        self._cseq += 1
        core, expires = self._core, 0 if self._stopped else self._expires
        registrar = self._registrars[self._at]
        request = OutgoingRequest(
            "REGISTER",
            self._uri,
            routes="",
            from_=f"<{self._aor}>;tag={self._handle}",
            to=f"<{self._aor}>",
            call_id=self._call_id,
            cseq=self._cseq,
            destination=registrar,
        )
        request.authorization = self._answers.lines("REGISTER", self._uri, b"")
        head = (
            f"{core.request_tail}{core.allow}Supported: path\r\n"
            f"Contact: <{self._contact}>;expires={expires}\r\nExpires: {expires}\r\n"
        )
        asked = ClientTransaction(self._clients, request, head, b"", self._answered, self.abandon)
        self._asked = asked
        asked.start(now)

    def _answered(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        if tx is not self._asked or (response is not None and response.status < 200):
            return
        self._asked = None
        if response is None:
            self._next_registrar(now, tx.problem or "no response", None)
        elif response.status < 300:
            self._registered(response, now)
        elif self._can_repeat(response):
            self._rounds += 1
            self._ask(now)
        elif response.status == 408 or response.status >= 500:
            self._next_registrar(now, _words(response), response)
        else:
            self._failed(now, self._refusal(response), response)

    def _can_repeat(self, response: Response) -> bool:
        """Whether the request may be sent again at once, with credentials or for a longer time."""
        if response.status == 423:
            return self._longer(response)
        return self._answers.challenged(response, self._rounds)

    def _longer(self, response: Response) -> bool:
        """Whether ``Min-Expires`` asks for a longer time that we can ask for (§10.2.8)."""
        try:
            least = parse_number(response.get("min-expires") or "", LONGEST_EXPIRES)
        except GrammarError:
            return False
        longer = least > self._expires and not self._stopped
        self._expires = max(self._expires, least)
        return longer

    # --- outcomes

    def _registered(self, response: Response, now: float) -> None:
        self._answers.learn(response)
        self._rounds = self._tried = self._failed_rounds = 0
        if self._stopped:
            self.granted = False
            self._emit(None, None, response)
            return
        granted = self._granted(response)
        self.granted = True
        lowest, highest = REFRESH_AT
        part = lowest + (highest - lowest) * self._core.rng.random()
        self._core.timers.schedule(now + max(SHORTEST_REFRESH, granted * part), self)
        self._emit(granted, None, response)

    def _granted(self, response: Response) -> int:
        """The seconds of our contact, else of ``Expires``, else those that were asked for (§10.2.4)."""
        texts = [response.get("expires")]
        try:
            for value in response.values("contact"):
                contact = parse_name_addr(value)
                if same_binding(contact.uri, self._contact):
                    texts.insert(0, contact.params.get("expires"))
        except GrammarError:
            pass
        for text in texts:
            try:
                if text is not None:
                    return parse_number(text.strip(), 2**32 - 1)
            except GrammarError:
                continue
        return self._expires

    def _next_registrar(self, now: float, why: str, response: Response | None) -> None:
        """A registrar failed: ask the next one, or wait when all have failed."""
        self._tried += 1
        self._at = (self._at + 1) % len(self._registrars)
        if self._tried >= len(self._registrars) or self._stopped:
            self._failed(now, why, response)
            return
        self._rounds = 0
        self._answers = ChallengeAnswers(self._core, self._credentials)
        self._ask(now)

    def _failed(
        self, now: float, why: str, response: Response | None, wait: float | None = None
    ) -> None:
        self._tried = self._rounds = 0
        self._answers = ChallengeAnswers(self._core, self._credentials)
        if not self._stopped:
            longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0**self._failed_rounds)
            self._failed_rounds = min(self._failed_rounds + 1, 10)
            asked = 0 if response is None else response.retry_after or 0
            if wait is None:
                wait = max(longest * (0.5 + self._core.rng.random() / 2), min(asked, LONGEST_WAIT))
            self._core.timers.schedule(now + wait, self)
        self.granted = False
        self._emit(None, why, response)

    def _refusal(self, response: Response) -> str:
        words = _words(response)
        if response.status in (401, 407):
            words += ": it does not accept the trunk's username and password"
        return words

    def _emit(self, granted: int | None, problem: str | None, response: Response | None) -> None:
        event = RegistrationChanged(
            handle=self._handle,
            granted=granted,
            problem=problem,
            source=None if response is None else response.source,
            ended=self._stopped,
        )
        self._core.emit(event)


def same_binding(one: str, other: str) -> bool:
    """Whether two contact URIs are the same binding: by their text up to parameters.

    Registrars echo a contact with changed parameters or none.
    """
    return one.partition(";")[0].lower() == other.partition(";")[0].lower()


def _words(response: Response) -> str:
    """``403 Forbidden``, and the Warning where there is one."""
    text = f"{response.status} {readable(response.reason)}".strip()
    warning = response.get("warning")
    return text if warning is None else f"{text} ({readable(warning)[:100]})"
