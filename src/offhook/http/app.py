"""Puts the web application together: the edge in front, the routes by resource behind."""

from __future__ import annotations

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from offhook.http import callflow_answers, refusals
from offhook.http.asgi import AsgiApp
from offhook.http.commander import Commander
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.edge.admission import API_PREFIX, Edge
from offhook.http.edge.key_use import KeyUse
from offhook.http.http_metrics import HttpMetrics
from offhook.http.openapi.document import document
from offhook.http.openapi.parts import Json
from offhook.http.resources import (
    admin,
    api_docs,
    code_pages,
    health,
    requests,
    scenario_templates,
    session_views,
    sessions,
    speech_profiles,
    virtual_numbers,
    webhook_deliveries,
    webhook_settings,
)
from offhook.http.resources.callflows import CallflowEndpoints
from offhook.http.resources.event_stream import EventStreams
from offhook.http.resources.params import AnyRequest, always, caller_of
from offhook.http.resources.raised import ErrorPages
from offhook.http.resources.strict_body import strict_body

BELOW_SUB_ACCOUNT = (
    sessions,
    requests,
    speech_profiles,
    webhook_settings,
    webhook_deliveries,
    scenario_templates,
    virtual_numbers,
)


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
    modules = (*BELOW_SUB_ACCOUNT, admin, health, callflow_answers, refusals, session_views)
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
        *api_docs.handlers,
        *code_pages.handlers,
    ]


def _routes(deps: Deps, commander: Commander, streams: EventStreams) -> AsgiApp:
    provided = {
        "deps": deps,
        "commander": commander,
        "streams": streams,
        "pages": api_docs.Pages(openapi_document),
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
