"""The callflow language as a JSON Schema (draft 2020-12), for editors and for the OpenAPI document.

Printed from :mod:`.table`, the judge's own. It says what -1007 and -1009 say, and the simple half of
-1010, -1011, -1003 and -1008 (too many actions, an array as ``destination``, ``maxDigits`` out of
range). Rules that need the sub-account, the time or several values are not in it; of URLs and times it
checks the pattern only. Where null is the same as absent, null is allowed.
"""

from __future__ import annotations

from offhook.flow import kinds, legacy, table
from offhook.flow.kinds import Schema

SCHEMA_ID = "urn:offhook:callflow"

_NOT_NULL: Schema = {"not": {"type": "null"}}
_FIRST_IS_LEGACY: Schema = {
    "minItems": 1,
    "prefixItems": [
        {
            "type": "object",
            "required": ["action", "params"],
            "properties": {
                "action": {
                    "enum": [n for n, row in table.BY_NAME.items() if legacy.may_begin(row)]
                },
                "params": {
                    "type": "object",
                    "required": ["destination"],
                    "properties": {"destination": _NOT_NULL},
                },
            },
        }
    ],
}


def document() -> Schema:
    """The whole schema, as the root of a document of its own."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Callflow request",
        **body(),
    }


def body() -> Schema:
    """The schema of a request's body, definitions included."""
    return {
        "type": "object",
        "required": ["callflow"],
        "properties": {
            "callflow": {
                "description": "The actions, in the order they run.",
                "type": "array",
                "minItems": 1,
                "maxItems": table.MOST_ACTIONS,
                "if": _FIRST_IS_LEGACY,
                "then": {
                    "prefixItems": [{"$ref": "#/$defs/legacyFirstAction"}],
                    "items": {"$ref": "#/$defs/legacyAction"},
                },
                "else": {"items": {"$ref": "#/$defs/action"}},
            },
            "validUntil": {
                **_or_null(kinds.DateTime().schema()),
                "description": "When it is too late to call: ISO 8601; UTC without an offset.",
                "examples": ["2030-07-03T05:59:32.226Z"],
            },
            "clientActionId": {
                "description": "Ignored here, whatever its type: an answer of the VCA webhook has it.",
            },
            "clientRequestId": {
                **_or_null(kinds.Text(255, 1).schema()),
                "description": "Your name for this request; webhooks repeat it.",
            },
            "clientBatchId": {
                **_or_null(kinds.Text(255, 1).schema()),
                "description": "Your name for the batch this request belongs to; webhooks repeat it.",
            },
        },
        "$defs": _definitions(),
    }


def _definitions() -> Schema:
    definitions: Schema = {
        "action": _any_of(table.ROWS, ""),
        "legacyFirstAction": _any_of([legacy.row_of(row, 0) for row in table.ROWS], "legacyFirst"),
        "legacyAction": _any_of([legacy.row_of(row, 1) for row in table.ROWS], "legacy"),
    }
    for row in table.ROWS:
        definitions[_name("", row)] = _action(row)
        if legacy.may_begin(row):
            definitions[_name("legacyFirst", row)] = _action(legacy.row_of(row, 0))
            definitions[_name("legacy", row)] = _action(legacy.row_of(row, 1))
    return definitions


def _name(prefix: str, row: table.ActionRow) -> str:
    return f"{prefix}{row.name[0].upper()}{row.name[1:]}" if prefix else row.name


def _any_of(rows: tuple[table.ActionRow, ...] | list[table.ActionRow], prefix: str) -> Schema:
    """An action: its name says which of the definitions it follows."""
    return {
        "type": "object",
        "required": ["action"],
        "properties": {"action": {"enum": list(table.BY_NAME)}},
        "allOf": [
            {
                "if": {
                    "required": ["action"],
                    "properties": {"action": {"enum": [row.name, *row.aliases]}},
                },
                "then": {"$ref": f"#/$defs/{_name(prefix if legacy.may_begin(row) else '', row)}"},
            }
            for row in rows
        ],
    }


def _action(row: table.ActionRow) -> Schema:
    params: Schema = {
        "type": "object" if row.params_required else ["object", "null"],
        "properties": {param.name: _member(param) for param in row.params},
    }
    required = [p for p in row.params if p.required and p.unless is None and p.alias is None]
    if required:
        params["required"] = [param.name for param in required]
    either = [_either(param) for param in row.params if param.required and param not in required]
    if either:
        params["allOf"] = either
    for param in row.params:
        if param.alias is not None:
            _add_alias(params, param)
    schema: Schema = {"description": row.about, "properties": {"params": params}}
    if row.params_required:
        schema["required"] = ["params"]
    return schema


def _member(param: table.Param) -> Schema:
    schema = param.kind.schema()
    always = param.required and param.unless is None and param.alias is None
    return {**(schema if always else _or_null(schema)), "description": param.about}


def _either(param: table.Param) -> Schema:
    """``param``, or what may stand in its place, is there and not null."""
    names = [name for name in (param.name, param.unless, param.alias) if name is not None]
    return {
        "anyOf": [{"required": [name], "properties": {name: _NOT_NULL}} for name in names],
    }


def _add_alias(params: Schema, param: table.Param) -> None:
    """The second spelling is judged where the first is absent."""
    assert param.alias is not None
    rules = params.setdefault("allOf", [])
    assert isinstance(rules, list)
    rules.append(
        {
            "if": {"required": [param.name], "properties": {param.name: _NOT_NULL}},
            "else": {"properties": {param.alias: _member(param)}},
        }
    )


def _or_null(schema: Schema) -> Schema:
    type_ = schema["type"]
    return {**schema, "type": [*(type_ if isinstance(type_, list) else [type_]), "null"]}
