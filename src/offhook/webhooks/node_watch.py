"""Finds nodes that have fallen silent, for the operator.

The heartbeats' times come from the clocks of other machines, so only their changes count: a node whose
heartbeat has not changed for :data:`SILENT_AFTER` seconds of our own clock is silent. While the database is
away no heartbeat changes; so the time begins anew when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple, final

from offhook.session.ports.record import NodeState

SILENT_AFTER = 15.0
"""Seconds: after nine the others end its sessions."""
OLD = timedelta(minutes=10)
"""A node that was silent for longer when this process started is one that is not used any more."""
LONGEST_GAP = 12.0
"""Seconds between two looks, after which the database counts as having been away."""


class NodeNews(NamedTuple):
    """A node has fallen silent, or is there again."""

    node: NodeState
    silent: bool


class _NodeSeen(NamedTuple):
    heartbeat_at: datetime
    at: float
    """Monotonic: when it was new."""


@final
class NodeWatch:
    """What one process has seen of the heartbeats of all nodes."""

    def __init__(self) -> None:
        self._seen: dict[str, _NodeSeen] = {}
        self._looked_at: float | None = None

    def look(self, nodes: Iterable[NodeState], now: datetime, at: float) -> Iterator[NodeNews]:
        """What is the case with each node that is silent or beats, from a reading at ``at`` (monotonic)."""
        was_away = self._looked_at is None or at - self._looked_at > LONGEST_GAP
        self._looked_at = at
        if was_away:
            self._seen = {name: seen._replace(at=at) for name, seen in self._seen.items()}
        for node in nodes:
            if node.heartbeat_at is None:
                self._seen.pop(node.name, None)
                yield NodeNews(node, silent=False)
                continue
            seen = self._seen.get(node.name)
            if seen is None or seen.heartbeat_at != node.heartbeat_at:
                if seen is None and now - node.heartbeat_at > OLD:
                    continue
                self._seen[node.name] = _NodeSeen(node.heartbeat_at, at)
                if seen is not None:
                    yield NodeNews(node, silent=False)
            elif at - seen.at >= SILENT_AFTER:
                yield NodeNews(node, silent=True)
