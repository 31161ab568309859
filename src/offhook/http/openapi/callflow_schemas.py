"""The callflow language in the OpenAPI document, in a form that code generators understand.

Each action is a type of its own, and ``action`` tells them apart (``oneOf`` with a discriminator).
What generators do not understand stands in words: which of two members is needed, and the two other
spellings of ``sayAndCapture`` that are accepted. The JSON Schema at ``/docs/callflow.schema.json``
says all of it exactly. Both are made from the judge's own table (:mod:`offhook.flow.table`).
"""

from __future__ import annotations

from offhook.flow import kinds, legacy, table
from offhook.http.openapi.parts import Json

_CLIENT_ID = kinds.Text(255, 1).schema()


def callflow_schemas() -> Json:
    """Components by name."""
    schemas: Json = {
        "CallflowRequest": _request("CallflowAction", "What to do on the phone line."),
        "CallflowAction": _one_of(list(table.ROWS), ""),
        "LegacyCallflowRequest": _request(
            "LegacyAction",
            "A v1.1 request: the numbers stand in the first action, and there is no makeCall. "
            "The path takes a CallflowRequest too.",
        ),
        "LegacyAction": _one_of([row for row in table.ROWS if legacy.may_begin(row)], "Legacy"),
        "CallflowDecision": _request(
            "CallflowAction",
            "The answer of a VCA webhook: what a live call does next. An empty object, or no body, "
            "means nothing more.",
            required=[],
        ),
    }
    for row in table.ROWS:
        schemas |= _action(row, "")
        if legacy.may_begin(row):
            schemas |= _action(legacy.row_of(row, 0), "Legacy")
    return schemas


def _request(action: str, description: str, required: list[str] | None = None) -> Json:
    return {
        "type": "object",
        "description": description,
        "required": ["callflow"] if required is None else required,
        "properties": {
            "callflow": {
                "type": "array",
                "minItems": 1,
                "maxItems": table.MOST_ACTIONS,
                "items": _reference(action),
                "description": "The actions, in the order they run.",
            },
            "validUntil": {
                "type": "string",
                "format": "date-time",
                "description": "When it is too late to call: ISO 8601; UTC without an offset.",
            },
            "clientActionId": {
                "type": "string",
                "description": "Of a VCA answer: your name for this list of actions, which webhooks "
                "repeat. Ignored in a submitted request.",
            },
            "clientRequestId": {
                **_CLIENT_ID,
                "description": "Your name for this request; webhooks repeat it.",
            },
            "clientBatchId": {
                **_CLIENT_ID,
                "description": "Your name for the batch it belongs to; webhooks repeat it.",
            },
        },
    }


def _one_of(rows: list[table.ActionRow], prefix: str) -> Json:
    names = {row.name: _type_name(row, prefix) for row in rows}
    return {
        "description": "One action; its `action` says which.",
        "oneOf": [_reference(name) for name in names.values()],
        "discriminator": {
            "propertyName": "action",
            "mapping": {action: f"#/components/schemas/{name}" for action, name in names.items()},
        },
    }


def _action(row: table.ActionRow, prefix: str) -> Json:
    """The action's type and that of its params."""
    name = _type_name(row, prefix)
    about = row.about
    if row.aliases:
        about += f" Also accepted as {' and '.join(f'`{each}`' for each in row.aliases)}."
    params_name = name.removesuffix("Action") + "Params"
    return {
        name: {
            "type": "object",
            "description": about,
            "required": ["action", *(["params"] if row.params_required else [])],
            "properties": {
                "action": {
                    "type": "string",
                    "const": row.name,
                    "description": f"`{row.name}`.",
                },
                "params": _reference(params_name),
            },
        },
        params_name: _params(row),
    }


def _params(row: table.ActionRow) -> Json:
    schema: Json = {
        "type": "object",
        "description": f"Parameters of `{row.name}`.",
        "properties": {param.name: _member(param) for param in row.params},
    }
    required = [param.name for param in row.params if param.required and param.unless is None]
    required = [name for name in required if not _has_alias(row, name)]
    if required:
        schema["required"] = required
    return schema


def _member(param: table.Param) -> Json:
    about = param.about
    if param.unless is not None:
        about += f" Needed where `{param.unless}` is absent."
    if param.alias is not None:
        about += f" `{param.alias}` counts where it is absent."
    return {**param.kind.schema(), "description": about}


def _has_alias(row: table.ActionRow, name: str) -> bool:
    return any(param.name == name and param.alias is not None for param in row.params)


def _type_name(row: table.ActionRow, prefix: str) -> str:
    return f"{prefix}{row.name[0].upper()}{row.name[1:]}Action"


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
