"""Client transactions (RFC 3261 §17.1, RFC 6026 §8.4).

The INVITE machine::

    CALLING --1xx--> PROCEEDING --2xx--> ACCEPTED --timer M--> TERMINATED
       |   \\------2xx-------------------/^
       |    300-699                300-699
       timer B --> TERMINATED          \\--> COMPLETED --timer D--> TERMINATED

and the other one, without ACCEPTED: CALLING is Trying there, timers E, F and K take the places of A, B
and D. A transaction retransmits (UDP), acknowledges 300-699 and hands every response worth the
application's attention to ``handler``; None instead of a response says that none came in time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING

from offhook.sip.build import encode
from offhook.sip.events import Address
from offhook.sip.message import Response
from offhook.sip.timers import NEVER

if TYPE_CHECKING:
    from offhook.sip.core import Core


class ClientState(IntEnum):
    """States of both machines."""

    CALLING = 0
    PROCEEDING = 1
    ACCEPTED = 2
    COMPLETED = 3
    TERMINATED = 4


TRANSITIONS: dict[ClientState, frozenset[ClientState]] = {
    ClientState.CALLING: frozenset(
        {
            ClientState.PROCEEDING,
            ClientState.ACCEPTED,
            ClientState.COMPLETED,
            ClientState.TERMINATED,
        }
    ),
    ClientState.PROCEEDING: frozenset(
        {ClientState.ACCEPTED, ClientState.COMPLETED, ClientState.TERMINATED}
    ),
    ClientState.ACCEPTED: frozenset({ClientState.TERMINATED}),
    ClientState.COMPLETED: frozenset({ClientState.TERMINATED}),
    ClientState.TERMINATED: frozenset(),
}
"""From each state, where a transaction may go; anything else is a bug of ours."""


class OutgoingRequest:
    """A request of ours, in the parts that its ACK, CANCEL and repetition need."""

    __slots__ = (
        "authorization",
        "call_id",
        "cseq",
        "destination",
        "from_",
        "method",
        "routes",
        "to",
        "uri",
    )

    def __init__(
        self,
        method: str,
        uri: str,
        *,
        routes: str,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        destination: Address,
    ) -> None:
        self.method = method
        self.uri = uri
        self.routes = routes
        """Finished ``Route`` lines."""
        self.from_ = from_
        self.to = to
        self.call_id = call_id
        self.cseq = cseq
        self.destination = destination
        self.authorization = ""
        """Finished lines with its credentials; its ACK repeats them (RFC 3261 §22.1)."""

    def head(
        self, core: Core, branch: str, method: str | None = None, to: str | None = None
    ) -> str:
        """Request line and the headers every request has; ``method`` makes it the ACK or CANCEL."""
        method = method or self.method
        return (
            f"{method} {self.uri} SIP/2.0\r\n{core.via_prefix}{branch}\r\n{self.routes}"
            f"Max-Forwards: 70\r\nFrom: {self.from_}\r\nTo: {to or self.to}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {self.cseq} {method}\r\n{self.authorization}"
        )


Handler = Callable[["ClientTransaction", Response | None, float], None]


class ClientTransaction:
    """One request of ours on its way."""

    __slots__ = (
        "acks",
        "branch",
        "core",
        "data",
        "deadline",
        "handler",
        "interval",
        "invite",
        "limit",
        "method",
        "request",
        "state",
        "wake",
    )

    def __init__(
        self, core: Core, request: OutgoingRequest, extra: str, body: bytes, handler: Handler
    ) -> None:
        self.core = core
        self.request = request
        self.method = request.method
        self.invite = request.method == "INVITE"
        self.handler: Handler | None = handler
        self.state = ClientState.CALLING
        self.branch = f"z9hG4bK{core.token()}"
        self.data = encode(request.head(core, self.branch) + extra, body)
        self.acks: dict[str, tuple[bytes, Address]] | None = None
        """The ACKs of accepted INVITEs by To tag, repeated for every repeated 2xx."""
        self.wake = 0.0
        self.interval = core.timing.t1
        self.deadline = 0.0
        self.limit = NEVER
        """When an INVITE that is answered provisionally only is given up."""

    def start(self, now: float) -> ClientTransaction:
        """Send the request; arms timers A/E and B/F."""
        core = self.core
        core.clients[self.branch, self.method] = self
        self.deadline = now + core.timing.timeout
        core.send(self.data, self.request.destination)
        core.timers.schedule(now + self.interval, self)
        return self

    def _become(self, state: ClientState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise AssertionError(f"{self.method}: {self.state.name} to {state.name}")
        self.state = state

    def on_timer(self, now: float) -> None:
        """Retransmit (timer A, E), give up (B, F), or end lingering (D, K, M)."""
        if self.state >= ClientState.ACCEPTED:
            self.terminate()
            return
        if now >= self.deadline:
            handler = self.handler
            self.terminate()
            if handler is not None:
                handler(self, None, now)
            return
        core = self.core
        core.send(self.data, self.request.destination)
        if self.invite:
            self.interval *= 2
        elif self.state is ClientState.PROCEEDING:
            self.interval = core.timing.t2
        else:
            self.interval = min(self.interval * 2, core.timing.t2)
        core.timers.schedule(min(now + self.interval, self.deadline), self)

    def transport_failed(self, now: float) -> None:
        """The request cannot be delivered; once something was heard, wait for more instead."""
        if self.state is ClientState.CALLING:
            handler = self.handler
            self.terminate()
            if handler is not None:
                handler(self, None, now)

    def give_up_at(self, when: float) -> None:
        """Wait no longer than ``when`` for a final response (RFC 3261 §9.1: after a CANCEL)."""
        self.limit = when
        if self.state is ClientState.PROCEEDING and self.invite:
            self.deadline = when
            self.core.timers.schedule(when, self)

    def receive(self, response: Response, now: float) -> None:
        """A response whose branch and CSeq method are ours."""
        status = response.status
        if status < 200:
            self._provisional(response, now)
        elif self.invite:
            self._invite_final(response, now)
        elif self.state < ClientState.COMPLETED:
            self._become(ClientState.COMPLETED)
            self._linger(now, self.core.timing.t4)
            self._hand_over(response, now)

    def _provisional(self, response: Response, now: float) -> None:
        if self.state > ClientState.PROCEEDING:
            return
        if self.state is ClientState.CALLING:
            self._become(ClientState.PROCEEDING)
            if self.invite:
                self.deadline = self.limit
                self.core.timers.schedule(self.limit, self)
        if self.handler is not None:
            self.handler(self, response, now)

    def _invite_final(self, response: Response, now: float) -> None:
        if response.status < 300:
            if self.state is ClientState.COMPLETED:
                return
            if self.state is not ClientState.ACCEPTED:
                self._become(ClientState.ACCEPTED)
                self._linger(now, self.core.timing.timeout)
            if self.handler is not None:
                self.handler(self, response, now)
            return
        if self.state is ClientState.ACCEPTED:
            return
        self._acknowledge(response)
        if self.state is not ClientState.COMPLETED:
            self._become(ClientState.COMPLETED)
            self._linger(now, self.core.timing.timeout)
            self._hand_over(response, now)

    def _hand_over(self, response: Response, now: float) -> None:
        """The one final response; the handler, and the call behind it, is let go first."""
        handler, self.handler = self.handler, None
        if handler is not None:
            handler(self, response, now)

    def _acknowledge(self, response: Response) -> None:
        """ACK of a 300-699: same branch, same routes (RFC 3261 §17.1.1.3)."""
        to = response.get("to")
        head = self.request.head(self.core, self.branch, "ACK", to)
        self.core.send(encode(head), self.request.destination)

    def _linger(self, now: float, delay: float) -> None:
        self.data = b""
        self.core.timers.linger(now, delay, self)

    def terminate(self) -> None:
        """Forget the transaction."""
        self._become(ClientState.TERMINATED)
        self.wake = NEVER
        self.handler = None
        self.acks = None
        del self.core.clients[self.branch, self.method]
