"""The OpenAPI document: its examples are true, and nothing is left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from tests.support.http_world import ACME, FakeProfiles

from offhook.codes import StatusCode
from offhook.flow.judge import judge_value
from offhook.http.app import openapi_document
from offhook.http.openapi.examples import IVR, LEGACY, NUMBER_MASKING, VOICE_MESSAGE
from offhook.session.tenancy import facts_of

ROOT = "/api/v1/subaccounts/{subAccountId}"
CALLFLOWS = f"{ROOT}/callflows"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        reference = value["$ref"]
        value = document
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
    return value


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def test_it_covers_every_endpoint_of_the_contract(document: dict[str, Any]) -> None:
    expected = {
        f"post {CALLFLOWS}",
        f"post {ROOT}/calls",
        "post /api/v1/{subAccountId}/calls",
        f"post {CALLFLOWS}/validate",
        f"get {ROOT}/speech-profiles",
        f"get {ROOT}/webhooks",
        f"post {ROOT}/webhooks",
        f"delete {ROOT}/webhooks/{{type}}",
        f"get {ROOT}/webhooks/{{type}}/deliveries",
        f"post {ROOT}/webhooks/{{type}}/deliveries/{{deliveryId}}/redeliver",
        f"get {ROOT}/numbers",
        f"get {ROOT}/numbers/{{number}}",
        f"get {ROOT}/sessions",
        f"get {ROOT}/sessions/{{sessionId}}",
        f"delete {ROOT}/sessions/{{sessionId}}",
        f"post {ROOT}/sessions/{{sessionId}}/callflows",
        f"get {ROOT}/sessions/{{sessionId}}/events",
        f"get {ROOT}/requests/{{callFlowRequestId}}",
        f"get {ROOT}/scenarios",
        f"get {ROOT}/scenarios/{{name}}",
        f"put {ROOT}/scenarios/{{name}}",
        f"delete {ROOT}/scenarios/{{name}}",
        "get /healthz",
        "get /readyz",
        "get /metrics",
    }
    assert expected <= {name for name, _ in operations(document)}


def test_every_operation_has_a_name_of_its_own_a_summary_and_its_errors(
    document: dict[str, Any],
) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for name, operation in operations(document):
        assert operation["summary"], name
        needed = {"400", "408", "431", "500", "503"}
        if "/subaccounts/{subAccountId}/" in name:
            needed |= {"401", "403", "404", "429"}
        assert needed <= set(operation["responses"]), name


def test_every_status_code_has_an_example_under_its_http_status(document: dict[str, Any]) -> None:
    responses = document["paths"][CALLFLOWS]["post"]["responses"]
    shown = {
        (example["value"]["statusCode"], int(status))
        for status, response in responses.items()
        for example in resolved(document, response)["content"]["application/json"][
            "examples"
        ].values()
    }
    assert {(code, code.http_status) for code in StatusCode} <= shown
    assert (StatusCode.INVALID_JSON, 413) in shown


def test_every_example_of_an_answer_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for name, operation in operations(document):
        for status, raw in operation["responses"].items():
            for media in resolved(document, raw).get("content", {}).values():
                for example in media.get("examples", {}).values():
                    schema = {**media["schema"], "components": document["components"]}
                    try:
                        jsonschema.validate(
                            example["value"],
                            schema,
                            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
                        )
                    except jsonschema.ValidationError as error:
                        pytest.fail(f"{name} {status}: {error.message}")
                    checked += 1
    assert checked > 100


@pytest.mark.parametrize("request_", [VOICE_MESSAGE, IVR, NUMBER_MASKING, LEGACY])
def test_every_example_of_a_request_passes_the_judgement(request_: dict[str, Any]) -> None:
    verdict = judge_value(request_, facts_of(ACME, FakeProfiles()), datetime.now(UTC))
    assert verdict.callflow is not None, verdict.summary


def request_schema(document: dict[str, Any]) -> dict[str, Any]:
    body = document["paths"][CALLFLOWS]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    return {**schema, "components": document["components"]}


@pytest.mark.parametrize("request_", [VOICE_MESSAGE, IVR, NUMBER_MASKING, LEGACY])
def test_every_example_of_a_request_fits_the_schema(
    document: dict[str, Any], request_: dict[str, Any]
) -> None:
    jsonschema.validate(request_, request_schema(document))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"callflow": []},
        {"callflow": [{"action": "sing", "params": {}}]},
        {"callflow": [{"action": "say", "params": {"text": 1, "language": "en"}}]},
        {"callflow": [{"action": "say", "params": {"text": "x", "language": "en", "speed": 3}}]},
        {"callflow": [{"action": "say", "params": {"text": "x"}}]},
        {"callflow": [{"action": "playFile", "params": {"fileUrl": "ftp://x"}}]},
    ],
)
def test_the_request_schema_refuses_what_the_judge_refuses(
    document: dict[str, Any], body: dict[str, Any]
) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, request_schema(document))
    verdict = judge_value(body, facts_of(ACME, FakeProfiles()), datetime.now(UTC))
    assert verdict.callflow is None


def test_answers_describe_their_members_and_have_no_null(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    leg = schemas["LegView"]["properties"]
    assert leg["callDuration"]["description"].startswith("Whole seconds connected")
    assert leg["callDuration"]["type"] == "integer"
    assert "null" in str(schemas["WebhookRequest"]["properties"]["enabled"])


def test_no_pattern_uses_what_only_python_knows(document: dict[str, Any]) -> None:
    assert "\\Z" not in str(document)
