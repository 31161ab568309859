"""The garbage collector's settings: a collection stops every call of a process at once.

Calls free themselves when they end (``tests/integration/test_memory_of_calls.py``), so that there is
little to collect. Two settings make collections short: the objects from the start of a process are never
examined again, and the oldest generation is examined rarely.
"""

from __future__ import annotations

import gc

YOUNG = 5_000
"""Number of new objects before the youngest generation is collected: about 1 ms."""
OLDER = 50
"""Collections of one generation before the next older one is collected."""


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
