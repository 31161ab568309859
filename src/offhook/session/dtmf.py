"""Reports each DTMF digit once, even if the phone sends it in several ways.

A phone may send the same press as RFC 4733 events (or as tones) and as SIP INFO. The same digit in
another way within :data:`WINDOW` seconds is a repetition.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

WINDOW = 1.0
"""Seconds by which one way may lag behind another."""
REMEMBERED = 64
"""Presses kept at the most."""


class _ReportedPress(NamedTuple):
    key: str
    at: float
    ways: set[str]


class DtmfDeduplicator:
    """Recognises repeated reports of one press."""

    def __init__(self) -> None:
        self._recent: deque[_ReportedPress] = deque(maxlen=REMEMBERED)

    def is_new(self, key: str, at: float, way: str) -> bool:
        """Whether the press was not reported before; ``at`` in monotonic seconds."""
        while self._recent and at - self._recent[0].at > WINDOW:
            self._recent.popleft()
        for press in self._recent:
            if press.key == key and way not in press.ways:
                press.ways.add(way)
                return False
        self._recent.append(_ReportedPress(key, at, {way}))
        return True
