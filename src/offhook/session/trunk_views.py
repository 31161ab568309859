"""What all nodes together know of the trunks."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from offhook.session.ports.operating import TrunkState
from offhook.session.ports.stores import Store

SILENT: Final = timedelta(seconds=30)
"""A node without a heartbeat for this time does not count."""


async def known_trunks(store: Store, now: datetime) -> Mapping[str, TrunkState]:
    """What the live nodes know of each trunk, by its name."""
    states = await store.trunk_states()
    up = {state.trunk for _, state in states if state.up}
    down = {state.trunk for _, state in states if not state.up}
    if not up & down:
        return trunk_views(states, live=())
    nodes = (await store.installation()).nodes
    live = {each.name for each in nodes if each.heartbeat_at and each.heartbeat_at > now - SILENT}
    return trunk_views(states, live)


def trunk_views(
    states: Iterable[tuple[str, TrunkState]], live: Container[str]
) -> dict[str, TrunkState]:
    """What the nodes know of each trunk, together: it is up while it answers one of the ``live`` nodes.

    Where only dead nodes know a trunk, they count.
    """
    by_trunk: dict[str, list[tuple[str, TrunkState]]] = {}
    for node, state in states:
        by_trunk.setdefault(state.trunk, []).append((node, state))
    views = {}
    for trunk, known in by_trunk.items():
        counting = [state for node, state in known if node in live] or [each for _, each in known]
        views[trunk] = max(counting, key=lambda state: (state.up, state.since))
    return views
