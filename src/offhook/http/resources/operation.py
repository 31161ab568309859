"""``/admin/v1``: how the installation is, and what was said on the wire; for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import PathParameter

from offhook import __version__
from offhook.clock import iso_milliseconds
from offhook.config import TrunkSection
from offhook.http.deps import Deps
from offhook.http.edge.paths import ADMIN_PREFIX
from offhook.http.refusals import NOT_FOUND, Refused
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.ports.operating import TrunkState
from offhook.session.ports.record import DEAD_AFTER, Installation, NodeRole, NodeState


class NodeView(View, frozen=True, kw_only=True):
    """A process of the installation."""

    name: str
    """Machine, SIP address and worker; of an API process, with `/api`."""
    role: NodeRole
    """`voice` runs calls, `api` answers requests."""
    up: bool
    """Whether its heartbeats come."""
    epoch: int
    """It grows with each start."""
    heartbeat_at: str | None = None
    """Absent: it has ended in an orderly way."""
    sessions: int
    """Sessions that run there."""


class TrunkView(View, frozen=True, kw_only=True):
    """A trunk and its use."""

    name: str
    """As the configuration names it."""
    address: str
    """Where its calls go."""
    channels_used: int
    """By calls of all nodes."""
    channels: int | None = None
    """The limit; absent: none."""
    cps: float | None = None
    """Calls a second at most; absent: no limit."""
    up: bool | None = None
    """Whether it answers calls and OPTIONS, on every node; absent: it was not called or asked yet."""
    since: str | None = None
    """Since when it is so."""
    detail: str | None = None
    """Why it counts as down, in words."""


class StatusAnswer(View, frozen=True, kw_only=True):
    """The installation at a glance."""

    version: str
    """Of the process that answers."""
    nodes: list[NodeView]
    """By name."""
    trunks: list[TrunkView]
    """Of the configuration."""
    sessions_running: int
    """On all nodes."""
    sessions_queued: int
    """Those that wait to be dialled."""
    oldest_queued_at: str | None = None
    """Since when the first of them waits."""
    sessions_passed_over: int
    """Waiting sessions that a node leaves to others: it does not know their sub-account or route."""
    webhooks_pending: int
    """Deliveries that wait for an attempt; counted to 100,000."""
    oldest_webhook_at: str | None = None
    """When the first of them fell due, or falls due."""
    status_code: int
    status_message: str


class SipMessageView(View, frozen=True, kw_only=True):
    """One SIP message, without digests and media keys."""

    at: str
    """When it went or came: ISO 8601, UTC."""
    sent: bool
    """False: received."""
    near: str
    """Our own address."""
    far: str
    """The other side's address."""
    text: str
    """The message, head and body."""


class SipTraceAnswer(View, frozen=True, kw_only=True):
    """What was said on the wire."""

    session_id: str
    """Of the session they belong to."""
    messages: list[SipMessageView]
    """In order."""
    status_code: int
    status_message: str


@get("/status", operation_id="getStatus", summary="The installation at a glance")
async def get_status(deps: NamedDependency[Deps]) -> StatusAnswer:
    """Nodes, queue, trunks and pending webhooks, over all machines."""
    seen, now = await deps.store.installation(), deps.clock.now()
    known = trunks_seen(await deps.store.trunk_states(), seen, now)
    return StatusAnswer(
        version=__version__,
        nodes=[
            NodeView(
                name=node.name,
                role=node.role,
                up=_is_up(node, now),
                epoch=node.epoch,
                heartbeat_at=_time(node.heartbeat_at),
                sessions=node.sessions,
            )
            for node in seen.nodes
        ],
        trunks=[
            _trunk_view(trunk, seen.channels_by_trunk.get(trunk.name, 0), known.get(trunk.name))
            for trunk in deps.config.trunks
        ],
        sessions_running=seen.running,
        sessions_queued=seen.queued,
        oldest_queued_at=_time(seen.oldest_queued_at),
        sessions_passed_over=seen.passed_over,
        webhooks_pending=seen.pending_deliveries,
        oldest_webhook_at=_time(seen.oldest_delivery_at),
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(
    "/sessions/{sessionId:str}/sip",
    operation_id="getSipTrace",
    summary="The SIP messages of a session",
)
async def get_sip_trace(
    deps: NamedDependency[Deps],
    session_id: Annotated[str, PathParameter(name="sessionId", max_length=64)],
) -> SipTraceAnswer:
    """Stored when it ended, as `sip.keep_traces` says: of those that failed, unless set otherwise."""
    messages = await deps.store.sip_trace(session_id)
    if not messages:
        raise Refused(NOT_FOUND, "No SIP messages are stored for this session")
    return SipTraceAnswer(
        session_id=session_id,
        messages=[
            SipMessageView(
                at=iso_milliseconds(message.at),
                sent=message.sent,
                near=message.near,
                far=message.far,
                text=message.text,
            )
            for message in messages
        ],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


def trunks_seen(
    states: Sequence[tuple[str, TrunkState]], seen: Installation, now: datetime
) -> dict[str, TrunkState]:
    """What the nodes that are up know of each trunk: down where it is silent for one of them."""
    live = {node.name for node in seen.nodes if _is_up(node, now)}
    known: dict[str, TrunkState] = {}
    for node, state in states:
        before = known.get(state.trunk)
        if node in live and (before is None or (before.up and not state.up)):
            known[state.trunk] = state
    return known


def _is_up(node: NodeState, now: datetime) -> bool:
    return node.heartbeat_at is not None and now - node.heartbeat_at < DEAD_AFTER


def _trunk_view(trunk: TrunkSection, used: int, state: TrunkState | None) -> TrunkView:
    return TrunkView(
        name=trunk.name,
        address=trunk.address,
        channels_used=used,
        channels=trunk.channels,
        cps=trunk.cps,
        up=None if state is None else state.up,
        since=None if state is None else _time(state.since),
        detail=None if state is None else state.detail,
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso_milliseconds(at)


router = Router(ADMIN_PREFIX, route_handlers=[get_status, get_sip_trace], tags=["Administration"])
