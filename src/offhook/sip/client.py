"""Client transactions: our requests (RFC 3261 §17.1, RFC 6026 §8.4).

The states are the tables ``INVITE_CLIENT`` and ``NON_INVITE_CLIENT`` of
:mod:`offhook.sip.transactions`. On an unreliable transport a transaction retransmits. It acknowledges
300-699 and hands every response that the application needs to ``handler``; None instead of a response means
that none came in time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from offhook.sip.agent_core import MAGIC, Core
from offhook.sip.agent_events import Address
from offhook.sip.encoding import encode
from offhook.sip.grammar import octets
from offhook.sip.message import Response
from offhook.sip.timers import NEVER, Timed
from offhook.sip.transactions import INVITE_CLIENT, NON_INVITE_CLIENT, ClientEvent, ClientState
from offhook.sip.transport import Transport

MOST_OVER_UDP = 1300
"""Octets of a request that is sent over UDP, where the peer has TCP too (RFC 3261 §18.1.1)."""
CLOSED_FOR = 600.0
"""Seconds for which a peer counts as one without TCP, after a connection has failed."""
MOST_CLOSED = 1000
"""Of these peers that are remembered."""


class OutgoingRequest:
    """One of our requests, in the parts that its ACK, CANCEL and repetition need."""

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
        self, transport: Transport, branch: str, method: str | None = None, to: str | None = None
    ) -> str:
        """Request line and the headers every request has; ``method`` makes it the ACK or CANCEL."""
        method = method or self.method
        return (
            f"{method} {self.uri} SIP/2.0\r\n{transport.via_prefix}{branch}\r\n{self.routes}"
            f"Max-Forwards: 70\r\nFrom: {self.from_}\r\nTo: {to or self.to}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {self.cseq} {method}\r\n{self.authorization}"
        )


Handler = Callable[["ClientTransaction", Response | None, float], None]
AtTime = Callable[[float], None]
"""Called with the monotonic time in seconds."""
_LAST_WORDS = ("BYE", "CANCEL", "REGISTER")
"""What an agent that stops says to its peers."""


class ClientTransactions:
    """All client transactions of one user agent, by branch and method (RFC 3261 §17.1.3)."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.open: dict[tuple[str, str], ClientTransaction] = {}
        self._closed: dict[Address, float] = {}
        """Peers without TCP, and until when that is believed."""

    def find(self, response: Response) -> ClientTransaction | None:
        """The transaction that a response belongs to. Raises :class:`GrammarError`."""
        return self.open.get((response.via.branch, response.cseq[1]))

    def transport_failed(self, destination: Address, now: float, problem: str) -> None:
        """Nothing can be delivered to ``destination`` (§8.1.3.1), because of ``problem``."""
        for transaction in list(self.open.values()):
            if transaction.request.destination == destination:
                transaction.transport_failed(now, problem)

    def may_connect(self, destination: Address, now: float) -> bool:
        """Whether no connection to a peer has failed lately."""
        return self._closed.get(destination, now) <= now

    def cannot_connect(self, destination: Address, now: float) -> None:
        """The peer has no TCP: its large requests go over UDP for a time."""
        if len(self._closed) >= MOST_CLOSED:
            self._closed.clear()
        self._closed[destination] = now + CLOSED_FOR

    @property
    def hanging_up(self) -> int:
        """BYEs, CANCELs and REGISTERs that have no final response yet."""
        return sum(
            transaction.method in _LAST_WORDS and not transaction.answered
            for transaction in self.open.values()
        )


@final
class ClientTransaction(Timed):
    """Sends one request and takes its responses."""

    __slots__ = (
        "acks",
        "branch",
        "core",
        "data",
        "deadline",
        "fault",
        "handler",
        "interval",
        "invite",
        "layer",
        "limit",
        "machine",
        "method",
        "moved_from",
        "problem",
        "request",
        "state",
        "transport",
    )

    def __init__(
        self,
        layer: ClientTransactions,
        request: OutgoingRequest,
        extra: str,
        body: bytes,
        handler: Handler,
        fault: AtTime,
        branch: str | None = None,
    ) -> None:
        """``fault`` is called when handling a response or a timer raises.

        ``extra`` are finished header lines; a CANCEL takes the ``branch`` of its INVITE.
        """
        core = layer.core
        self.layer = layer
        self.core = core
        self.request = request
        self.method = request.method
        self.invite = request.method == "INVITE"
        self.handler: Handler | None = handler
        self.fault: AtTime | None = fault
        self.machine = INVITE_CLIENT if self.invite else NON_INVITE_CLIENT
        self.state = self.machine.start[0]
        self.branch = branch or f"{MAGIC}{core.token()}"
        self.transport = core.transports.to(request.destination)
        self.data = encode(request.head(self.transport, self.branch) + extra, body)
        self.acks: dict[str, tuple[bytes, Address]] | None = None
        """The ACKs of accepted INVITEs by To tag, repeated for every repeated 2xx."""
        self.wake = 0.0
        self.interval = core.timing.t1
        self.deadline = 0.0
        self.moved_from: Address | None = None
        """Where the request would have gone, were it not too large for UDP."""
        self.problem: str | None = None
        """Why the transport could not deliver the request; None: it could."""
        self.limit = NEVER
        """When an INVITE that is answered provisionally only is given up."""

    def start(self, now: float) -> ClientTransaction:
        """Send the request; arms timers A/E (on an unreliable transport) and B/F."""
        core = self.core
        self._choose_transport(now)
        self.layer.open[self.branch, self.method] = self
        self.deadline = now + core.timing.timeout
        core.send(self.data, self.request.destination)
        first = self.deadline if self.transport.reliable else now + self.interval
        core.timers.schedule(first, self)
        return self

    def _choose_transport(self, now: float) -> None:
        """What could be cut into pieces on its way goes over TCP (RFC 3261 §18.1.1), where the peer has
        that."""
        if self.transport.reliable or len(self.data) <= MOST_OVER_UDP:
            return
        here = self.request.destination
        there = self.core.transports.stream_to(here)
        if there is not None and self.layer.may_connect(there, now):
            self._use(there)
            self.moved_from = here

    def _use(self, destination: Address) -> None:
        """Send the request there; only its Via differs."""
        before, after = self.transport, self.core.transports.to(destination)
        self.data = self.data.replace(octets(before.via_prefix), octets(after.via_prefix), 1)
        self.transport = after
        self.request.destination = destination

    def _on(self, event: ClientEvent) -> None:
        """Move as the table says. Raises :class:`offhook.sip.machine.IllegalEvent`."""
        self.state = self.machine.after(self.state, event)

    @property
    def answered(self) -> bool:
        """Whether a final response came."""
        return self.state >= ClientState.ACCEPTED

    @property
    def heard_from(self) -> bool:
        """Whether any response came, 100 included."""
        return self.state > ClientState.CALLING

    def on_timer(self, now: float) -> None:
        """Retransmit (timer A, E), give up (B, F), or end lingering (D, K, M)."""
        if self.answered:
            self._end(ClientEvent.LINGERED)
            self.fault = None
        elif now >= self.deadline:
            self._fail(ClientEvent.TIMEOUT, now)
        else:
            self._retransmit(now)

    def _retransmit(self, now: float) -> None:
        core = self.core
        self._on(ClientEvent.RETRANSMIT)
        core.send(self.data, self.request.destination)
        if self.invite:
            self.interval *= 2
        elif self.state is ClientState.PROCEEDING:
            self.interval = core.timing.t2
        else:
            self.interval = min(self.interval * 2, core.timing.t2)
        core.timers.schedule(min(now + self.interval, self.deadline), self)

    def _fail(self, event: ClientEvent, now: float) -> None:
        """End without a response, and report that."""
        handler = self.handler
        self._end(event)
        if handler is not None:
            handler(self, None, now)
        self.fault = None

    def transport_failed(self, now: float, problem: str) -> None:
        """The request cannot be delivered: fail. If a response came before, wait for the next one
        instead."""
        if self.heard_from:
            return
        back, self.moved_from = self.moved_from, None
        if back is not None:
            self.layer.cannot_connect(self.request.destination, now)
            self._use(back)
            self.core.send(self.data, back)
            self.core.timers.schedule(min(now + self.interval, self.deadline), self)
        else:
            self.problem = problem
            self._fail(ClientEvent.TRANSPORT_ERROR, now)

    def abandon(self, now: float) -> None:
        """Handling a response or a timer failed: tell the owner, and end the transaction within a bounded
        time."""
        fault, self.fault = self.fault, None
        if fault is not None:
            fault(now)
        if self.state is ClientState.TERMINATED or self.wake != NEVER:
            return
        if self.answered or now >= self.deadline:
            self._end(ClientEvent.ABANDON)
        else:
            self.deadline = min(self.deadline, now + self.core.timing.timeout)
            self.core.timers.schedule(self.deadline, self)

    def give_up_at(self, when: float) -> None:
        """Wait no longer than ``when`` for a final response (RFC 3261 §9.1: after a CANCEL)."""
        self.limit = when
        if self.state is ClientState.PROCEEDING and self.invite:
            self.deadline = when
            self.core.timers.schedule(when, self)

    def receive(self, response: Response, now: float) -> None:
        """A response with the branch and CSeq method of this transaction."""
        before = self.state
        if response.status < 200:
            self._on(ClientEvent.PROVISIONAL)
            self._provisional(before, response, now)
        elif response.status < 300:
            self._on(ClientEvent.SUCCESS)
            self._success(before, response, now)
        else:
            self._on(ClientEvent.REFUSAL)
            self._refusal(before, response, now)

    def _provisional(self, before: ClientState, response: Response, now: float) -> None:
        if self.state is not ClientState.PROCEEDING:
            return
        if before is ClientState.CALLING:
            self.deadline = self.limit
            self.core.timers.schedule(self.limit, self)
        if self.handler is not None:
            self.handler(self, response, now)

    def _success(self, before: ClientState, response: Response, now: float) -> None:
        if not self.invite:
            self._completed(before, response, self.core.timing.t4, now)
        elif self.state is ClientState.ACCEPTED:
            if before is not ClientState.ACCEPTED:
                self._linger(now, self.core.timing.timeout)
            if self.handler is not None:
                self.handler(self, response, now)

    def _refusal(self, before: ClientState, response: Response, now: float) -> None:
        if not self.invite:
            self._completed(before, response, self.core.timing.t4, now)
        elif self.state is ClientState.COMPLETED:
            self._acknowledge(response)
            self._completed(before, response, self.core.timing.timeout, now)

    def _completed(
        self, before: ClientState, response: Response, linger: float, now: float
    ) -> None:
        """Deliver the final response. The handler is released first, so that the transaction does not
        keep the call."""
        if before is ClientState.COMPLETED:
            return
        self._linger(now, 0.0 if self.transport.reliable else linger)
        handler, self.handler = self.handler, None
        if handler is not None:
            handler(self, response, now)
        self.fault = None

    def _acknowledge(self, response: Response) -> None:
        """ACK of a 300-699: same branch, same routes (RFC 3261 §17.1.1.3)."""
        to = response.get("to")
        head = self.request.head(self.transport, self.branch, "ACK", to)
        self.core.send(encode(head), self.request.destination)

    def _linger(self, now: float, delay: float) -> None:
        self.data = b""
        self.core.timers.linger(now, delay, self)

    def _end(self, event: ClientEvent) -> None:
        """Forget the transaction."""
        self._on(event)
        self.wake = NEVER
        self.handler = None
        self.acks = None
        del self.layer.open[self.branch, self.method]
