"""Which parts of a file are free: first fit, neighbours joined. Pure."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

PAGE: Final = 4096
"""Octets: extents begin and end at pages, so that no two share one."""


class Extents:
    """The free parts of ``capacity`` octets."""

    def __init__(self, capacity: int) -> None:
        whole = capacity // PAGE * PAGE
        self._free: list[tuple[int, int]] = [(0, whole)] if whole else []
        """Start and end of each, in order; no two touch."""
        self.free = whole
        """Octets."""

    @staticmethod
    def rounded(size: int) -> int:
        """The octets that an extent of ``size`` takes."""
        return -(-size // PAGE) * PAGE

    def take(self, size: int) -> int | None:
        """The start of an extent for ``size`` octets (at least 1); None: there is no such room."""
        size = self.rounded(size)
        for index, (start, end) in enumerate(self._free):
            if end - start >= size:
                if end - start == size:
                    del self._free[index]
                else:
                    self._free[index] = (start + size, end)
                self.free -= size
                return start
        return None

    def give_back(self, start: int, size: int) -> None:
        """An extent of ``size`` octets that :meth:`take` gave is free again."""
        end = start + self.rounded(size)
        self.free += end - start
        index = bisect_left(self._free, (start, end))
        if index < len(self._free) and self._free[index][0] == end:
            end = self._free.pop(index)[1]
        if index and self._free[index - 1][1] == start:
            start = self._free.pop(index - 1)[0]
            index -= 1
        self._free.insert(index, (start, end))
