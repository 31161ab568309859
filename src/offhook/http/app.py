"""Puts the web application together: the edge in front, the routes by resource behind."""

from __future__ import annotations

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from offhook.http import (
    admin,
    answers,
    code_pages,
    deliveries,
    health,
    numbers,
    pages,
    problems,
    requests,
    scenarios,
    sessions,
    speech_profiles,
    views,
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
from offhook.http.openapi import document
from offhook.http.openapi_parts import Json
from offhook.http.params import AnyRequest, always, caller_of
from offhook.http.strict import strict_body

BELOW_SUB_ACCOUNT = (sessions, requests, speech_profiles, webhooks, deliveries, scenarios, numbers)


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


def openapi_document() -> Json:
    """The OpenAPI 3.1 document of the whole API."""
    modules = (*BELOW_SUB_ACCOUNT, admin, health, answers, problems, views)
    return document(_typed_routes(), modules)


def _typed_routes() -> list[ControllerRouterHandler]:
    """Every route but the callflow endpoints, which the edge serves itself."""
    below_sub_account = Router(
        API_PREFIX + "{subAccountId:str}",
        route_handlers=[module.router for module in BELOW_SUB_ACCOUNT],
        dependencies={"caller": Provide(_provide_caller, sync_to_thread=False)},
    )
    return [
        below_sub_account,
        admin.router,
        *health.handlers,
        *pages.handlers,
        *code_pages.handlers,
    ]


def _routes(deps: Deps, commander: Commander, streams: EventStreams) -> AsgiApp:
    provided = {
        "deps": deps,
        "commander": commander,
        "streams": streams,
        "pages": pages.Pages(openapi_document),
    }
    return Litestar(  # type: ignore[return-value]  # its scope is a TypedDict, ours any mapping
        route_handlers=_typed_routes(),
        dependencies={name: always(value) for name, value in provided.items()},
        before_request=strict_body,
        exception_handlers=ErrorPages(deps.clock).handlers(),
        request_max_body_size=deps.limits.body_bytes,
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


def _provide_caller(request: AnyRequest) -> Caller:
    return caller_of(request)
