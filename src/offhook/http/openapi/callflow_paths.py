"""The callflow endpoints in the OpenAPI document, with an example of every code's answer."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from offhook.codes import StatusCode
from offhook.flow import answer_bodies
from offhook.flow.problems import Problem
from offhook.http import refusals
from offhook.http.edge.paths import API_PREFIX, CODE_PAGES, V1
from offhook.http.openapi.examples import IVR, LEGACY, NUMBER_MASKING, VOICE_MESSAGE
from offhook.http.openapi.parts import (
    REQUEST_ID,
    SESSION_ID,
    SUB_ACCOUNT_SCHEMA,
    Json,
    error_name,
    response,
)

FIRST_MISSING = "$.callflow[0].params.text: is missing but it is required"


class _OperationDocument(NamedTuple):
    """What tells the endpoints that take a callflow apart."""

    operation_id: str
    summary: str
    examples: Json
    """Of requests."""
    parameters: tuple[Json, ...] = ()
    created: Json = {}  # noqa: RUF012  # a constant
    """Members of the example of a good answer, beside those of all."""
    accepted: str = "CallflowAccepted"
    """Schema of a good answer."""
    refused: str = "CallflowRefused"
    request: str = "CallflowRequest"
    also: tuple[tuple[int, str], ...] = ()
    """HTTP statuses, beside those of all, with an example of the text."""


_CALL_MEMBERS: Json = {"uid": SESSION_ID, "destination": "+12025550101"}
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
_EXAMPLES: Json = {
    "voiceMessage": {"summary": "A voice message", "value": VOICE_MESSAGE},
    "ivr": {"summary": "A menu", "value": IVR},
    "numberMasking": {"summary": "Two people, neither sees the other", "value": NUMBER_MASKING},
}
_SUBMIT = _OperationDocument(
    "sendCallflow",
    "Submit a callflow",
    _EXAMPLES,
    (_IDEMPOTENCY_KEY,),
    {"sessionStatus": "CREATED", "sessionId": SESSION_ID},
)
_CALL = _SUBMIT._replace(
    operation_id="sendCall",
    summary="Submit a v1.1 request",
    examples={"v11": {"summary": "A v1.1 request", "value": LEGACY}},
    created={**_SUBMIT.created, **_CALL_MEMBERS, "status": {"state": "queued"}},
    accepted="CallAccepted",
    refused="CallRefused",
    request="LegacyCallflowRequest",
)
_OLDEST_CALL = _CALL._replace(
    operation_id="sendOldestCall", summary=f"{_CALL.summary}, the oldest path"
)
_VALIDATE = _OperationDocument(
    "validateCallflow",
    "Judge a callflow; nothing is stored, nothing dialled",
    _EXAMPLES,
    created={"sessionStatus": "VALID"},
)
_REPLACE = _OperationDocument(
    "replaceCallflow",
    "Replace what runs on a live call by this callflow",
    {"say": {"value": {"callflow": VOICE_MESSAGE["callflow"][1:]}}},
    (_SESSION_ID,),
    {"sessionStatus": "RUNNING", "sessionId": SESSION_ID},
    also=((409, "Session is QUEUED, not RUNNING"),),
)


def callflow_paths() -> Json:
    """Their path items."""
    root = API_PREFIX + "{subAccountId}"
    return {
        f"{root}/callflows": _path_item(_SUBMIT),
        f"{root}/calls": _path_item(_CALL),
        f"{V1}{{subAccountId}}/calls": _path_item(_OLDEST_CALL),
        f"{root}/callflows/validate": _path_item(_VALIDATE),
        f"{root}/sessions/{{sessionId}}/callflows": _path_item(_REPLACE),
    }


_SUB_ACCOUNT_PARAMETER: Json = {
    "name": "subAccountId",
    "in": "path",
    "required": True,
    "schema": SUB_ACCOUNT_SCHEMA,
}


def _path_item(about: _OperationDocument) -> Json:
    request = {"$ref": f"#/components/schemas/{about.request}"}
    return {
        "post": {
            "tags": ["Callflows"],
            "operationId": about.operation_id,
            "summary": about.summary,
            "security": [{"apiKey": []}],
            "parameters": [_SUB_ACCOUNT_PARAMETER, *about.parameters],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": request, "examples": about.examples}},
            },
            "responses": _responses(about),
        }
    }


def _responses(about: _OperationDocument) -> Json:
    """A good answer, and an example of every code."""
    message = StatusCode.CREATED.message
    created: Json = {
        "callFlowRequestId": REQUEST_ID,
        "statusCode": StatusCode.CREATED,
        "statusMessage": message,
        "message": message,
        **about.created,
    }
    responses = {"200": response("Accepted", about.accepted, {"accepted": {"value": created}}, 200)}
    extra = {"status": {"state": "rejected"}} if "status" in about.created else {}
    for http_status, codes in _codes_by_status(about.also).items():
        responses[str(http_status)] = response(
            "; ".join(dict.fromkeys(message for message, _ in codes)),
            about.refused,
            {str(example["statusCode"]): {"value": {**example, **extra}} for _, example in codes},
            http_status,
        )
    for refusal in (refusals.TIMEOUT, refusals.HEADERS_TOO_LARGE):
        reference = f"#/components/responses/{error_name(refusal.status)}"
        responses[str(refusal.status)] = {"$ref": reference}
    # What is not HTTP at all is answered before it is known to be a callflow, and so is a
    # connection over the limit.
    for shared in ("400", "503"):
        content = responses[shared]["content"]["application/json"]
        content["schema"] = {
            "anyOf": [content["schema"], {"$ref": "#/components/schemas/ErrorBody"}]
        }
    return responses


def _codes_by_status(also: tuple[tuple[int, str], ...]) -> dict[int, list[tuple[str, Json]]]:
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
        body = answer_bodies.rejected((Problem(code, path, message),), REQUEST_ID, CODE_PAGES)
        example = msgspec.json.decode(body)
        found.setdefault(code.http_status, []).append((code.message.strip(), example))
        if code is StatusCode.INVALID_JSON:
            found.setdefault(413, []).append((code.message, example))
    plain = ((403, refusals.FORBIDDEN.message), *also)
    for status, message in plain:
        example = {
            "sessionStatus": answer_bodies.NOT_CREATED,
            "callFlowRequestId": REQUEST_ID,
            "statusCode": status,
            "statusMessage": message,
            "message": message,
            "errors": [{"statusCode": status, "path": "$", "message": message}],
        }
        found.setdefault(status, []).append((message, example))
    return found
