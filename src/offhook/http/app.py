"""Puts the web application together: the edge's layers in front, the resources behind.

From the outside in: an id for each request, the count, the answer for what fails, the admission.
Then the callflow endpoints, which the contract defines, or the routes of all others.
"""

from __future__ import annotations

from collections.abc import Callable

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from offhook.http import callflow_answers, refusals
from offhook.http.asgi import AsgiApp, Receive, Scope, Send, send_answer
from offhook.http.commander import Commander
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.edge.admission import Admission
from offhook.http.edge.count import Count
from offhook.http.edge.identify import Identify
from offhook.http.edge.key_use import KeyUse
from offhook.http.edge.last_resort import LastResort
from offhook.http.edge.paths import API_PREFIX, Area
from offhook.http.edge.request_context import context_of
from offhook.http.http_metrics import HttpMetrics
from offhook.http.inner_api import InnerApi
from offhook.http.openapi import webhook_bodies
from offhook.http.openapi.document import document
from offhook.http.openapi.parts import Json
from offhook.http.resources import (
    admin,
    api_docs,
    campaign_views,
    campaigns,
    cluster_nodes,
    code_pages,
    erasures,
    health,
    media_files,
    message_exports,
    number_assignments,
    number_bodies,
    operation,
    operator_sessions,
    opt_out_list,
    opt_out_settings,
    recording_push,
    recordings,
    registered_phones,
    requests,
    scenario_templates,
    session_views,
    sessions,
    speech_profiles,
    stored_menus,
    usage_report,
    virtual_numbers,
    webhook_deliveries,
    webhook_settings,
)
from offhook.http.resources.callflows import CallflowEndpoints, CallflowRequest
from offhook.http.resources.event_stream import EventStreams
from offhook.http.resources.params import AnyRequest, always, caller_of
from offhook.http.resources.route_failures import RouteFailures
from offhook.http.resources.strict_body import strict_body
from offhook.http.resources.strict_query import strict_query
from offhook.session import target_lists
from offhook.session.ports.api_door import ApiDoor

BELOW_SUB_ACCOUNT = (
    sessions,
    requests,
    speech_profiles,
    webhook_settings,
    webhook_deliveries,
    scenario_templates,
    virtual_numbers,
    opt_out_list,
    recordings,
    recording_push,
    usage_report,
    campaigns,
    stored_menus,
    media_files,
    message_exports,
)


MakeConsole = Callable[[ApiDoor], AsgiApp]
"""Makes the pages for people, which act through the API."""


def create_app(deps: Deps, make_console: MakeConsole | None = None) -> AsgiApp:
    """The ASGI application of the API process; with None there is no console."""
    metrics = HttpMetrics(deps.registry)
    commander = Commander(deps.fabric)
    key_use = KeyUse(deps.store, deps.clock)
    routes = _routes(deps, commander, EventStreams(deps, metrics))
    resources = Resources(deps, routes, CallflowEndpoints(deps, metrics, commander))
    app: AsgiApp = resources
    if make_console is not None:
        inner = InnerApi(LastResort(resources, deps.clock), deps)
        app = WithConsole(resources, make_console(inner))
    app = Admission(app, deps, key_use)
    app = LastResort(app, deps.clock)
    app = Count(app, metrics, deps.clock)
    app = Identify(app)
    return Application(app, key_use)


def openapi_document() -> Json:
    """The OpenAPI 3.1 document of the whole API."""
    modules = (
        *BELOW_SUB_ACCOUNT,
        admin,
        number_assignments,
        number_bodies,
        opt_out_settings,
        cluster_nodes,
        registered_phones,
        erasures,
        operation,
        operator_sessions,
        health,
        callflow_answers,
        refusals,
        session_views,
        campaign_views,
        target_lists,
        webhook_bodies,
    )
    return document(_typed_routes(), modules)


class Application:
    """Separates the ASGI server's requests from its lifespan events."""

    def __init__(self, app: AsgiApp, key_use: KeyUse) -> None:
        self._app = app
        self._key_use = key_use

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope of the ASGI server."""
        if scope["type"] == "lifespan":
            await receive()
            self._key_use.start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self._key_use.close()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            await self._app(scope, receive, send)


class WithConsole:
    """Serves an admitted request: the console its own pages, the API all others."""

    def __init__(self, resources: AsgiApp, console: AsgiApp) -> None:
        self._resources = resources
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_console = context_of(scope).place.area is Area.CONSOLE
        await (self._console if is_console else self._resources)(scope, receive, send)


class Resources:
    """Serves an admitted request: the callflow endpoints itself, all others by the routes."""

    def __init__(self, deps: Deps, routes: AsgiApp, callflows: CallflowEndpoints) -> None:
        self._deps = deps
        self._routes = routes
        self._callflows = callflows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        context = context_of(scope)
        place, caller = context.place, context.caller
        if place.endpoint is not None and caller is not None:
            if scope["method"] != "POST":
                allow = ((b"allow", b"POST"),)
                refusal = refusals.METHOD_NOT_ALLOWED
                now = self._deps.clock.now()
                await send_answer(send, refusals.refusal_answer(refusal, now, headers=allow))
                return
            request = CallflowRequest(context.request_id, caller, scope["headers"], receive)
            answer = await self._callflows.answer(request, place.endpoint, place.session_id)
            await send_answer(send, answer)
            return
        method = scope["method"]
        if method == "OPTIONS":
            # We serve neither method. The routes' own answer to OPTIONS would list wrong methods.
            method = "TRACE"
        elif method == "HEAD" and place.area is Area.PAGE:
            method = "GET"
        await self._routes({**scope, "method": method}, receive, send)


def _typed_routes() -> list[ControllerRouterHandler]:
    """Every route but the callflow endpoints."""
    below_sub_account = Router(
        API_PREFIX + "{subAccountId:str}",
        route_handlers=[module.router for module in BELOW_SUB_ACCOUNT],
        dependencies={"caller": Provide(_provide_caller, sync_to_thread=False)},
    )
    return [
        below_sub_account,
        admin.router,
        erasures.router,
        cluster_nodes.router,
        registered_phones.router,
        number_assignments.router,
        operation.router,
        operator_sessions.router,
        usage_report.admin_router,
        *health.handlers,
        *api_docs.handlers,
        *code_pages.handlers,
        *recordings.handlers,
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
        before_request=_judge_strictly,
        exception_handlers=RouteFailures(deps.clock).handlers(),
        request_max_body_size=deps.limits.body_bytes,
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


async def _judge_strictly(request: AnyRequest) -> None:
    if context_of(request.scope).place.area is not Area.PAGE:
        strict_query(request)
    await strict_body(request)


def _provide_caller(request: AnyRequest) -> Caller:
    return caller_of(request)
