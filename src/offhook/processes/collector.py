"""When the garbage collector works: a collection stops every call of a process at once.

Objects are freed by their reference counts. Calls leave no cycles when they end
(``tests/integration/test_memory_of_calls.py``), so the collector finds nothing in normal work. It is
there for cycles that nobody knows of, such as those of an exception in a library.

Python begins a collection when 700 (here 5,000) more objects exist than at the last one, but examines
*all* objects since then: at 30 calls a second these were 25,000, and the pause was 6 to 12 ms; at ten times
as many calls it would be ten times as long. So a voice process turns this off and collects in moments
without calls (:func:`in_quiet_moments`). Only growth that its calls do not explain makes it collect earlier.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

YOUNG = 5_000
"""Number of new objects before the youngest generation is collected: about 1 ms."""
OLDER = 50
"""Collections of one generation before the next older one is collected."""

LOOK_EVERY = 1.0
"""Seconds between two looks whether the moment is quiet."""
QUIET_LOOKS = 2
"""Looks without a session, one after the other, that make a moment quiet."""
WORTHWHILE = 2_000
"""Objects more than after the last collection: with fewer the next one is not worth its time."""
MOST_SPARE = 250_000
"""Objects more than those that sessions explain: about 50 MB, and a pause of about 60 ms."""
PER_SESSION = 1_000
"""Objects that one session explains, generously: a ringing or connected call has 100 to 200."""


def collect_seldom() -> None:
    """For the start of a process: imported objects are never examined again."""
    keep()
    gc.set_threshold(YOUNG, OLDER, OLDER)


def keep() -> None:
    """All objects of this moment live as long as the process: never examine them again.

    To be called before the first call, since it makes a full collection.
    """
    gc.collect()
    gc.freeze()


class Moments:
    """Finds the moments for a collection. Pure: it is asked every :data:`LOOK_EVERY` seconds."""

    def __init__(self) -> None:
        self._quiet = 0

    def good(self, sessions: int, growth: int) -> bool:
        """Whether to collect now: ``sessions`` run, and ``growth`` more objects exist than after the
        last collection."""
        self._quiet = 0 if sessions else self._quiet + 1
        if self._quiet >= QUIET_LOOKS:
            return growth >= WORTHWHILE
        return growth >= MOST_SPARE + sessions * PER_SESSION


async def in_quiet_moments(sessions: Callable[[], int]) -> None:
    """Collect while no session runs, instead of whenever Python would; until canceled.

    ``sessions``: how many run now.
    """
    moments = Moments()
    gc.disable()
    try:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            running = sessions()
            if moments.good(running, gc.get_count()[0]):
                _collect(running)
    finally:
        gc.enable()


def _collect(running: int) -> None:
    began = time.perf_counter()
    found = gc.collect()
    milliseconds = (time.perf_counter() - began) * 1000
    if running:
        log.warning(
            "a garbage collection had to interrupt %d sessions for %.0f ms; it freed %d objects",
            running,
            milliseconds,
            found,
        )
