"""Server transactions: requests that we answer (RFC 3261 §17.2, RFC 6026 §8.5).

The states are the tables ``INVITE_SERVER`` and ``NON_INVITE_SERVER`` of
:mod:`offhook.sip.transactions`. A transaction answers retransmissions, repeats 300-699 until the ACK,
and sends 100 when the application is slow.

Only requests of known peers get a transaction. Everything else is answered without one
(:mod:`offhook.sip.receive`), so that a forged address gets no repeated answers and unknown callers
cannot fill our memory (RFC 3261 §26.3.2.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, final

from offhook.sip.agent_core import Core
from offhook.sip.agent_events import Address
from offhook.sip.encoding import reply_address, reply_head, response, to_with_tag
from offhook.sip.message import Request
from offhook.sip.timers import NEVER, Timed
from offhook.sip.transactions import INVITE_SERVER, NON_INVITE_SERVER, ServerEvent, ServerState

CancelHandler = Callable[["ServerTransaction", Request, float], None]


class ServerKey(NamedTuple):
    """What a request and its transaction share (RFC 3261 §17.2.3); ACK counts as INVITE.

    For an RFC 2543 request the branch is made of its URI, tags, Call-ID, CSeq and whole Via.
    """

    branch: str
    sent_by: str
    method: str


class ServerTransactions:
    """All server transactions of one user agent."""

    def __init__(self, core: Core, limit: int) -> None:
        self.core = core
        self.limit = limit
        """At most this many at once; the next request gets 503."""
        self.open: dict[ServerKey, ServerTransaction] = {}
        self.merged: dict[tuple[str, str, str], ServerTransaction] = {}
        """INVITE transactions outside dialogs by Call-ID, From tag and CSeq (RFC 3261 §8.2.2.2)."""

    @property
    def full(self) -> bool:
        """Whether the limit of transactions is reached."""
        return len(self.open) >= self.limit


@final
class ServerTransaction(Timed):
    """One request of a peer that we answer."""

    __slots__ = (
        "core",
        "deadline",
        "destination",
        "head",
        "interval",
        "invite",
        "key",
        "last",
        "layer",
        "machine",
        "merged_key",
        "on_cancel",
        "record_routes",
        "source",
        "state",
        "to",
        "transport",
        "trust",
    )

    def __init__(
        self, layer: ServerTransactions, key: ServerKey, request: Request, source: Address, tag: str
    ) -> None:
        self.layer = layer
        self.core = core = layer.core
        self.key = key
        self.invite = request.method == "INVITE"
        self.machine = INVITE_SERVER if self.invite else NON_INVITE_SERVER
        self.state = self.machine.start[0]
        self.destination = reply_address(request.via, source)
        self.transport = core.transports.to(source)
        self.head = reply_head(request, source)
        self.to = to_with_tag(request, tag)
        self.record_routes = "".join(
            f"Record-Route: {v}\r\n" for v in request.lines("record-route")
        )
        self.on_cancel: CancelHandler | None = None
        """Called when a CANCEL comes before the final response."""
        self.source = source.host
        self.trust: Callable[[str], bool] | None = None
        """Whether an address may cancel the request besides the one that it came from."""
        self.merged_key: tuple[str, str, str] | None = None
        self.last: bytes | None = None
        """The response that a retransmitted request gets again."""
        self.wake = NEVER
        self.interval = core.timing.t1
        self.deadline = 0.0

    def start(self, now: float) -> ServerTransaction:
        """Enter the tables; an INVITE gets its 100 unless it is answered soon."""
        self.layer.open[self.key] = self
        if self.invite:
            self.core.timers.schedule(now + self.core.timing.trying, self)
        return self

    def _on(self, event: ServerEvent) -> None:
        """Move as the table says. Raises :class:`offhook.sip.machine.IllegalEvent`."""
        self.state = self.machine.after(self.state, event)

    @property
    def answered(self) -> bool:
        """Whether a final response was given."""
        return self.state > ServerState.PROCEEDING

    def respond(
        self,
        status: int,
        now: float,
        *,
        extra: str = "",
        body: bytes = b"",
        reason: str | None = None,
    ) -> bytes:
        """Send a response; a second final one is ignored. Returns the octets."""
        if self.answered:
            return b""
        if 100 < status < 300 and self.invite:
            extra = self.record_routes + extra
        data = response(status, self.head, self.to, extra, body, reason)
        self.core.send(data, self.destination)
        self.last = data
        if status < 200:
            self._on(ServerEvent.PROVISIONAL)
            self.wake = NEVER
        elif status < 300:
            self._on(ServerEvent.SUCCESS)
            self._succeeded(now)
        else:
            self._on(ServerEvent.REFUSAL)
            self._refused(now)
        return data

    def _succeeded(self, now: float) -> None:
        if self.invite:
            self.last = None
        self._linger(now, self.core.timing.timeout)

    def _refused(self, now: float) -> None:
        """Timers G and H for an INVITE, J for another request; G and J only where the transport is not
        reliable."""
        timing = self.core.timing
        if self.invite:
            self._shed()
            self.deadline = now + timing.timeout
            first = self.deadline if self.transport.reliable else now + self.interval
            self.core.timers.schedule(first, self)
        else:
            self._linger(now, 0.0 if self.transport.reliable else timing.timeout)

    def retransmitted(self) -> None:
        """The request came again."""
        self._on(ServerEvent.REQUEST)
        if self.last is not None:
            self.core.send(self.last, self.destination)
        elif self.state is ServerState.PROCEEDING and self.invite:
            self._trying()

    def acknowledged(self, now: float) -> bool:
        """An ACK came on our branch; whether it is that of a 300-699 (timer I begins)."""
        if not self.machine.allows(self.state, ServerEvent.ACK):
            return False
        before = self.state
        self._on(ServerEvent.ACK)
        if before is not ServerState.CONFIRMED:
            self.last = None
            wait = 0.0 if self.transport.reliable else self.core.timing.t4
            self.core.timers.linger(now, wait, self)
        return True

    def may_cancel(self, host: str) -> bool:
        """Whether a CANCEL from ``host`` is obeyed. It goes hop by hop, so it comes from where the INVITE
        came from (RFC 3261 §9.1, §16.10); branch and tags travel in clear text and prove nothing."""
        return host == self.source or (self.trust is not None and self.trust(host))

    def canceled(self, request: Request, now: float) -> None:
        """A CANCEL came; too late when the final response is given (RFC 3261 §9.2)."""
        if not self.answered and self.on_cancel is not None:
            self.on_cancel(self, request, now)

    def on_timer(self, now: float) -> None:
        """Send 100, repeat the final response (timer G), or end (H, I, J, L)."""
        if not self.answered:
            self._trying()
        elif not self.invite or self.state is not ServerState.COMPLETED:
            self._end(ServerEvent.LINGERED)
        elif now >= self.deadline:
            self._end(ServerEvent.NO_ACK)
        else:
            self._on(ServerEvent.RETRANSMIT)
            assert self.last is not None
            self.core.send(self.last, self.destination)
            self.interval = min(self.interval * 2, self.core.timing.t2)
            self.core.timers.schedule(min(now + self.interval, self.deadline), self)

    def _trying(self) -> None:
        self._on(ServerEvent.PROVISIONAL)
        self.last = response(100, self.head, self.to)
        self.core.send(self.last, self.destination)
        self.wake = NEVER

    def _linger(self, now: float, delay: float) -> None:
        self._shed()
        self.core.timers.linger(now, delay, self)

    def _shed(self) -> None:
        """Drop what a finished transaction no longer needs."""
        self.head = self.record_routes = ""
        self.on_cancel = self.trust = None

    def abandon(self, now: float) -> None:
        """Handling the request or a timer failed: answer 500, or end if that was done before."""
        if self.state is ServerState.TERMINATED:
            return
        if not self.answered:
            self.respond(500, now, extra=self.core.server)
        elif self.wake == NEVER:
            self._end(ServerEvent.ABANDON)

    def _end(self, event: ServerEvent) -> None:
        """Forget the transaction."""
        self._on(event)
        self.wake = NEVER
        self.on_cancel = self.trust = None
        del self.layer.open[self.key]
        if self.merged_key is not None:
            self.layer.merged.pop(self.merged_key, None)
