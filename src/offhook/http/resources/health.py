"""The pages at the root that machines read: health, readiness and metrics.

The state of the whole installation comes from the heartbeats in the store: every voice node and
every API process writes one every two seconds. A fresh heartbeat of an API process shows that the
database can be written; on a full disk it cannot.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from enum import StrEnum

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from offhook.http.deps import Deps
from offhook.process_metrics import exposition
from offhook.session.ports.record import DEAD_AFTER, NodeRole, StoreUnavailable

PROMETHEUS = CONTENT_TYPE_LATEST.partition("; charset")[0]
"""The framework adds the charset."""

STORE_SECONDS = 2.0
"""Seconds that the database may take to answer ``/readyz``."""
PROBE_SECONDS = 0.5
"""The same for ``/healthz``: the orchestrator restarts the process when the answer is late."""


class Readiness(StrEnum):
    """Why new callflows are accepted and served, or why not; the first that holds."""

    DRAINING = "draining"
    STARTING = "starting"
    NO_DATABASE = "no database"
    """It cannot be read."""
    READ_ONLY = "database cannot be written"
    """The disk may be full."""
    NO_VOICE_NODE = "no voice node"
    """Callflows would be stored and wait."""
    READY = "ready"


class Health(msgspec.Struct, frozen=True):
    """State of the process in a word."""

    status: str
    """`ok` as long as it answers at all; of `/readyz` `ready`, or the reason why not."""


class ProcessHealth(Health, frozen=True, kw_only=True):
    """State of the process, and of what it needs."""

    readiness: Readiness
    """What `/readyz` says."""


@get(
    "/healthz",
    operation_id="getHealth",
    summary="Whether the process is alive",
    tags=["Operation"],
)
async def healthz(deps: NamedDependency[Deps]) -> ProcessHealth:
    """200 as long as the process serves requests at all: a restart mends nothing else."""
    return ProcessHealth("ok", readiness=await _readiness(deps, PROBE_SECONDS))


@get(
    "/readyz",
    operation_id="getReadiness",
    summary="Whether new callflows are accepted and served",
    tags=["Operation"],
    responses={
        503: ResponseSpec(
            Health,
            generate_examples=False,
            description="They are not: `status` says why",
        )
    },
)
async def readyz(deps: NamedDependency[Deps]) -> Response[Health]:
    """200 ``ready``, or 503 with the reason."""
    readiness = await _readiness(deps, STORE_SECONDS)
    status_code = 200 if readiness is Readiness.READY else 503
    return Response(Health(readiness), status_code=status_code)


@get(
    "/metrics",
    operation_id="getMetrics",
    summary="Figures of all processes of this machine as Prometheus text",
    tags=["Operation"],
    media_type="text/plain",
)
async def metrics(deps: NamedDependency[Deps]) -> Response[bytes]:
    """Prometheus text format."""
    text = await asyncio.to_thread(exposition, deps.registry)
    return Response(text, media_type=PROMETHEUS)


async def _readiness(deps: Deps, patience: float) -> Readiness:
    if deps.phase.draining.is_set():
        return Readiness.DRAINING
    if not deps.phase.ready:
        return Readiness.STARTING
    try:
        async with asyncio.timeout(patience):
            heartbeats = await deps.store.latest_heartbeats()
    except (StoreUnavailable, TimeoutError):
        return Readiness.NO_DATABASE
    now = deps.clock.now()
    if not _fresh(heartbeats.get(NodeRole.API), now):
        return Readiness.READ_ONLY
    if not _fresh(heartbeats.get(NodeRole.VOICE), now):
        return Readiness.NO_VOICE_NODE
    return Readiness.READY


def _fresh(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at < DEAD_AFTER


handlers = [healthz, readyz, metrics]
