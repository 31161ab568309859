"""The pages at the root: health, readiness, figures, the OpenAPI document and its reader."""

from __future__ import annotations

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from offhook.http.deps import Deps


class Health(msgspec.Struct, frozen=True):
    """State of the process in a word."""

    status: str


@get(
    "/healthz",
    operation_id="healthz",
    summary="Whether the process is alive",
    tags=["Operation"],
)
async def healthz() -> Health:
    """200 as long as the process serves requests at all."""
    return Health("ok")


@get(
    "/readyz",
    operation_id="readyz",
    summary="Whether new callflows are accepted",
    tags=["Operation"],
)
async def readyz(deps: NamedDependency[Deps]) -> Response[Health]:
    """200 ``ready``, or 503 with ``starting`` or ``draining``."""
    if deps.phase.draining.is_set():
        return Response(Health("draining"), status_code=503)
    if not deps.phase.ready:
        return Response(Health("starting"), status_code=503)
    return Response(Health("ready"), status_code=200)


@get(
    "/metrics",
    operation_id="metrics",
    summary="Figures of the process as Prometheus text",
    tags=["Operation"],
    media_type="text/plain",
)
async def metrics(deps: NamedDependency[Deps]) -> Response[bytes]:
    """Prometheus text format."""
    return Response(generate_latest(deps.registry), media_type=CONTENT_TYPE_LATEST)


handlers = [healthz, readyz, metrics]
