"""Fair turns between endpoints: how many requests each may have under way. No I/O.

An endpoint is one URL of one sub-account. Its deliveries wait in a line of its own; the lines are
served in turn. The slower it answers, the fewer requests it gets at once; a silent one gets one, to see
whether it answers again. A delivery that its line cannot send within a lease is postponed to a time slot
after the last one assigned. The deliveries of one session to an endpoint are sent one after the other, so
that its events arrive in order (no delivery waits for a retry). When an endpoint that was down answers
again, its postponed and retried deliveries fall due at once (:meth:`Endpoint.succeeded`). Two limits keep
the back-off effective: a ``Retry-After``
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

MOST_DOUBTFUL = 512
"""… to all endpoints together that did not answer last or have not been asked yet. Each such request may
wait out its whole timeout; the other half of the delivery worker's places stays for those that answer."""

DOWN_AFTER = 2
"""Attempts without success, one after the other, that make an endpoint down."""

CATCH_UP_PAUSE = 30.0
"""Seconds between two times at which an endpoint's waiting deliveries fall due early; doubles up to the
next constant."""

LONGEST_CATCH_UP_PAUSE = 3600.0

LONGEST_LINE = 500
LONGEST_POSTPONEMENT = 120.0
_MOST_ENDPOINTS = 10_000
_QUICKEST = 0.05
_WEIGHT = 0.2
"""Of the latest attempt in the moving average."""


class DeliveryTarget(msgspec.Struct, frozen=True):
    """The target of one delivery; the last two fields are never logged."""

    url: str
    http_auth_header: str | None = None
    secrets: tuple[str, ...] = ()


class Held(msgspec.Struct, frozen=True):
    """A leased delivery that waits or is being sent."""

    delivery: Delivery
    target: DeliveryTarget
    send_before: float
    """Monotonic: later than this its attempt might outlast the lease."""

    @property
    def sequence(self) -> str:
        """The sequence of deliveries that are sent one at a time: those of one session. A delivery
        without a session is a sequence of its own."""
        return self.delivery.entry.session_id or self.delivery.entry.delivery_id


class CatchUp:
    """Limits how often the deliveries of an endpoint may fall due early."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._pause = CATCH_UP_PAUSE

    def begins(self, now: float) -> bool:
        """Whether they may fall due early now; False again until the pause is over."""
        if now < self._next_at:
            return False
        if now >= self._next_at + LONGEST_CATCH_UP_PAUSE:
            self._pause = CATCH_UP_PAUSE
        self._next_at = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_CATCH_UP_PAUSE)
        return True


class Endpoint:
    """One URL of one sub-account: its line and its measured speed."""

    def __init__(self) -> None:
        self.line: deque[Held] = deque()
        """Deliveries that may be sent now."""
        self.behind: dict[str, deque[Held]] = {}
        """Deliveries that wait for an earlier one of their sequence."""
        self.waiting = 0
        """Deliveries in the line or waiting for their sequence."""
        self.running = 0
        self.failing = False
        """Whether the last attempt failed; that was logged."""
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
    def doubtful(self) -> bool:
        """Whether its next request may well wait for its whole timeout."""
        return not self._answers

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
        """Note how long an attempt took; ``answered`` means with any HTTP status."""
        begins_to_answer = answered and self._asked and not self._answers
        self._asked = True
        self._answers = answered
        # Earlier time-outs, while the receiver was down, say nothing about its speed now.
        self._seconds += (1.0 if begins_to_answer else _WEIGHT) * (seconds - self._seconds)

    def failed(self, now: float, retry_after: float | None) -> None:
        """Note a failed attempt; ``retry_after``: seconds that the receiver asks us to wait."""
        self._failures += 1
        if retry_after is not None:
            self._wait_until = max(self._wait_until, now + retry_after)

    def succeeded(self, now: float) -> bool:
        """Note a successful attempt; True: the endpoint's waiting deliveries must fall due at once."""
        was_down = self._failures >= DOWN_AFTER or self._postponed
        self._failures = 0
        if not was_down or now < self._wait_until or not self._catch_up.begins(now):
            return False
        self._postponed = False
        self._next_slot = 0.0
        return True

    def postpone(self, now: float) -> float:
        """Seconds from ``now`` until there may be room for one more."""
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
        self._doubtful_turns: deque[Endpoint] = deque()
        self._doubtful: set[str] = set()
        """Deliveries under way to endpoints that were doubtful when they began."""
        self._doubtful_first = False

    def get(self, sub_account_id: str, url: str) -> Endpoint:
        """The endpoint; idle ones are removed when there are too many."""
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
        endpoint = self._next_in_turn()
        if endpoint is None:
            return None
        endpoint.in_turn = False
        held = endpoint.line.popleft()
        if endpoint.doubtful:
            self._doubtful.add(held.delivery.entry.delivery_id)
        endpoint.waiting -= 1
        endpoint.running += 1
        self._take_turn(endpoint)
        return endpoint, held

    def ended(self, endpoint: Endpoint, held: Held) -> None:
        """A delivery from :meth:`next` is done; the next of its sequence may be sent."""
        endpoint.running -= 1
        self._doubtful.discard(held.delivery.entry.delivery_id)
        behind = endpoint.behind.get(held.sequence)
        if behind:
            endpoint.line.appendleft(behind.popleft())
        else:
            endpoint.behind.pop(held.sequence, None)
        self._take_turn(endpoint)

    def clear(self) -> list[Held]:
        """Empty all lines; returns their deliveries."""
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
        self._doubtful_turns.clear()
        return found

    def _next_in_turn(self) -> Endpoint | None:
        """Endpoints that answer and doubtful ones take turns; of the latter only so many run at once."""
        self._doubtful_first = not self._doubtful_first
        if self._doubtful_first and (endpoint := self._next_doubtful()):
            return endpoint
        while self._turns:
            endpoint = self._turns.popleft()
            if not endpoint.doubtful:
                return endpoint
            self._doubtful_turns.append(endpoint)  # it was silent meanwhile
        return self._next_doubtful()

    def _next_doubtful(self) -> Endpoint | None:
        if self._doubtful_turns and len(self._doubtful) < MOST_DOUBTFUL:
            return self._doubtful_turns.popleft()
        return None

    def _take_turn(self, endpoint: Endpoint) -> None:
        if not endpoint.line or endpoint.running >= endpoint.limit:
            return
        if not endpoint.in_turn:
            endpoint.in_turn = True
            (self._doubtful_turns if endpoint.doubtful else self._turns).append(endpoint)
        elif not endpoint.doubtful and endpoint in self._doubtful_turns:
            self._doubtful_turns.remove(endpoint)  # it answers now
            self._turns.append(endpoint)
