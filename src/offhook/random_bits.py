"""Random numbers of the operating system, taken from a stock.

``os.urandom`` releases the GIL, and a busy process then waits to get it back: a call draws about ten
tags, branches and identifiers, so the stock is filled for hundreds of them at once. The numbers are as
unpredictable as those of :mod:`secrets`: each comes from ``os.urandom`` and is given out once.
"""

from __future__ import annotations

import os
import random
from typing import final

WIDTH = 80
"""Bits of one number of the stock."""
_OCTETS = WIDTH // 8
_STOCK = 256
"""Numbers read at once."""

_stock: list[int] = []
"""Threads share it: ``list.pop`` gives each number to one of them."""
os.register_at_fork(after_in_child=_stock.clear)


def random_bits(count: int) -> int:
    """A number of ``count`` random bits, from 0 to 80. Raises ValueError for other counts."""
    if not 0 <= count <= WIDTH:
        raise ValueError(f"from 0 to {WIDTH} bits, not {count}")
    try:
        number = _stock.pop()
    except IndexError:
        number = _refill()
    return number >> (WIDTH - count)


def _refill() -> int:
    fresh = os.urandom(_OCTETS * _STOCK)
    numbers = [
        int.from_bytes(fresh[start : start + _OCTETS], "big")
        for start in range(0, len(fresh), _OCTETS)
    ]
    last = numbers.pop()
    _stock.extend(numbers)
    return last


@final
class StockRandom(random.SystemRandom):
    """:class:`random.SystemRandom` over the stock: for code that takes a :class:`random.Random`."""

    def getrandbits(self, k: int, /) -> int:
        """``k`` random bits."""
        return random_bits(k) if k <= WIDTH else super().getrandbits(k)
