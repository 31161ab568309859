"""The garbage collector's settings: a collection stops every call of a process at once.

Calls free themselves when they end (``tests/integration/test_memory_of_calls.py``), so that there is hardly
anything to collect. Two settings keep the rest short: what a process is made of is never looked at again,
and the oldest generation is looked at seldom.
"""

from __future__ import annotations

import gc

YOUNG = 5_000
"""Objects made and not freed before the youngest generation is looked at: about 1 ms."""
OLDER = 50
"""Collections of one generation before the next older one is looked at."""


def collect_seldom() -> None:
    """For a process that begins: what is imported is never looked at again."""
    keep()
    gc.set_threshold(YOUNG, OLDER, OLDER)


def keep() -> None:
    """What lives now lives as long as the process: never look at it again.

    To be called before the first call, since it makes a full collection.
    """
    gc.collect()
    gc.freeze()
