"""Server transactions (RFC 3261 §17.2, RFC 6026 §8.5).

The INVITE machine::

    PROCEEDING --2xx--> ACCEPTED --timer L--> TERMINATED
        \\--300-699--> COMPLETED --ACK--> CONFIRMED --timer I--> TERMINATED
                            \\--timer H--> TERMINATED

and the other one: PROCEEDING (Trying) --final--> COMPLETED --timer J--> TERMINATED. A transaction
answers retransmissions, repeats 300-699 until the ACK (but see :data:`ONCE`), and sends 100 when the
application is slow.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from offhook.sip.build import reply_address, reply_head, response, to_with_tag
from offhook.sip.events import Address
from offhook.sip.message import Request
from offhook.sip.timers import NEVER

if TYPE_CHECKING:
    from offhook.sip.call import Call
    from offhook.sip.core import Core, ServerKey


class ServerState(IntEnum):
    """States of both machines."""

    PROCEEDING = 0
    ACCEPTED = 1
    COMPLETED = 2
    CONFIRMED = 3
    TERMINATED = 4


TRANSITIONS: dict[ServerState, frozenset[ServerState]] = {
    ServerState.PROCEEDING: frozenset(
        {ServerState.ACCEPTED, ServerState.COMPLETED, ServerState.TERMINATED}
    ),
    ServerState.ACCEPTED: frozenset({ServerState.TERMINATED}),
    ServerState.COMPLETED: frozenset({ServerState.CONFIRMED, ServerState.TERMINATED}),
    ServerState.CONFIRMED: frozenset({ServerState.TERMINATED}),
    ServerState.TERMINATED: frozenset(),
}
"""From each state, where a transaction may go; anything else is a bug of ours."""


ONCE = frozenset({401, 403, 407})
"""Answers to strangers: sent once, with nothing kept, so that nobody can make us bombard a forged
address or fill our memory (RFC 3261 §26.3.2.4). Who missed one asks again."""


class ServerTransaction:
    """One request of a peer that we answer."""

    __slots__ = (
        "call",
        "core",
        "deadline",
        "destination",
        "head",
        "interval",
        "invite",
        "key",
        "last",
        "merged_key",
        "record_routes",
        "state",
        "to",
        "wake",
    )

    def __init__(
        self, core: Core, key: ServerKey, request: Request, source: Address, tag: str
    ) -> None:
        self.core = core
        self.key = key
        self.invite = request.method == "INVITE"
        self.state = ServerState.PROCEEDING
        self.destination = reply_address(request.via, source)
        self.head = reply_head(request, source)
        self.to = to_with_tag(request, tag)
        self.record_routes = "".join(
            f"Record-Route: {v}\r\n" for v in request.lines("record-route")
        )
        self.call: Call | None = None
        self.merged_key: tuple[str, str, str] | None = None
        self.last: bytes | None = None
        """The response that a retransmitted request gets again."""
        self.wake = NEVER
        self.interval = core.timing.t1
        self.deadline = 0.0

    def start(self, now: float) -> ServerTransaction:
        """Enter the tables; an INVITE gets its 100 unless it is answered soon."""
        self.core.servers[self.key] = self
        if self.invite:
            self.core.timers.schedule(now + self.core.timing.trying, self)
        return self

    def _become(self, state: ServerState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise AssertionError(f"{self.key.method}: {self.state.name} to {state.name}")
        self.state = state

    @property
    def answered(self) -> bool:
        """Whether a final response was given."""
        return self.state is not ServerState.PROCEEDING

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
        if self.state is not ServerState.PROCEEDING:
            return b""
        if 100 < status < 300 and self.invite:
            extra = self.record_routes + extra
        data = response(status, self.head, self.to, extra, body, reason)
        core = self.core
        core.send(data, self.destination)
        self.last = data
        if status < 200:
            self.wake = NEVER
        elif not self.invite:
            self._become(ServerState.COMPLETED)
            self._finish(now, core.timing.timeout)
        elif status < 300:
            self._become(ServerState.ACCEPTED)
            self.last = None
            self._finish(now, core.timing.timeout)
        elif status in ONCE:
            self._become(ServerState.COMPLETED)
            self.terminate()
        else:
            self._become(ServerState.COMPLETED)
            self._shed()
            self.deadline = now + core.timing.timeout
            core.timers.schedule(now + self.interval, self)
        return data

    def retransmitted(self) -> None:
        """The request came again."""
        if self.last is not None:
            self.core.send(self.last, self.destination)
        elif self.state is ServerState.PROCEEDING and self.invite:
            self._trying()

    def acknowledged(self, now: float) -> None:
        """The ACK of a 300-699 came (timer I begins)."""
        if self.state is ServerState.COMPLETED and self.invite:
            self._become(ServerState.CONFIRMED)
            self.last = None
            self.core.timers.linger(now, self.core.timing.t4, self)

    def on_timer(self, now: float) -> None:
        """Send 100, repeat the final response (timer G), or end (H, I, J, L)."""
        if self.state is ServerState.PROCEEDING:
            self._trying()
        elif self.invite and self.state is ServerState.COMPLETED and now < self.deadline:
            assert self.last is not None
            self.core.send(self.last, self.destination)
            self.interval = min(self.interval * 2, self.core.timing.t2)
            self.core.timers.schedule(min(now + self.interval, self.deadline), self)
        else:
            self.terminate()

    def _trying(self) -> None:
        self.last = response(100, self.head, self.to)
        self.core.send(self.last, self.destination)
        self.wake = NEVER

    def _finish(self, now: float, delay: float) -> None:
        self._shed()
        self.core.timers.linger(now, delay, self)

    def _shed(self) -> None:
        """What a finished transaction does not need any more."""
        self.head = self.record_routes = ""
        self.call = None

    def terminate(self) -> None:
        """Forget the transaction."""
        self._become(ServerState.TERMINATED)
        self.wake = NEVER
        self.call = None
        del self.core.servers[self.key]
        if self.merged_key is not None:
            self.core.merged.pop(self.merged_key, None)
