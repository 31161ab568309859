"""The request body of the callflow endpoints as JSON Schema, made from the judge's own table.

It says what a schema can say: shapes, ranges, names. What depends on the sub-account, on several
values at once or on the time is the judgement's (``POST …/callflows/validate``).
"""

from __future__ import annotations

from typing import Any

from offhook.flow.kinds import DateTime, Kind, Text
from offhook.flow.table import DESTINATION, MOST_ACTIONS, ROWS, SOURCE, ActionRow, Param

Schema = dict[str, Any]

_IDENTIFIER = Text(255, 1)
_LEGACY_ALIASES = {"promptMessage": "text", "successMessage": "endMessage"}


def callflow_schema(*, first_is_call: bool) -> Schema:
    """Of ``POST …/callflows``; without ``first_is_call`` of what replaces a running callflow."""
    callflow: Schema = {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_ACTIONS,
        "items": {"anyOf": [_action(row) for row in ROWS]},
    }
    if first_is_call:
        callflow["description"] = "makeCall first, unless it is one executeScenario"
    return _request(callflow)


def legacy_schema() -> Schema:
    """Of a v1.1 request, which names source and destination in its one action."""
    rows = [row for row in ROWS if row.name in ("say", "sayAndCapture", "playFile")]
    return _request(
        {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_ACTIONS,
            "items": {"anyOf": [_action(row, extra=(SOURCE, DESTINATION)) for row in rows]},
        }
    )


def _request(callflow: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["callflow"],
        "properties": {
            "callflow": callflow,
            "validUntil": _or_null(DateTime()),
            "clientActionId": _or_null(_IDENTIFIER),
            "clientRequestId": _or_null(_IDENTIFIER),
        },
    }


def _action(row: ActionRow, extra: tuple[Param, ...] = ()) -> Schema:
    params: Schema = {"type": "object", "properties": {}, "required": []}
    alternatives = []
    for param in (*extra, *row.params):
        required = param.required and param.unless is None
        name = _LEGACY_ALIASES.get(param.name, param.name) if extra else param.name
        params["properties"][name] = param.kind.schema() if required else _or_null(param.kind)
        if required:
            params["required"].append(name)
        elif param.unless is not None:
            alternatives = [{"required": [name]}, {"required": [param.unless]}]
    if alternatives:
        params["anyOf"] = alternatives
    if not row.params_required:
        params["type"] = ["object", "null"]
    return {
        "type": "object",
        "title": row.name,
        "required": ["action", "params"] if row.params_required else ["action"],
        "properties": {
            "action": {"type": "string", "enum": [row.name, *row.aliases]},
            "params": params,
        },
    }


def _or_null(kind: Kind) -> Schema:
    """An optional member: an explicit null is the same as absent."""
    schema = dict(kind.schema())
    types = schema["type"]
    schema["type"] = [*types, "null"] if isinstance(types, list) else [types, "null"]
    return schema
