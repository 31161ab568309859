"""The pages at the root: health, readiness, figures, the OpenAPI document and its reader."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from offhook.http.deps import Deps
from offhook.session.ports.record import StoreUnavailable

PROMETHEUS = CONTENT_TYPE_LATEST.partition("; charset")[0]
"""The framework adds the charset."""

STORE_SECONDS = 2.0
"""How long the database may take to answer."""


class Health(msgspec.Struct, frozen=True):
    """State of the process in a word."""

    status: str


@get(
    "/healthz",
    operation_id="getHealth",
    summary="Whether the process is alive",
    tags=["Operation"],
)
async def healthz() -> Health:
    """200 as long as the process serves requests at all."""
    return Health("ok")


@get(
    "/readyz",
    operation_id="getReadiness",
    summary="Whether new callflows are accepted",
    tags=["Operation"],
)
async def readyz(deps: NamedDependency[Deps]) -> Response[Health]:
    """200 ``ready``, or 503 with ``starting``, ``draining`` or ``no database``."""
    if deps.phase.draining.is_set():
        return Response(Health("draining"), status_code=503)
    if not deps.phase.ready:
        return Response(Health("starting"), status_code=503)
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await deps.store.tenancy_version()
    except (StoreUnavailable, TimeoutError):
        return Response(Health("no database"), status_code=503)
    return Response(Health("ready"), status_code=200)


@get(
    "/metrics",
    operation_id="getMetrics",
    summary="Figures of the process as Prometheus text",
    tags=["Operation"],
    media_type="text/plain",
)
async def metrics(deps: NamedDependency[Deps]) -> Response[bytes]:
    """Prometheus text format."""
    return Response(generate_latest(deps.registry), media_type=PROMETHEUS)


handlers = [healthz, readyz, metrics]
