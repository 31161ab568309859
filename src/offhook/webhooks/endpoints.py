"""Fair turns between endpoints: who may have how many requests under way. No I/O.

An endpoint is one URL of one sub-account. Its deliveries wait in a line of its own; the lines are
served in turn. The slower it answers, the fewer requests it gets at once; one that is silent gets one,
to see whether it answers again. What its line cannot take within a lease is postponed to a slot of its
own behind the last one given out. What one session has to tell an endpoint is told one after the other,
so that its events arrive in order (a retry excepted: nothing waits for it).

When an endpoint that was down answers again, what was postponed or waits for its next attempt falls due
at once (:meth:`Endpoint.succeeded`). Two limits keep that from defeating the back-off: a ``Retry-After``
is waited for, and an endpoint that goes down again soon has to wait longer each time.
"""

from __future__ import annotations

from collections import deque

import msgspec

from offhook.session.ports.record import Delivery

PER_ENDPOINT = 32
"""Requests under way at once to an endpoint that answers within a second."""

PER_UNPROVEN_ENDPOINT = 8
"""… to one that has not been asked yet, or is very slow."""

PER_SILENT_ENDPOINT = 1
"""… to one that did not answer last."""

DOWN_AFTER = 2
"""Attempts without success, one after the other, that make an endpoint down."""

CATCH_UP_PAUSE = 30.0
"""Seconds between two times that what waits for an endpoint falls due early; doubles up to the next."""

LONGEST_CATCH_UP_PAUSE = 3600.0

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


class CatchUp:
    """How often what waits for an endpoint may fall due early."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._pause = CATCH_UP_PAUSE

    def begins(self, now: float) -> bool:
        """Whether it may now; asked again too early, the answer is no."""
        if now < self._next_at:
            return False
        if now >= self._next_at + LONGEST_CATCH_UP_PAUSE:
            self._pause = CATCH_UP_PAUSE
        self._next_at = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_CATCH_UP_PAUSE)
        return True


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
        self._asked = False
        self._answers = False
        self._seconds = 0.0
        self._next_slot = 0.0
        self._failures = 0
        self._postponed = False
        self._wait_until = 0.0
        self._catch_up = CatchUp()

    @property
    def limit(self) -> int:
        """Requests under way at once."""
        if not self._answers:
            return PER_SILENT_ENDPOINT if self._asked else PER_UNPROVEN_ENDPOINT
        return max(PER_UNPROVEN_ENDPOINT, int(PER_ENDPOINT / max(1.0, self._seconds)))

    def takes(self, lease: float) -> bool:
        """Whether one more would probably be sent within ``lease`` seconds."""
        in_a_lease = self.limit * lease / max(self._seconds, _QUICKEST)
        return self.waiting < min(LONGEST_LINE, in_a_lease)

    def learn(self, seconds: float, *, answered: bool) -> None:
        """An attempt took so long; ``answered`` with whatever HTTP status."""
        begins_to_answer = answered and self._asked and not self._answers
        self._asked = True
        self._answers = answered
        # The time-outs of a receiver that was down say nothing about its speed now.
        self._seconds += (1.0 if begins_to_answer else _WEIGHT) * (seconds - self._seconds)

    def failed(self, now: float, retry_after: float | None) -> None:
        """An attempt was no success; ``retry_after`` seconds the receiver wants to be left alone."""
        self._failures += 1
        if retry_after is not None:
            self._wait_until = max(self._wait_until, now + retry_after)

    def succeeded(self, now: float) -> bool:
        """An attempt was a success; True: what waits for the endpoint shall fall due at once."""
        was_down = self._failures >= DOWN_AFTER or self._postponed
        self._failures = 0
        if not was_down or now < self._wait_until or not self._catch_up.begins(now):
            return False
        self._postponed = False
        self._next_slot = 0.0
        return True

    def postpone(self, now: float) -> float:
        """Seconds from ``now`` until one more may find room."""
        self._postponed = self._postponed or not self._answers
        spacing = max(self._seconds, _QUICKEST) / self.limit
        self._next_slot = max(now + 1.0, self._next_slot) + spacing
        return min(self._next_slot - now, LONGEST_POSTPONEMENT)

    @property
    def _idle(self) -> bool:
        return not self.waiting and not self.running


class Endpoints:
    """All endpoints, and the order of their turns."""

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
        """The next delivery, its endpoint counted as running one more; None: there is none."""
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
