"""``/admin/v1/nodes``: the processes of the installation, and orders to drain one; for the operator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from offhook.clock import iso_milliseconds
from offhook.http.deps import Deps
from offhook.http.edge.paths import ADMIN_PREFIX
from offhook.http.refusals import NOT_FOUND, Refused
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.ports.record import DEAD_AFTER, NodeRole


class ClusterNode(View, frozen=True, kw_only=True):
    """One process of the installation."""

    name: str
    """Machine, SIP address and worker; of an API process, with `/api`."""
    role: NodeRole
    up: bool
    """Whether its heartbeats come."""
    version: str | None = None
    """Of Offhook; absent: it has said nothing of itself."""
    since: str | None = None
    """When it started."""
    sessions: int
    """Sessions that run there."""
    capacity: int | None = None
    """How many may run there at once."""
    drained_since: str | None = None
    """When it was told to begin no sessions; absent: it begins them."""


class ClusterNodes(View, frozen=True, kw_only=True):
    """All of them, by name."""

    nodes: list[ClusterNode]
    """The processes."""
    status_code: int
    status_message: str


class DrainRequest(View, frozen=True, kw_only=True):
    """Which node begins no sessions, or begins them again."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    """As `GET /admin/v1/nodes` names it."""
    drain: bool
    """True: begin none. False: begin them again."""


@get("/nodes", operation_id="listNodes", summary="The processes of the installation")
async def list_nodes(deps: NamedDependency[Deps]) -> ClusterNodes:
    """Version, load and start of each, over all machines."""
    return await _all(deps)


@post(
    "/nodes",
    status_code=200,
    operation_id="drainNode",
    summary="Let a voice node begin no sessions, or begin them again",
)
async def drain_node(deps: NamedDependency[Deps], data: JSONBody[DrainRequest]) -> ClusterNodes:
    """Its calls go on to their ends; the other nodes take what waits. The order outlives a restart."""
    now = deps.clock.now()
    voices = {n.name for n in (await deps.store.installation()).nodes if n.role is NodeRole.VOICE}
    since = now if data.drain else None
    if data.name not in voices or not await deps.store.order_drain(data.name, since):
        raise Refused(NOT_FOUND, "No such voice node")
    deps.fabric.publish("nodes")
    return await _all(deps)


async def _all(deps: Deps) -> ClusterNodes:
    now = deps.clock.now()
    facts = {each.name: each for each in await deps.store.node_facts()}
    nodes = []
    for node in (await deps.store.installation()).nodes:
        told = facts.get(node.name)
        nodes.append(
            ClusterNode(
                name=node.name,
                role=node.role,
                up=node.heartbeat_at is not None and now - node.heartbeat_at < DEAD_AFTER,
                version=None if told is None else told.version,
                since=None if told is None else iso_milliseconds(told.since),
                sessions=node.sessions,
                capacity=told.capacity if told is not None and told.capacity else None,
                drained_since=None if told is None else _time(told.drained_since),
            )
        )
    return ClusterNodes(nodes=nodes, status_code=OK_CODE, status_message=OK_MESSAGE)


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso_milliseconds(at)


router = Router(ADMIN_PREFIX, route_handlers=[list_nodes, drain_node], tags=["Administration"])
