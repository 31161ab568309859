"""What all parts of one user agent share: output, events, timers, tokens, tables and their bounds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from offhook.sip.build import host_port
from offhook.sip.events import Address, AnyEvent
from offhook.sip.timers import TimerQueue, Timers

if TYPE_CHECKING:
    from offhook.sip.call import Call
    from offhook.sip.client import ClientTransaction
    from offhook.sip.server import ServerTransaction

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"
METHODS = frozenset(ALLOW.split(", "))
OTHER_METHODS = frozenset(
    {"MESSAGE", "NOTIFY", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE"}
)
"""Methods we know and do not serve: 405. Any other is 501 (RFC 3261 §8.2.1, §21.5.2)."""
MAGIC = "z9hG4bK"
"""The branch cookie of RFC 3261 §8.1.1.7."""


class ServerKey(NamedTuple):
    """What a request and its transaction share (RFC 3261 §17.2.3); ACK counts as INVITE.

    For an RFC 2543 request the branch is made of its URI, tags, Call-ID, CSeq and whole Via.
    """

    branch: str
    sent_by: str
    method: str


class Core:
    """The shared state; :class:`offhook.sip.agent.UserAgent` is the public face."""

    def __init__(
        self,
        *,
        local: Address,
        contact_host: str | None,
        contact_port: int | None,
        user_agent: str,
        timers: Timers,
        max_dialogs: int | None,
        max_transactions: int,
        rng: random.Random | None,
    ) -> None:
        self.local = local
        self.timing = timers
        self.timers = TimerQueue()
        self.max_dialogs = max_dialogs
        self.max_transactions = max_transactions
        self.rng = rng or random.SystemRandom()
        self.output: list[tuple[bytes, Address]] = []
        self.events: list[AnyEvent] = []
        self.clients: dict[tuple[str, str], ClientTransaction] = {}
        self.servers: dict[ServerKey, ServerTransaction] = {}
        self.merged: dict[tuple[str, str, str], ServerTransaction] = {}
        """INVITE transactions outside dialogs by Call-ID, From tag and CSeq (RFC 3261 §8.2.2.2)."""
        self.calls: dict[str, Call] = {}
        """By our tag, which is the handle too."""
        self.salt = self.token()
        sent_by = host_port(contact_host or local.host, contact_port or local.port)
        transport = local.transport.upper()
        self.via_prefix = f"Via: SIP/2.0/{transport} {sent_by};rport;branch="
        self.contact_uri = f"sip:offhook@{sent_by}"
        self.contact = f"Contact: <{self.contact_uri}>\r\n"
        self.allow = f"Allow: {ALLOW}\r\n"
        self.request_tail = f"User-Agent: {user_agent}\r\n"
        self.server = f"Server: {user_agent}\r\n"
        self.dialog_response = f"{self.contact}{self.allow}{self.server}"

    def token(self) -> str:
        """64 random bits in hexadecimal (tags, branches, Call-IDs)."""
        return f"{self.rng.getrandbits(64):016x}"

    def send(self, data: bytes, destination: Address) -> None:
        """Queue a datagram."""
        self.output.append((data, destination))

    def emit(self, event: AnyEvent) -> None:
        """Queue an event."""
        self.events.append(event)

    @property
    def full(self) -> bool:
        """Whether a new call is one too many."""
        return self.max_dialogs is not None and len(self.calls) >= self.max_dialogs

    @property
    def crowded(self) -> bool:
        """Whether a new server transaction is one too many."""
        return len(self.servers) >= self.max_transactions
