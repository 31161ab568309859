"""Places for work, shared out fairly among owners.

First come, first served would let one sub-account's forty long texts keep every other caller waiting.
Each owner has a line of its own, and free places go to the owners in turn.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TooBusy(Exception):
    """An owner has too much waiting already, or waited too long; the text says which."""


class FairPlaces:
    """``size`` places. To be used on one loop.

    An owner holds at most ``per_owner`` of them and has at most ``waiting`` requests in line.
    """

    def __init__(
        self, size: int, *, per_owner: int | None = None, waiting: int, patience: float
    ) -> None:
        """``patience``: seconds a request waits in line."""
        self._free = size
        self._per_owner = per_owner or size
        self._waiting = waiting
        self._patience = patience
        self._held: dict[str, int] = {}
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """Of each owner that waits; the first has the next turn."""

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[None]:
        """Hold a place of ``owner``. Raises :class:`TooBusy`."""
        await self._take(owner)
        try:
            yield
        finally:
            self._give_back(owner)

    async def _take(self, owner: str) -> None:
        line = self._lines.get(owner)
        if line is None and self._free and self._may_hold(owner):
            self._grant(owner)
            return
        if line is not None and len(line) >= self._waiting:
            raise TooBusy("too many requests wait already")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(owner, deque()).append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._give_back(owner)  # the place was given at the moment the wait ended
            else:
                self._leave(owner, turn)
            if isinstance(error, TimeoutError):
                raise TooBusy("no place was free in time") from error
            raise

    def _may_hold(self, owner: str) -> bool:
        return self._held.get(owner, 0) < self._per_owner

    def _grant(self, owner: str) -> None:
        self._free -= 1
        self._held[owner] = self._held.get(owner, 0) + 1

    def _give_back(self, owner: str) -> None:
        self._free += 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        self._serve()

    def _serve(self) -> None:
        """Give free places to the lines in turn; a served owner goes to the end of the order."""
        for owner in list(self._lines):
            if not self._free:
                return
            if not self._may_hold(owner):
                continue
            line = self._lines[owner]
            while line and line[0].done():  # cancelled, and not yet removed from the line
                line.popleft()
            if line:
                self._grant(owner)
                line.popleft().set_result(None)
                self._lines.move_to_end(owner)
            self._tidy(owner)

    def _leave(self, owner: str, turn: asyncio.Future[None]) -> None:
        line = self._lines.get(owner)
        if line is not None and turn in line:
            line.remove(turn)
            self._tidy(owner)

    def _tidy(self, owner: str) -> None:
        if not self._lines[owner]:
            del self._lines[owner]
