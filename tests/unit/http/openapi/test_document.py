"""The OpenAPI document: its examples are true, and nothing is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.http_world import ACME, FakeProfiles

from offhook.codes import CallStatus, RuntimeCode, SessionStatus, StatusCode
from offhook.flow import table
from offhook.flow.actions import Callflow
from offhook.flow.judge import judge_value
from offhook.http.app import openapi_document
from offhook.http.openapi.examples import IVR, LEGACY, NUMBER_MASKING, VOICE_MESSAGE
from offhook.session.session import CallQuality, Direction, Leg, Session, SessionError
from offhook.session.tenancy import facts_of
from offhook.webhooks import payloads

ROOT = "/api/v1/subaccounts/{subAccountId}"
CALLFLOWS = f"{ROOT}/callflows"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def test_the_document_is_json_and_holds_no_python_objects(document: dict[str, Any]) -> None:
    assert json.dumps(document)


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
        if f"{ROOT}/" in name:
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
    import jsonschema  # takes a second

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


def test_every_example_of_a_request_fits_the_schema_of_its_path(
    document: dict[str, Any],
) -> None:
    import jsonschema  # takes a second

    checked = []
    for name, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        schema = {**content.get("schema", {}), "components": document["components"]}
        for example in content.get("examples", {}).values():
            jsonschema.validate(example["value"], schema)
            checked.append(name)
    assert len(checked) >= 8


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"callflow": []},
        {"callflow": [{"action": "sing", "params": {}}]},
        {"callflow": [{"action": "say", "params": {"text": 1, "language": "en"}}]},
        {"callflow": [{"action": "say", "params": {"text": "x", "language": "en", "speed": 3}}]},
        {"callflow": [{"action": "playFile", "params": {"fileUrl": "ftp://x"}}]},
    ],
)
def test_the_request_schema_refuses_what_the_judge_refuses(
    document: dict[str, Any], body: dict[str, Any]
) -> None:
    import jsonschema  # takes a second

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, request_schema(document))
    verdict = judge_value(body, facts_of(ACME, FakeProfiles()), datetime.now(UTC))
    assert verdict.callflow is None


def properties(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property in a schema, wherever it stands."""
    if isinstance(schema, dict):
        for name, member in schema.get("properties", {}).items():
            yield f"{path}.{name}", member
            yield from properties(member, f"{path}.{name}")
        for keyword in ("items", "additionalProperties"):
            yield from properties(schema.get(keyword), path)
        for keyword in ("oneOf", "anyOf", "allOf"):
            for option in schema.get(keyword, ()):
                yield from properties(option, path)


def test_every_type_and_every_property_is_described(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    silent = [
        path
        for name, schema in schemas.items()
        for path, member in properties(schema, name)
        if not member.get("description") and "$ref" not in member
    ]
    assert silent == []


def test_actions_are_told_apart_by_a_discriminator(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for union in ("CallflowAction", "LegacyAction"):
        discriminator = schemas[union]["discriminator"]
        assert discriminator["propertyName"] == "action"
        references = set(discriminator["mapping"].values())
        assert references == {option["$ref"] for option in schemas[union]["oneOf"]}
        for action, reference in discriminator["mapping"].items():
            member = resolved(document, {"$ref": reference})["properties"]["action"]
            assert member["const"] == action
    assert set(schemas["CallflowAction"]["discriminator"]["mapping"]) == {
        row.name for row in table.ROWS
    }


def test_no_two_names_differ_only_in_case(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for names in (list(schemas), [each["operationId"] for _, each in operations(document)]):
        assert len({name.lower() for name in names}) == len(names)


def test_operation_ids_are_camel_case(document: dict[str, Any]) -> None:
    for _, operation in operations(document):
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", operation["operationId"])


def test_event_streams_are_described(document: dict[str, Any]) -> None:
    stream = document["paths"][f"{ROOT}/sessions/{{sessionId}}/events"]["get"]
    content = stream["responses"]["200"]["content"]["text/event-stream"]
    assert "`id`" in content["schema"]["description"]


@pytest.mark.parametrize("type_", ["VCA", "VCS", "VSS", "VRU", "VNU"])
def test_every_body_that_is_sent_fits_the_webhook_of_its_type(
    document: dict[str, Any], type_: str
) -> None:
    import jsonschema  # takes a second

    operation = document["webhooks"][type_]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    bodies = [json.loads(body) for body in webhook_bodies()[type_]]
    assert bodies
    for body in bodies:
        jsonschema.validate(body, whole)
        reference = document["components"]["schemas"][f"{type_.capitalize()}Event"]["properties"]
        payload = resolved(document, reference["payload"])
        assert set(body["payload"]) <= set(payload["properties"])


def webhook_bodies() -> dict[str, list[bytes]]:
    """Bodies as the server builds them, with as many members as there can be, and with few."""
    at = datetime(2024, 7, 3, 5, 59, 32, tzinfo=UTC)
    leg = Leg(
        call_id="c",
        direction=Direction.OUTBOUND,
        source="+6512341234",
        destination="+12025550101",
        reference_id="PSTN1",
        initiated_at=at,
        connected_at=at,
        disconnected_at=at,
        status=CallStatus.COMPLETED,
        sip_code=200,
        quality=CallQuality(mos=4.4, packet_loss_rate=0.01, jitter=3),
    )
    few = Leg(call_id="d", direction=Direction.INBOUND, source="anonymous", destination="100")
    session = Session(
        session_id="s",
        sub_account_id="acme",
        call_flow_request_id="r",
        status=SessionStatus.ERROR,
        callflow=Callflow(actions=(), client_request_id="one", client_batch_id="two"),
        created_at=at,
        ended_at=at,
        last_action="SAY",
        legs=(leg, few),
        error=SessionError(code=RuntimeCode.INTERNAL, action="SAY"),
    )
    vca, vcs = payloads.CallActionStatus, payloads.CallEventStatus
    number = payloads.NumberStatus(
        msisdn="+6568332048", updated_timestamp="2024-07-03T05:59:32Z", rental_price=1.5
    )
    return {
        "VCA": [
            payloads.call_action(
                session,
                each,
                event_id="e",
                status=vca.ACTION_COMPLETED,
                at=at,
                digits=digits,
                client_action_id="menu",
                dtmf_event_data=form,
            )
            for each in (leg, few)
            for digits in (None, "1")
            for form in ("object", "string")
        ],
        "VCS": [
            payloads.call_status(
                session, each, event_id="e", status=status, at=at, sip_code=200, digits="1"
            )
            for each in (leg, few)
            for status in vcs
        ],
        "VSS": [payloads.session_summary(session)],
        "VRU": [
            payloads.recording_status(
                session_id="s",
                recording_id="r",
                duration_seconds=1,
                file_path="s/r.mp3",
                uploaded=uploaded,
            )
            for uploaded in (True, False)
        ],
        "VNU": [payloads.numbers_update("acme", [number], total=1, snapshot=True)],
    }


def test_answers_describe_their_members_and_have_no_null(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    leg = schemas["LegView"]["properties"]
    assert leg["callDuration"]["description"].startswith("Whole seconds connected")
    assert leg["callDuration"]["type"] == "integer"
    assert "null" in str(schemas["WebhookRequest"]["properties"]["enabled"])


def test_no_pattern_uses_what_only_python_knows(document: dict[str, Any]) -> None:
    assert "\\Z" not in str(document)
