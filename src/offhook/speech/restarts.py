"""The delay before a program that fails to start is started again. Pure."""

from __future__ import annotations

from typing import Final

FIRST_DELAY: Final = 0.2
LONGEST_DELAY: Final = 10.0
"""Seconds."""


class WorkerRestarts:
    """The first failure is tried again at once; each further one in a row doubles the delay.

    One start that succeeds ends the row. When the program dies later while it serves a request, the
    request is the likely cause, so other requests are not delayed.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._not_before = 0.0

    def failed(self, now: float) -> None:
        """The program ended before it was ready. ``now`` is monotonic, in seconds."""
        self._failures += 1
        if self._failures > 1:
            delay = FIRST_DELAY * 2.0 ** min(self._failures - 2, 10)
            self._not_before = now + min(delay, LONGEST_DELAY)

    def succeeded(self) -> None:
        """The program is ready."""
        self._failures = 0
        self._not_before = 0.0

    def delay(self, now: float) -> float:
        """Seconds to wait before the next start; 0: start at once."""
        return max(0.0, self._not_before - now)
