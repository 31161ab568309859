"""The name that a process is registered under, where another machine already uses the one it asks for.

Two machines may be started with one name: a copied disk, a container's fixed host name. If the second took
over the first one's name, each would end the calls of the other for ever. So it gets a name of its own.

A process that is started again in the same place is the only one there, because it has the place's ports: it
takes its name over at once, and its old epoch is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from offhook.store.documents import micros
from offhook.store.rows import Row

FORGOTTEN_AFTER = timedelta(days=1)
"""Time without a heartbeat after which another machine may take over a name."""
_MOST_WITH_ONE_NAME = 1000


def candidates(name: str) -> Iterator[str]:
    """The name, then ``name~2``, ``name~3`` and so on."""
    yield name
    for number in range(2, _MOST_WITH_ONE_NAME):
        yield f"{name}~{number}"


def is_taken(row: Row | None, place: str, now: datetime) -> bool:
    """Whether a stored node (``place``, ``heartbeat_at``) may still run, in another place.

    An empty place is unknown: older versions store none.
    """
    if row is None or not place or row["place"] in ("", place):
        return False
    heartbeat_at: int = row["heartbeat_at"]
    return heartbeat_at > micros(now - FORGOTTEN_AFTER)
