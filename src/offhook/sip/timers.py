"""Timer values of RFC 3261 §17 (table 4), and a queue of timers that never sleeps.

A timer's target has ``wake``, the one time at which it wants to be called. A heap entry with another time
is stale and is dropped when it comes to the top. Waits of one fixed length (the 32 s of a finished
transaction) are kept in queues of their own, which are always in order.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections import deque
from typing import NamedTuple

NEVER = float("inf")


class Timers(NamedTuple):
    """Seconds (RFC 3261 §17.1.1.1)."""

    t1: float = 0.5
    """Round-trip estimate: the first retransmission interval."""
    t2: float = 4.0
    """The longest retransmission interval."""
    t4: float = 5.0
    """How long a message may stay in the network."""
    trying: float = 0.2
    """How long an INVITE may wait for an answer of the application before we send 100 (§17.2.1)."""
    min_session: int = 90
    """The shortest interval of a session timer, in whole seconds (RFC 4028 §5)."""

    @property
    def timeout(self) -> float:
        """64*T1: timers B, F, H, J, L and M."""
        return 64 * self.t1


class Timed(ABC):
    """The target of a timer."""

    __slots__ = ("wake",)

    wake: float
    """When to call it; :data:`NEVER`: do not call it."""

    @abstractmethod
    def on_timer(self, now: float) -> None:
        """Do what is due now. It may schedule itself again."""

    @abstractmethod
    def abandon(self, now: float) -> None:
        """:meth:`on_timer` raised: end cleanly. Must not raise."""


class TimerQueue:
    """All timers of one user agent."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._fixed: dict[float, deque[tuple[float, Timed]]] = {}
        self._serial = 0

    def schedule(self, when: float, target: Timed) -> None:
        """Call ``target`` at ``when`` instead of at the time set before."""
        target.wake = when
        if when == NEVER:
            return
        self._serial += 1
        heapq.heappush(self._heap, (when, self._serial, target))

    def linger(self, now: float, delay: float, target: Timed) -> None:
        """As :meth:`schedule`, for one of the few fixed delays; ``now`` must not go back."""
        when = now + delay
        target.wake = when
        queue = self._fixed.get(delay)
        if queue is None:
            queue = self._fixed[delay] = deque()
        queue.append((when, target))

    def next_deadline(self) -> float | None:
        """When to call :meth:`run` next; None when no timer is armed."""
        heap = self._heap
        while heap and heap[0][2].wake != heap[0][0]:
            heapq.heappop(heap)
        first = heap[0][0] if heap else NEVER
        for queue in self._fixed.values():
            while queue and queue[0][1].wake != queue[0][0]:
                queue.popleft()
            if queue and queue[0][0] < first:
                first = queue[0][0]
        return None if first == NEVER else first

    def run(self, now: float) -> None:
        """Call every target whose time is not after ``now``, earliest first.

        An exception of a target is raised here after the target was abandoned. The later timers are still
        armed, so call again.
        """
        while True:
            when = self.next_deadline()
            if when is None or when > now:
                return
            target = self._take(when)
            target.wake = NEVER
            try:
                target.on_timer(now)
            except Exception:
                target.abandon(now)
                raise

    def _take(self, when: float) -> Timed:
        if self._heap and self._heap[0][0] == when:
            return heapq.heappop(self._heap)[2]
        for queue in self._fixed.values():
            if queue and queue[0][0] == when:
                return queue.popleft()[1]
        raise AssertionError("a deadline without its timer")

    def __len__(self) -> int:
        """Timers armed."""
        live = {id(target) for when, _, target in self._heap if target.wake == when}
        for queue in self._fixed.values():
            live.update(id(target) for when, target in queue if target.wake == when)
        return len(live)
