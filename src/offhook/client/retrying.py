"""Whether a request is sent again, and when.

Sent again is only what cannot act twice: reading, replacing and deleting, and what carries an
idempotency key. Of all others only what the server has not begun: it was not reached, or said 429.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

FIRST_WAIT = 0.25
"""Seconds before the first repetition; each further one waits twice as long."""
LONGEST_BACKOFF = 8.0
REPEATED = frozenset({429, 502, 503, 504})
"""HTTP statuses that will change."""
NOT_BEGUN = frozenset({429})
"""Of these, those that say that nothing was done."""


class Fault(Enum):
    """How an attempt failed without an answer."""

    NOT_SENT = auto()
    """There was no connection."""
    UNKNOWN = auto()
    """The request may have arrived."""


class RetryRule(NamedTuple):
    """How often and how long."""

    most: int = 2
    """Repetitions of one request; 0: none."""
    longest_wait: float = 30.0
    """Seconds: a server that asks to wait longer is not waited for."""

    def patient(self) -> RetryRule:
        """Of streams, which outlive a restart of the server: almost a minute with the usual rule."""
        return self._replace(most=self.most * 5)

    def after_fault(
        self, sent: int, fault: Fault, luck: float, *, repeatable: bool = True
    ) -> float | None:
        """Seconds until the next attempt after ``sent`` attempts; None: the failure is final.

        ``luck``, 0 to 1, spreads clients that failed together.
        """
        if sent > self.most or not (repeatable or fault is Fault.NOT_SENT):
            return None
        return _backoff(sent, luck)

    def after_answer(
        self, sent: int, status: int, retry_after: float | None, luck: float, *, repeatable: bool
    ) -> float | None:
        """The same after an answer; None: the answer is final, good or bad.

        ``retry_after``: seconds, as the server asks for.
        """
        if sent > self.most or status not in (REPEATED if repeatable else NOT_BEGUN):
            return None
        if retry_after is None:
            return _backoff(sent, luck)
        return retry_after if retry_after <= self.longest_wait else None


def _backoff(sent: int, luck: float) -> float:
    return min(FIRST_WAIT * 2.0 ** (sent - 1), LONGEST_BACKOFF) * (0.5 + luck / 2)
