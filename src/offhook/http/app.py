"""Puts the web application together: the edge in front, the routes by resource behind."""

from __future__ import annotations

from litestar import Litestar, Router
from litestar.di import Provide

from offhook.http import (
    admin,
    deliveries,
    health,
    numbers,
    requests,
    scenarios,
    sessions,
    speech_profiles,
    webhooks,
)
from offhook.http.asgi import AsgiApp
from offhook.http.auth import Caller
from offhook.http.callflows import CallflowEndpoints
from offhook.http.commands import Commander
from offhook.http.deps import Deps
from offhook.http.edge import API_PREFIX, Edge
from offhook.http.errors import ErrorPages
from offhook.http.event_stream import EventStreams
from offhook.http.key_use import KeyUse
from offhook.http.metrics import HttpMetrics
from offhook.http.params import AnyRequest, caller_of


def create_app(deps: Deps) -> AsgiApp:
    """The ASGI application of the API process."""
    metrics = HttpMetrics(deps.registry)
    commander = Commander(deps.fabric)
    return Edge(
        deps=deps,
        routes=_routes(deps, commander, EventStreams(deps, metrics)),
        callflows=CallflowEndpoints(deps, metrics, commander),
        metrics=metrics,
        key_use=KeyUse(deps.store, deps.clock),
    )


def sub_account_router() -> Router:
    """Every route below a sub-account but the callflow endpoints."""
    return Router(
        API_PREFIX + "{subAccountId:str}",
        route_handlers=[
            sessions.router,
            requests.router,
            speech_profiles.router,
            webhooks.router,
            deliveries.router,
            scenarios.router,
            numbers.router,
        ],
        dependencies={"caller": Provide(_provide_caller, sync_to_thread=False)},
    )


def _routes(deps: Deps, commander: Commander, streams: EventStreams) -> AsgiApp:
    return Litestar(  # type: ignore[return-value]  # its scope is a TypedDict, ours any mapping
        route_handlers=[sub_account_router(), admin.router, *health.handlers],
        dependencies={
            "deps": Provide(lambda: deps, sync_to_thread=False),
            "commander": Provide(lambda: commander, sync_to_thread=False),
            "streams": Provide(lambda: streams, sync_to_thread=False),
        },
        exception_handlers=ErrorPages(deps.clock).handlers(),
        request_max_body_size=deps.limits.body_bytes,
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


def _provide_caller(request: AnyRequest) -> Caller:
    return caller_of(request)
