"""Which engines rest after failures, so that not every text waits for one that hangs. Pure."""

from __future__ import annotations

from typing import Final

FIRST_REST: Final = 5.0
LONGEST_REST: Final = 120.0
"""Seconds."""
FAILURES: Final = 2
"""In a row, before an engine rests: the first may be the fault of its text."""


class EngineHealth:
    """Counts the failures in a row of each engine."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}

    def failed(self, engine: str, now: float) -> None:
        """It gave no sound. ``now`` is monotonic, in seconds."""
        failures = self._failures.get(engine, 0) + 1
        self._failures[engine] = failures
        if failures >= FAILURES:
            rest = FIRST_REST * 2.0 ** min(failures - FAILURES, 10)
            self._rests_until[engine] = now + min(rest, LONGEST_REST)

    def succeeded(self, engine: str) -> None:
        """It spoke."""
        self._failures.pop(engine, None)
        self._rests_until.pop(engine, None)

    def rests(self, engine: str, now: float) -> bool:
        """Whether another engine should be asked now."""
        return now < self._rests_until.get(engine, 0.0)
