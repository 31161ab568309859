"""Fair turns between endpoints: who may have how many requests under way. No I/O.

An endpoint is one URL of one sub-account. Its deliveries wait in a line of its own; the lines are
served in turn. The slower it answers, the fewer requests it gets at once, and what its line cannot
take within a lease is postponed to a slot of its own behind the last one given out. What one session
has to tell an endpoint is told one after the other, so that its events arrive in order (a retry
excepted: nothing waits for it).
"""

from __future__ import annotations

from collections import deque

import msgspec

from offhook.session.ports.record import Delivery

PER_ENDPOINT = 32
"""Requests under way at once to an endpoint that answers within a second."""

PER_UNPROVEN_ENDPOINT = 8
"""… to one that has not answered yet, did not answer last, or is very slow."""

LONGEST_LINE = 500
LONGEST_POSTPONEMENT = 120.0
_MOST_ENDPOINTS = 10_000
_QUICKEST = 0.05
_WEIGHT = 0.2
"""Of the latest attempt in the moving average."""


class Target(msgspec.Struct, frozen=True):
    """Where one delivery goes; the last two are never logged."""

    url: str
    http_auth_header: str | None = None
    secret: str | None = None


class Held(msgspec.Struct, frozen=True):
    """A leased delivery on its way."""

    delivery: Delivery
    target: Target
    send_before: float
    """Monotonic: later than this its attempt might outlast the lease."""

    @property
    def sequence(self) -> str:
        """What is under way one at a time: a session's deliveries; others are alone in theirs."""
        return self.delivery.entry.session_id or self.delivery.entry.delivery_id


class Endpoint:
    """One URL of one sub-account: its line, and what we know of its speed."""

    def __init__(self) -> None:
        self.line: deque[Held] = deque()
        """What may be sent now."""
        self.behind: dict[str, deque[Held]] = {}
        """What waits for one of its own sequence that is in the line or under way."""
        self.waiting = 0
        """Deliveries in the line or behind others."""
        self.running = 0
        self.failing = False
        """The last attempt was no success; it has been logged."""
        self.in_turn = False
        self._answers = False
        self._seconds = 0.0
        self._next_slot = 0.0

    @property
    def limit(self) -> int:
        """Requests under way at once."""
        if not self._answers:
            return PER_UNPROVEN_ENDPOINT
        return max(PER_UNPROVEN_ENDPOINT, int(PER_ENDPOINT / max(1.0, self._seconds)))

    def takes(self, lease: float) -> bool:
        """Whether one more would probably be sent within ``lease`` seconds."""
        in_a_lease = self.limit * lease / max(self._seconds, _QUICKEST)
        return self.waiting < min(LONGEST_LINE, in_a_lease)

    def learn(self, seconds: float, *, answered: bool) -> None:
        """An attempt took so long; ``answered`` with whatever HTTP status."""
        self._answers = answered
        self._seconds += _WEIGHT * (seconds - self._seconds)

    def postpone(self, now: float) -> float:
        """Seconds from ``now`` until one more may find room."""
        spacing = max(self._seconds, _QUICKEST) / self.limit
        self._next_slot = max(now + 1.0, self._next_slot) + spacing
        return min(self._next_slot - now, LONGEST_POSTPONEMENT)

    @property
    def _idle(self) -> bool:
        return not self.waiting and not self.running


class Endpoints:
    """All endpoints, and whose turn it is."""

    def __init__(self) -> None:
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._turns: deque[Endpoint] = deque()

    def get(self, sub_account_id: str, url: str) -> Endpoint:
        """The endpoint; what is known of idle ones is forgotten when there are too many."""
        endpoint = self._endpoints.get((sub_account_id, url))
        if endpoint is None:
            if len(self._endpoints) >= _MOST_ENDPOINTS:
                self._endpoints = {k: e for k, e in self._endpoints.items() if not e._idle}
            endpoint = self._endpoints[(sub_account_id, url)] = Endpoint()
        return endpoint

    def queue(self, endpoint: Endpoint, held: Held) -> None:
        """Put a delivery at the end of its endpoint's line, behind those of its sequence."""
        endpoint.waiting += 1
        behind = endpoint.behind.get(held.sequence)
        if behind is not None:
            behind.append(held)
            return
        endpoint.behind[held.sequence] = deque()
        endpoint.line.append(held)
        self._take_turn(endpoint)

    def next(self) -> tuple[Endpoint, Held] | None:
        """The delivery whose turn it is, its endpoint counted as running one more; None: nobody's."""
        if not self._turns:
            return None
        endpoint = self._turns.popleft()
        endpoint.in_turn = False
        held = endpoint.line.popleft()
        endpoint.waiting -= 1
        endpoint.running += 1
        self._take_turn(endpoint)
        return endpoint, held

    def ended(self, endpoint: Endpoint, held: Held) -> None:
        """What :meth:`next` started is over; the next of its sequence may be sent."""
        endpoint.running -= 1
        behind = endpoint.behind.get(held.sequence)
        if behind:
            endpoint.line.appendleft(behind.popleft())
        else:
            endpoint.behind.pop(held.sequence, None)
        self._take_turn(endpoint)

    def clear(self) -> list[Held]:
        """Empty all lines; returns what stood in them."""
        found: list[Held] = []
        for endpoint in self._endpoints.values():
            found += endpoint.line
            for behind in endpoint.behind.values():
                found += behind
            endpoint.line.clear()
            endpoint.behind.clear()
            endpoint.waiting = 0
            endpoint.in_turn = False
        self._turns.clear()
        return found

    def _take_turn(self, endpoint: Endpoint) -> None:
        if endpoint.line and endpoint.running < endpoint.limit and not endpoint.in_turn:
            endpoint.in_turn = True
            self._turns.append(endpoint)
