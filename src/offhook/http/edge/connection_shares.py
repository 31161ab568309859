"""Limits the connections of each address, and selects the one to close when there are too many.

A connection is *silent* until its first byte, *half-open* until a request's headers are complete, and
*busy* from then on. One address holds at most its share of all connections, and a smaller share of
silent and half-open ones, so that an address that opens connections and sends nothing leaves room for
other addresses. When a share or the total is full, the oldest silent connection is closed (of that
address, or of all), else the oldest half-open one. A new connection is refused only when all others are
busy.

Pure: it selects the connection; the server closes it. Every operation takes constant time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

C = TypeVar("C")


class SharedConnection(ABC):
    """A connection that can be asked to close for another."""

    @abstractmethod
    def give_way(self) -> None:
        """Close: another connection takes this one's place, or there are too many."""


class Stage(Enum):
    """The stage of a connection."""

    SILENT = "silent"
    HALF_OPEN = "half-open"
    BUSY = "busy"
    """A request's headers are complete, or it waits for the next request."""


WAITING = (Stage.SILENT, Stage.HALF_OPEN)


@dataclass(slots=True)
class _Queue(Generic[C]):
    """Connections by stage, the oldest first."""

    by_stage: dict[Stage, OrderedDict[C, None]] = field(
        default_factory=lambda: {stage: OrderedDict() for stage in Stage}
    )

    def count(self, *stages: Stage) -> int:
        return sum(len(self.by_stage[stage]) for stage in stages)

    def first_to_go(self) -> C | None:
        for stage in WAITING:
            if self.by_stage[stage]:
                return next(iter(self.by_stage[stage]))
        return None


class ConnectionShares(Generic[C]):
    """``C`` is the type of a connection."""

    def __init__(self, *, total: int, per_address: int, half_open_per_address: int) -> None:
        self._total = total
        self._per_address = per_address
        self._half_open_per_address = half_open_per_address
        self._all = _Queue[C]()
        self._by_address: dict[str, _Queue[C]] = defaultdict(_Queue)
        self._known: dict[C, tuple[str | None, Stage]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def arrive(self, connection: C, address: str | None) -> C | None:
        """Add a new connection; returns the one to close for it, or itself if it is refused.

        ``address`` is None for a proxy of the operator's: all its clients come from one address.
        """
        goes: C | None = None
        if len(self._known) >= self._total:
            goes = self._all.first_to_go() or connection
        if address is not None and goes is not connection:
            queue = self._by_address[address]
            full = queue.count(*Stage) >= self._per_address
            if full or queue.count(*WAITING) >= self._half_open_per_address:
                goes = queue.first_to_go() or connection
        if goes is connection:
            return connection
        if goes is not None:
            self.leave(goes)
        self._put(connection, address, Stage.SILENT)
        return goes

    def move(self, connection: C, stage: Stage) -> None:
        """A connection has come to another stage; it keeps its place only within one stage."""
        known = self._known.get(connection)
        if known is not None and known[1] is not stage:
            self.leave(connection)
            self._put(connection, known[0], stage)

    def leave(self, connection: C) -> None:
        """A connection is closed."""
        known = self._known.pop(connection, None)
        if known is None:
            return
        address, stage = known
        del self._all.by_stage[stage][connection]
        if address is not None:
            queue = self._by_address[address]
            del queue.by_stage[stage][connection]
            if not queue.count(*Stage):
                del self._by_address[address]

    def _put(self, connection: C, address: str | None, stage: Stage) -> None:
        self._known[connection] = (address, stage)
        self._all.by_stage[stage][connection] = None
        if address is not None:
            self._by_address[address].by_stage[stage][connection] = None
