"""The callflow endpoints in the OpenAPI document, with an example of every code's answer."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from offhook.codes import StatusCode
from offhook.flow import answers as flow_answers
from offhook.flow import schema as flow_schema
from offhook.flow.problems import Problem
from offhook.http import refusals
from offhook.http.edge.paths import API_PREFIX, CODE_PAGES
from offhook.http.openapi.examples import IVR, LEGACY, NUMBER_MASKING, VOICE_MESSAGE
from offhook.http.openapi.parts import (
    REQUEST_ID,
    SESSION_ID,
    SUB_ACCOUNT_SCHEMA,
    Json,
    error_name,
    response,
)

REQUEST: Json = {"$ref": "#/components/schemas/CallflowRequest"}
FIRST_MISSING = "$.callflow[0].params.text: is missing but it is required"


def callflow_schemas() -> Json:
    """The schema of their request body and of each action, as components."""
    body = flow_schema.body()
    definitions = cast(Json, body.pop("$defs"))
    found = {_component(name): each for name, each in definitions.items()}
    renamed: Json = _renamed({**found, "CallflowRequest": body})
    return renamed


def _component(name: str) -> str:
    return f"Callflow{name[0].upper()}{name[1:]}"


def _renamed(value: Any) -> Any:
    """With references to components instead of to the schema's own definitions."""
    if isinstance(value, dict):
        return {
            key: "#/components/schemas/" + _component(each.removeprefix("#/$defs/"))
            if key == "$ref"
            else _renamed(each)
            for key, each in value.items()
        }
    return [_renamed(each) for each in value] if isinstance(value, list) else value


def callflow_paths() -> Json:
    """Their path items."""
    examples = {
        "voiceMessage": {"summary": "A voice message", "value": VOICE_MESSAGE},
        "ivr": {"summary": "A menu", "value": IVR},
        "numberMasking": {"summary": "Two people, neither sees the other", "value": NUMBER_MASKING},
    }
    v11 = {"v11": {"summary": "A v1.1 request", "value": LEGACY}}
    root = API_PREFIX + "{subAccountId}"
    key = [_IDEMPOTENCY_KEY]
    say = {"say": {"value": {"callflow": VOICE_MESSAGE["callflow"][1:]}}}
    return {
        f"{root}/callflows": _submit("Send-Callflow", "Submit a callflow", examples, key),
        f"{root}/calls": _submit("send-call", "Submit a v1.1 request", v11, key),
        f"{root}/callflows/validate": _submit(
            "validate-callflow",
            "Judge a callflow; nothing is stored, nothing dialled",
            examples,
            [],
            status="VALID",
        ),
        f"{root}/sessions/{{sessionId}}/callflows": _submit(
            "replace-callflow",
            "Replace what runs on a live call by this callflow",
            say,
            [_SESSION_ID],
            status="RUNNING",
            conflict=True,
        ),
    }


_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key within 24 h answers the first answer again and dials once",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
}
_SESSION_ID: Json = {
    "name": "sessionId",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 64},
}
_SUB_ACCOUNT_PARAMETER: Json = {
    "name": "subAccountId",
    "in": "path",
    "required": True,
    "schema": SUB_ACCOUNT_SCHEMA,
}


def _submit(
    operation_id: str,
    summary: str,
    examples: Json,
    parameters: list[Json],
    *,
    status: str = "CREATED",
    conflict: bool = False,
) -> Json:
    created: Json = {
        "sessionStatus": status,
        "callFlowRequestId": REQUEST_ID,
        "statusCode": 1,
        "statusMessage": StatusCode.CREATED.message,
        "message": StatusCode.CREATED.message,
    }
    if status != "VALID":
        created["sessionId"] = SESSION_ID
    responses = {
        "200": response(
            "CallflowAccepted", "CallflowAccepted", {"accepted": {"value": created}}, 200
        )
    }
    for http_status, codes in _codes_by_status(conflict=conflict).items():
        responses[str(http_status)] = response(
            "; ".join(dict.fromkeys(message for message, _ in codes)),
            "CallflowRefused",
            {str(example["statusCode"]): {"value": example} for _, example in codes},
            http_status,
        )
    for refusal in (refusals.TIMEOUT, refusals.HEADERS_TOO_LARGE):
        responses[str(refusal.status)] = {
            "$ref": f"#/components/responses/{error_name(refusal.status)}"
        }
    # What is not HTTP at all is answered before it is known to be a callflow, and so is a
    # connection over the limit.
    for shared in ("400", "503"):
        content = responses[shared]["content"]["application/json"]
        content["schema"] = {
            "anyOf": [content["schema"], {"$ref": "#/components/schemas/ErrorBody"}]
        }
    return {
        "post": {
            "tags": ["Callflows"],
            "operationId": operation_id,
            "summary": summary,
            "security": [{"apiKey": []}],
            "parameters": [_SUB_ACCOUNT_PARAMETER, *parameters],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": REQUEST, "examples": examples}},
            },
            "responses": responses,
        }
    }


def _codes_by_status(*, conflict: bool) -> dict[int, list[tuple[str, Json]]]:
    """Every code with an example of its answer, by HTTP status."""
    found: dict[int, list[tuple[str, Json]]] = {}
    for code in StatusCode:
        if code is StatusCode.CREATED:
            continue
        message = code.message
        if code is StatusCode.INVALID_ENTRY:
            message += FIRST_MISSING
        elif code is StatusCode.SUB_ACCOUNT_NOT_FOUND:
            message += "acme_corp"
        path = "$" if code > 0 or code.http_status == 500 else "$.callflow[0]"
        body = flow_answers.rejected((Problem(code, path, message),), REQUEST_ID, CODE_PAGES)
        example = msgspec.json.decode(body)
        found.setdefault(code.http_status, []).append((code.message.strip(), example))
        if code is StatusCode.INVALID_JSON:
            found.setdefault(413, []).append((code.message, example))
    plain = [(403, refusals.FORBIDDEN.message)]
    if conflict:
        plain.append((409, "Session is QUEUED, not RUNNING"))
    for status, message in plain:
        example = {
            "sessionStatus": flow_answers.NOT_CREATED,
            "callFlowRequestId": REQUEST_ID,
            "statusCode": status,
            "statusMessage": message,
            "message": message,
            "errors": [{"statusCode": status, "path": "$", "message": message}],
        }
        found.setdefault(status, []).append((message, example))
    return found
