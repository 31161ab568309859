"""The events of a user agent, in the field's terms (RFC 3261, 3264, 3326, 6086).

Every event names the call by its opaque ``handle``. The last event of a call is :class:`Rejected`,
:class:`Canceled` or :class:`Ended`, exactly one of them; of an OPTIONS that we sent it is
:class:`OptionsAnswered`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from offhook.events import Diverted


class Address(NamedTuple):
    """Where a message comes from or goes to."""

    transport: str
    """``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``."""
    host: str
    """An IP address literal without brackets (or a name, for the transport to resolve)."""
    port: int
    flow: int = 0
    """The connection that leads there while it is open, or the local UDP address to send from; 0: any."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What all events carry."""

    handle: str
    """The call: opaque, unique in this user agent."""


class DescriptionEvent(Event, frozen=True, kw_only=True):
    """Base of the events that may carry a session description."""

    sdp: bytes | None = None
    source: Address | None = None
    """Where the message came from."""
    via_below: str | None = None
    """Of a request that came through a proxy: the ``received``, else the host, of its second Via."""


class Provisional(DescriptionEvent, frozen=True, kw_only=True):
    """A provisional response to our INVITE, 101..199. Repetitions and responses of several forks are all
    reported."""

    status: int
    """``sdp`` is early media, if the response described some."""


class Answered(DescriptionEvent, frozen=True, kw_only=True):
    """Our INVITE was accepted: the first 2xx. It is acknowledged already.

    ``sdp`` is the answer to our offer; None when the far end sent none: hang up then, unless a provisional
    response brought it.
    """

    at: float
    """Monotonic seconds at which the 2xx arrived."""


class Rejected(Event, frozen=True, kw_only=True):
    """Our INVITE ended without an answer."""

    status: int
    """300..699."""
    reason: str
    """The reason phrase, for people."""
    q850_cause: int | None = None
    """``Reason: Q.850;cause=…`` (RFC 3326)."""
    warning: str | None = None
    """The first ``Warning`` (RFC 3261 §20.43), for people."""
    retry_after: int | None = None
    """Seconds, from ``Retry-After``."""
    contacts: tuple[str, ...] = ()
    """Of a 3xx: where it points to, the best first (RFC 3261 §8.1.3.4)."""
    local: bool = False
    """The status is our own: 408 when no response came or the transport failed, 487 when our CANCEL
    was never answered or crossed a 200, 500 after an error in our own code."""
    problem: str | None = None
    """Why the transport could not deliver the INVITE, for people; None: it could."""


class OptionsAnswered(Event, frozen=True, kw_only=True):
    """Our OPTIONS outside a call is over (RFC 3261 §11); the last event of its handle."""

    status: int | None
    """Of the final response; None: none came."""
    problem: str | None = None
    """Why the transport could not deliver it, for people; None: it could."""


class RegistrationChanged(Event, frozen=True, kw_only=True):
    """A registrar answered our REGISTER, or none did (RFC 3261 §10.2). Comes for each refresh too."""

    granted: int | None
    """Seconds for which our contact is registered now; None: it is not."""
    problem: str | None = None
    """Why it is not, for people; None: it is, or we took it back."""
    source: Address | None = None
    """Where the answer came from."""
    ended: bool = False
    """We have taken it back: the last event of its handle."""


class ContactWish(NamedTuple):
    """One contact of a REGISTER."""

    uri: str
    expires: int
    """Seconds; 0: it is to go."""


class IncomingRegister(Event, frozen=True, kw_only=True):
    """A phone registers, or asks which contacts there are (RFC 3261 §10.3). It must be answered."""

    source: Address
    admitted_as: str | None
    """What the application's :class:`offhook.sip.Screen` called the user."""
    user: str
    """The user part of To: whose phones."""
    call_id: str
    cseq: int
    contacts: tuple[ContactWish, ...]
    """Empty: it only asks which there are."""
    clears: bool
    """``Contact: *``: all contacts are to go."""
    path: tuple[str, ...]
    """The proxies that calls are to go through, nearest to us first (RFC 3327)."""
    user_agent: str


class IncomingInvite(DescriptionEvent, frozen=True, kw_only=True):
    """A new INVITE. The application rings, accepts or rejects it.

    ``sdp`` is the offer; None when we must make it.
    """

    request_uri: str
    from_: str
    """The whole From value, without control characters and half characters."""
    to: str
    """The whole To value."""
    asserted: tuple[str, ...] = ()
    """The values of P-Asserted-Identity (RFC 3325 §9.1), readable."""
    privacy: frozenset[str] = frozenset()
    """The tokens of Privacy (RFC 3323 §4.2), lower case."""
    diverted: tuple[Diverted, ...] = ()
    """The forwardings before, the latest first."""
    identities: tuple[str, ...] = ()
    """The values of ``Identity`` (RFC 8224 §4), as received."""
    admitted_as: str | None = None
    """What the application's :class:`offhook.sip.Screen` called the caller."""


class Canceled(Event, frozen=True, kw_only=True):
    """The caller gave up before we answered; the INVITE was answered 487, or 504 where no PRACK came."""

    reason: str | None = None
    """The ``Reason`` header of the CANCEL (RFC 3326)."""
    q850_cause: int | None = None
    """The Q.850 cause in it."""
    fault: bool = False
    """An error in our own code ended the call; the INVITE was answered 500."""


class Confirmed(DescriptionEvent, frozen=True, kw_only=True):
    """The ACK of our 2xx came, to the first INVITE or to a re-INVITE.

    ``sdp`` is the answer to an offer that we made in the 2xx; None when there was none.
    """

    offered: bool = False
    """Whether our 2xx held an offer, so that an answer was due (RFC 3264, RFC 3261 §13.2.1)."""


class EndedBy(StrEnum):
    """Who ended an established call."""

    REMOTE = "REMOTE"
    """A BYE came."""
    LOCAL = "LOCAL"
    """Our BYE is done."""
    LOST = "LOST"
    """No ACK, or a request inside the dialog met 481, 408 or silence."""
    FAULT = "FAULT"
    """An error in our own code."""


class Ended(Event, frozen=True, kw_only=True):
    """An established call is over."""

    by: EndedBy
    reason: str | None = None
    """The ``Reason`` header of the BYE, or why the call counts as lost."""
    q850_cause: int | None = None
    """The Q.850 cause in the header."""


class Reoffer(DescriptionEvent, frozen=True, kw_only=True):
    """A re-INVITE or UPDATE with an offer (RFC 3264 §8, RFC 3311): accept or reject it.

    ``sdp`` is None when we make the offer (a re-INVITE without one).
    """


class ReofferAnswered(DescriptionEvent, frozen=True, kw_only=True):
    """Our own re-INVITE was accepted."""


class ReofferRejected(Event, frozen=True, kw_only=True):
    """Our own re-INVITE was refused; the session goes on as it was."""

    status: int


class RefreshDue(Event, frozen=True, kw_only=True):
    """The session expires unless we refresh it, and the peer takes no UPDATE (RFC 4028 §7.4): send a
    re-INVITE with the offer as it is now."""


class Referred(Event, frozen=True, kw_only=True):
    """The peer of a call that is up asks us to call another party (RFC 3515): accept or reject it."""

    target: str
    """The URI of ``Refer-To``, without headers."""
    replaces: bool
    """Whether it is an attended transfer (RFC 3891)."""


class Info(Event, frozen=True, kw_only=True):
    """An INFO inside the call; it was answered 200."""

    content_type: str
    """Lower case, without parameters."""
    body: bytes


class ForeignRequest(Event, frozen=True, kw_only=True):
    """A request with the tags of the call came from an address that is not its peer's.

    It was answered 403 (an ACK: not at all) and not obeyed.
    """

    method: str
    source: Address


AnyEvent = (
    Provisional
    | Answered
    | Rejected
    | OptionsAnswered
    | RegistrationChanged
    | IncomingRegister
    | IncomingInvite
    | Canceled
    | Confirmed
    | Ended
    | Reoffer
    | ReofferAnswered
    | ReofferRejected
    | RefreshDue
    | Referred
    | Info
    | ForeignRequest
)


class Credentials(NamedTuple):
    """What a challenge (RFC 3261 §22) is answered with."""

    username: str
    password: str
    realm: str | None = None
    """Only answer this realm; None: any."""

    def __repr__(self) -> str:
        """The fields without the password."""
        return f"Credentials(username={self.username!r}, realm={self.realm!r})"


_DIGITS = frozenset("0123456789*#ABCD")


def dtmf_of_info(content_type: str, body: bytes) -> str | None:
    """The DTMF digit of an INFO, ``0-9*#A-D``; None when it carries none.

    ``application/dtmf-relay`` holds ``Signal= 5`` and ``Duration= 160`` lines, ``application/dtmf`` the
    bare digit. Numbers 10 to 15 stand for ``*#ABCD`` as in RFC 4733 §3.2.
    """
    text = body[:256].decode("ascii", "replace")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/dtmf-relay":
        for line in text.splitlines():
            name, equals, value = line.replace(":", "=", 1).partition("=")
            if equals and name.strip().lower() == "signal":
                return _digit(value)
        return None
    return _digit(text) if kind == "application/dtmf" else None


def _digit(text: str) -> str | None:
    text = text.strip().upper()
    if len(text) == 2 and text.isdigit() and 10 <= int(text) <= 15:
        return "*#ABCD"[int(text) - 10]
    return text if text in _DIGITS else None
