"""The pace of a campaign. Pure."""

from __future__ import annotations

CATCH_UP = 1.0
"""Seconds of the pace that may be made up for after a delay."""


class Pace:
    """Allows ``rate`` calls a second on average, evenly; ``now`` in monotonic seconds.

    After a delay the call that was due is begun, and at most :data:`CATCH_UP` seconds' worth of others.
    """

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._tokens = 1.0
        self._at = now

    def room(self, now: float) -> int:
        """Calls that may be begun now."""
        most = 1.0 + self.rate * CATCH_UP
        self._tokens = min(most, self._tokens + (now - self._at) * self.rate)
        self._at = now
        return int(self._tokens + 1e-9)

    def begun(self, calls: int) -> None:
        """So many calls were begun."""
        self._tokens -= calls

    def next_in(self) -> float:
        """Seconds from the last :meth:`room` until a call may be begun."""
        return max(0.0, (1.0 - self._tokens) / self.rate)
