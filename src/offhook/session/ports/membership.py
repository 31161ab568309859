"""What the store knows of the processes of an installation beside their heartbeats, and orders to drain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

import msgspec


class NodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says of itself when it starts."""

    name: str
    version: str
    since: datetime
    """When it started."""
    capacity: int
    """Sessions it runs at once at the most; 0: it runs none."""
    drained_since: datetime | None = None
    """When an operator told it to begin no sessions. Kept over restarts, until the operator takes it
    back."""


class Membership(ABC):
    """The part of the store that tells an operator of its nodes, and nodes of the operator's orders."""

    @abstractmethod
    async def put_node_facts(self, facts: NodeFacts) -> None:
        """Replace what is known of a node; an order to drain stays."""

    @abstractmethod
    async def node_facts(self) -> Sequence[NodeFacts]:
        """Of every node, by name."""

    @abstractmethod
    async def order_drain(self, name: str, since: datetime | None) -> bool:
        """Drain a node since that time, or no longer (None); False: there is no such node."""

    @abstractmethod
    async def is_drained(self, name: str) -> bool:
        """Whether the operator drains the node: it begins no sessions."""
