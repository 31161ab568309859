"""Limits what each owner may hold at once: requests being served, open event streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class ShareTaken(Exception):
    """The owner holds its whole share already."""


class PlacesTaken:
    """At most ``share`` places for each owner; memory only for owners that hold some."""

    def __init__(self, share: int) -> None:
        self._share = share
        self._held: Counter[str] = Counter()

    def take(self, owner: str) -> None:
        """Take a place. Raises :class:`ShareTaken`."""
        if self._held[owner] >= self._share:
            raise ShareTaken
        self._held[owner] += 1

    def give_back(self, owner: str) -> None:
        """Return a place."""
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]

    @contextmanager
    def held(self, owner: str) -> Iterator[None]:
        """Hold a place while the block runs. Raises :class:`ShareTaken`."""
        self.take(owner)
        try:
            yield
        finally:
            self.give_back(owner)

    def __len__(self) -> int:
        return sum(self._held.values())
