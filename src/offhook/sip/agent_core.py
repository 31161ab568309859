"""What all parts of one user agent share: its output, events, timers, tokens and fixed header lines."""

from __future__ import annotations

import random
from collections.abc import Iterable

from offhook.random_bits import StockRandom
from offhook.sip.agent_events import Address, AnyEvent
from offhook.sip.timers import TimerQueue, Timers
from offhook.sip.transport import Transport, Transports

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER"
METHODS = frozenset(ALLOW.split(", "))
OTHER_METHODS = frozenset({"MESSAGE", "NOTIFY", "PUBLISH", "REGISTER", "SUBSCRIBE"})
"""Methods we know and do not serve: 405. Any other is 501 (RFC 3261 §8.2.1, §21.5.2)."""
EXTENSIONS = ("100rel", "timer")
"""Option tags that a peer may require of us (RFC 3262, RFC 4028); any other is 420."""
SUPPORTED = f"Supported: {', '.join(EXTENSIONS)}\r\n"
MAGIC = "z9hG4bK"
"""The branch cookie of RFC 3261 §8.1.1.7."""


class Core:
    """The lowest layer of the engine: transactions and calls use it, it uses neither."""

    def __init__(
        self,
        *,
        transports: Iterable[Transport],
        user_agent: str = "Offhook",
        timers: Timers,
        rng: random.Random | None = None,
        mark: str = "",
    ) -> None:
        """``mark``: how every token begins (:mod:`offhook.sip.demux`)."""
        self._mark = mark
        self.transports = Transports(transports)
        self.timing = timers
        self.timers = TimerQueue()
        self.rng = rng or StockRandom()
        self.output: list[tuple[bytes, Address]] = []
        self.events: list[AnyEvent] = []
        self.forgotten: list[str] = []
        """Handles of calls that ended without a last event."""
        self.salt = self.token()
        """Makes the tags of stateless responses; the same for the life of the process."""
        self.allow = f"Allow: {ALLOW}\r\n"
        self.request_tail = f"User-Agent: {user_agent}\r\n"
        self.server = f"Server: {user_agent}\r\n"

    def token(self) -> str:
        """64 random bits in hexadecimal, behind the mark (tags, branches, Call-IDs)."""
        return f"{self._mark}{self.rng.getrandbits(64):016x}"

    def dialog_response(self, transport: Transport) -> str:
        """The header lines that each response inside a dialog has."""
        return f"{transport.contact}{self.allow}{SUPPORTED}{self.server}"

    def send(self, data: bytes, destination: Address) -> None:
        """Queue a datagram."""
        self.output.append((data, destination))

    def emit(self, event: AnyEvent) -> None:
        """Queue an event."""
        self.events.append(event)
