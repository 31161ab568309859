"""The OpenAPI 3.1 document: the routes' own types, completed by what every endpoint may answer.

Litestar describes the typed routes; here come the callflow endpoints, which are served in front of
it, the errors with an example of each, and the texts that stand in the types' docstrings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from types import ModuleType
from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler

from offhook.http import refusals
from offhook.http.callflow_answers import (
    CallAccepted,
    CallflowAccepted,
    CallflowRefused,
    CallRefused,
)
from offhook.http.edge.paths import ADMIN_PREFIX, API_PREFIX
from offhook.http.openapi.callflow_paths import callflow_paths
from offhook.http.openapi.callflow_schemas import callflow_schemas
from offhook.http.openapi.parts import (
    EXAMPLE_TIME,
    REQUEST_ID,
    SUB_ACCOUNT_SCHEMA,
    Json,
    error_name,
    response,
)
from offhook.http.openapi.schemas import collapse, complete_schema, struct_types
from offhook.http.openapi.webhook_bodies import BODIES, webhook_operations, webhook_schemas
from offhook.http.refusals import Refusal, refusal_answer
from offhook.http.resources.params import always

DESCRIPTION = (
    "Submit callflows, follow and end sessions, manage webhooks and scenarios. Every error is JSON; "
    "`X-Request-Id` is echoed, or made, on every answer."
)
NULLABLE_TYPES = frozenset(
    {
        "CallActionPayload",
        "DeliveryAttempt",
        "DeliveryView",
        "Digits",
        "KeyRequest",
        "NumberBody",
        "ParameterBody",
        "PushRequest",
        "RetriesBody",
        "RotateRequest",
        "ScenarioRequest",
        "SubAccountBody",
        "WebhookRequest",
    }
)
"""Types whose members may be null: request bodies, and where a null says something. In all others an
absent member is left out."""

ALWAYS = (
    refusals.BAD_REQUEST,
    refusals.TIMEOUT,
    refusals.HEADERS_TOO_LARGE,
    refusals.INTERNAL,
    refusals.UNAVAILABLE,
)
ADMITTED = (refusals.UNAUTHORIZED, refusals.INVALID, refusals.TOO_MANY)
BELOW_SUB_ACCOUNT = (*ADMITTED, refusals.FORBIDDEN, refusals.SUB_ACCOUNT_NOT_FOUND)


_OWN_TYPES = (
    CallflowAccepted,
    CallflowRefused,
    CallAccepted,
    CallRefused,
    refusals.ErrorBody,
    *(payload for _, _, _, payload in BODIES),
)
"""Types that no typed route returns."""


def document(handlers: Sequence[ControllerRouterHandler], modules: Iterable[ModuleType]) -> Json:
    """The document of the routes ``handlers``; ``modules`` hold the types they use."""
    spec = _of_litestar(handlers)
    schemas = spec["components"]["schemas"]
    types = dict(struct_types(modules))
    for name, schema in schemas.items():
        complete_schema(schema, types.get(name), nullable=name in NULLABLE_TYPES)
    _, definitions = msgspec.json.schema_components(
        _OWN_TYPES,
        ref_template="#/components/schemas/{name}",
    )
    for name, schema in definitions.items():
        schemas[name] = complete_schema(schema, types.get(name), nullable=name in NULLABLE_TYPES)
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            _complete_operation(path, method, operation)
    spec["paths"] = {**callflow_paths(), **spec["paths"]}
    schemas.update(callflow_schemas())
    schemas.update(webhook_schemas())
    spec["webhooks"] = webhook_operations()
    spec["components"]["responses"] = _shared_responses()
    spec["components"]["securitySchemes"] = {"apiKey": {"type": "http", "scheme": "bearer"}}
    cleaned: Json = _clean(spec)
    return cleaned


def _of_litestar(handlers: Sequence[ControllerRouterHandler]) -> Json:
    """What Litestar makes of the typed routes; this application serves nothing."""
    app = Litestar(
        route_handlers=handlers,
        dependencies={name: always(None) for name in ("deps", "commander", "streams", "pages")},
        openapi_config=OpenAPIConfig(
            title="Offhook",
            version=version("offhook"),
            description=DESCRIPTION,
            render_plugins=[JsonRenderPlugin()],
        ),
        logging_config=None,
    )
    spec: Json = app.openapi_schema.to_schema()
    return spec


# --- the typed routes


LINKS = "/messages/download/{token}"
"""How paths end that need no key: the link itself is secret."""
_EVENT_STREAM: Json = {
    "schema": {
        "type": "string",
        "description": "Server-sent events (WHATWG HTML, section 9.2). Each has its number as `id`, "
        "its name as `event` and its JSON as `data`; comments keep the connection open. The stream "
        "ends after `SESSION_ENDED`.",
    },
    "examples": {
        "queued": {
            "value": "id: 1\nevent: SESSION_QUEUED\n"
            'data: {"number":1,"event":"SESSION_QUEUED","timestamp":"2024-07-03T05:59:32.226Z"}\n\n'
        }
    },
}


def _complete_operation(path: str, method: str, operation: Json) -> None:
    for status in list(operation["responses"]):
        if status == "400":  # Litestar's own validation error; we answer 422 instead
            del operation["responses"][status]
    if path.startswith((API_PREFIX, ADMIN_PREFIX)):
        operation["security"] = [] if path.endswith(LINKS) else [{"apiKey": []}]
    for refusal in _refused_as(path, operation):
        shared = {"$ref": f"#/components/responses/{error_name(refusal.status)}"}
        own = operation["responses"].setdefault(str(refusal.status), shared)
        if own is not shared and refusal is refusals.UNAVAILABLE:
            _or_error(own)
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "subAccountId" and path.startswith(API_PREFIX):
            parameter["schema"] = SUB_ACCOUNT_SCHEMA
        elif not parameter.get("required") and "oneOf" in parameter["schema"]:
            collapse(parameter["schema"])
    stream = operation["responses"].get("200", {}).get("content", {}).get("text/event-stream")
    if stream is not None:
        operation["responses"]["200"]["description"] = "The session's events, as they happen"
        stream.update(_EVENT_STREAM)
    operation["parameters"] = sorted(
        operation.get("parameters", ()), key=lambda each: each["name"] != "subAccountId"
    )


def _refused_as(path: str, operation: Json) -> list[Refusal]:
    """Every way in which the server refuses this request before its own code runs."""
    refused_as = [*ALWAYS]
    if path.startswith(API_PREFIX):
        refused_as += BELOW_SUB_ACCOUNT
    elif path.startswith(ADMIN_PREFIX):
        refused_as += (*ADMITTED, refusals.NOT_FOUND)
    if "requestBody" in operation:
        refused_as.append(refusals.TOO_LARGE)
    return refused_as


def _or_error(response: Json) -> None:
    """A 503 of the route's own; the server's, such as at too many connections, is an error."""
    content = response["content"]["application/json"]
    error = {"$ref": "#/components/schemas/ErrorBody"}
    content["schema"] = {"anyOf": [content["schema"], error]}


def _shared_responses() -> Json:
    """One response for each kind of error, with its example."""
    responses = {}
    for refusal in (*refusals.BY_STATUS.values(),):
        message = refusal.message + (
            "acme_corp" if refusal is refusals.SUB_ACCOUNT_NOT_FOUND else ""
        )
        example = refusal_answer(refusal, EXAMPLE_TIME, message=message, error_id=REQUEST_ID).body
        responses[error_name(refusal.status)] = response(
            refusal.message,
            "ErrorBody",
            {"error": {"value": msgspec.json.decode(example)}},
            refusal.status,
        )
    return responses


def _clean(value: Any) -> Any:
    """Without the flags that say nothing, and with patterns that JSON Schema readers know."""
    if isinstance(value, dict):
        noise = ("deprecated", "allowEmptyValue", "allowReserved")
        return {
            key: each.replace("\\Z", "$")
            if key == "pattern" and isinstance(each, str)
            else _clean(each)
            for key, each in value.items()
            if not (key in noise and each is False) and not (key == "headers" and each == {})
        }
    return [_clean(each) for each in value] if isinstance(value, list) else value
