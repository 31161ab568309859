"""Numbers, exports, usage, opt-outs, menus, media and campaigns against the documents: the vendor's published
one as data, and our own OpenAPI, with a bad input for every parameter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
from tests.support.http_world import KEY, OPERATOR_KEY, RecordWorld, running_record_world
from tests.support.openapi import the_document

from offhook.http.deps import HttpLimits

VENDOR = json.loads((Path(__file__).parents[1] / "support" / "vendor_schemas.json").read_text())
DOCUMENT = the_document()
TAGS = {"Numbers", "Exports", "Usage", "Opt-outs", "Menus", "Media", "Campaigns"}
METHODS = ("get", "put", "post", "delete")
ACTIONS = [
    {"action": "makeCall", "params": {"source": "+6512341234", "destination": "{{number}}"}},
    {"action": "say", "params": {"text": "Hello.", "language": "en-US"}},
]
GOOD_BODIES: dict[str, dict[str, Any]] = {
    "startExport": {},
    "createCampaign": {"callflow": ACTIONS},
    "putMenu": {"first": "a", "callflows": {"a": ACTIONS[1:]}},
    "assignNumber": {},
}
"""A request that is accepted, by operation."""
ANY_VALUE = {("createCampaign", "callflow"): "JSON of its own, judged by the callflow's rules"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of all that the tests are about."""
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if operation is None:
                continue
            assigning = path.startswith("/admin/v1/subaccounts/{subAccountId}/numbers")
            if assigning or TAGS & set(operation["tags"]):
                yield method, path, operation


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference followed."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def bad_text(schema: dict[str, Any]) -> str:
    """A query value that the schema of a parameter does not allow."""
    schema = resolved(schema)
    if schema.get("type") == "integer" or "enum" in schema or "pattern" in schema:
        return "?"
    return "x" * (int(schema["maxLength"]) + 1)


def bad_value(schema: dict[str, Any]) -> object:
    """A JSON value of a type that the schema does not allow."""
    values: tuple[object, ...] = ({"x": {}}, "\x00?", 1.5)
    for value in values:
        validator = jsonschema.Draft202012Validator(
            {**schema, "components": DOCUMENT["components"]}
        )
        if not validator.is_valid(value):
            return value
    raise AssertionError(f"everything is allowed: {schema}")


def url_of(world: RecordWorld, path: str, **values: str) -> str:
    known = {"subAccountId": "acme_corp", "number": "6568332049", "name": "a", "order": "start"}
    for name, value in {**known, "campaignId": "c", "jobId": "j", "token": "t", **values}.items():
        path = path.replace(f"{{{name}}}", value)
    return world.url(path)


@pytest.fixture
async def world(tmp_path: Path) -> Any:
    limits = HttpLimits(sub_account_rate=1e6, address_rate=1e6)
    async with running_record_world(tmp_path, limits=limits) as running:
        yield running


async def ask(
    world: RecordWorld, method: str, url: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    key = OPERATOR_KEY if "/admin/" in url else KEY
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body)
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.request(method, url, data=data) as response,
    ):
        text = await response.text()
        return response.status, json.loads(text) if text else {}


# --- the vendor's document


@pytest.mark.parametrize("operation", VENDOR["operations"])
def test_every_operation_of_the_vendor_is_ours_with_its_parameters_and_answers(
    operation: str,
) -> None:
    wanted = VENDOR["operations"][operation]
    method, _, path = operation.partition(" ")
    ours = DOCUMENT["paths"][path][method]
    assert {each["name"] for each in ours["parameters"]} >= set(wanted["parameters"])
    assert set(ours["responses"]) >= set(wanted["statuses"])
    body = ours.get("requestBody", {}).get("content", {}).get("application/json", {})
    members = _members(body.get("schema", {}))
    for name, schema in wanted["request"].items():
        assert schema["type"] in _types(members[name]), name


def _members(schema: dict[str, Any]) -> dict[str, Any]:
    """The members of a body; of ``oneOf`` with null those of the object."""
    for each in schema.get("oneOf", schema.get("anyOf", [schema])):
        found: dict[str, Any] = resolved(each).get("properties", {})
        if found:
            return found
    return {}


def _types(schema: dict[str, Any]) -> set[str]:
    schema = resolved(schema)
    kinds = schema.get("oneOf", schema.get("anyOf", [schema]))
    found: set[str] = set()
    for each in kinds:
        type_ = resolved(each).get("type", [])
        found |= {type_} if isinstance(type_, str) else set(type_)
    return found


async def test_an_unknown_job_is_the_vendors_404(world: RecordWorld) -> None:
    for method in ("GET", "DELETE"):
        status, answer = await ask(world, method, world.url("messages/exports/nothing"))
        assert (status, answer["code"], answer["message"]) == (404, 4018, "Invalid jobId")
        del answer[
            "statusCode"
        ]  # the vendor's document calls it a string, its examples are integers
        jsonschema.validate(answer, VENDOR["error 404 of messages/exports/{jobId}"])


# --- our own document


async def test_a_bad_query_parameter_is_422_and_named(world: RecordWorld) -> None:
    seen = 0
    for method, path, operation in operations():
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "query":
                continue
            seen += 1
            url = f"{url_of(world, path)}?{parameter['name']}={bad_text(parameter['schema'])}"
            status, answer = await ask(world, method.upper(), url)
            assert status == 422, (url, answer)
            assert answer["message"].startswith(f"{parameter['name']}: "), (url, answer)
    assert seen >= 12


async def test_a_value_that_is_no_choice_names_the_parameter_and_its_choices(
    world: RecordWorld,
) -> None:
    for path, told in (
        (
            "webhooks/VSS/deliveries?state=x",
            "state: Invalid enum value 'x', expected one of pending",
        ),
        ("webhooks/X/deliveries", "type: Invalid enum value 'X', expected one of VCA, VCS, VSS"),
        ("sessions?status=x", "status: Invalid enum value 'x', expected one of QUEUED, RUNNING"),
    ):
        status, answer = await ask(world, "GET", world.url(path))
        assert (status, answer["message"][: len(told)]) == (422, told)


async def test_a_bad_path_parameter_is_refused(world: RecordWorld) -> None:
    seen = 0
    for method, path, operation in operations():
        body = GOOD_BODIES.get(operation["operationId"])
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "path":
                continue
            seen += 1
            url = url_of(world, path, **{parameter["name"]: "%00" + "x" * 200})
            status, answer = await ask(world, method.upper(), url, body)
            assert status in (404, 422), (url, status, answer)
            jsonschema.validate(answer, _error_schema())
    assert seen >= 50


async def test_a_bad_member_of_a_body_is_422_and_named(world: RecordWorld) -> None:
    seen = 0
    for method, path, operation in operations():
        content = operation.get("requestBody", {}).get("content", {})
        good = GOOD_BODIES.get(operation["operationId"])
        if good is None:
            assert "application/json" not in content or operation["operationId"] == "addTargets"
            continue
        status, answer = await ask(world, method.upper(), url_of(world, path), good)
        assert status < 300, answer
        for name, schema in _members(content["application/json"]["schema"]).items():
            if (operation["operationId"], name) in ANY_VALUE:
                continue
            seen += 1
            body = {**good, name: bad_value(schema)}
            status, answer = await ask(world, method.upper(), url_of(world, path), body)
            assert status == 422, (operation["operationId"], name, answer)
            assert name in answer["message"].split(": ")[0], (operation["operationId"], answer)
    assert seen >= 28


async def test_a_text_that_is_refused_is_told_in_words_and_not_as_a_pattern(
    world: RecordWorld,
) -> None:
    """Every text and every choice of every body and query, with a text that nothing allows."""
    seen = set()
    for method, path, operation in operations():
        url = url_of(world, path)
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query":
                _, answer = await ask(world, "GET", f"{url}?{parameter['name']}=%3F")
                seen.add(f"{operation['operationId']} {answer.get('message', '')}")
        good = GOOD_BODIES.get(operation["operationId"])
        if good is None:
            continue
        for name in _members(operation["requestBody"]["content"]["application/json"]["schema"]):
            _, answer = await ask(world, method.upper(), url, {**good, name: "\x00?"})
            seen.add(f"{operation['operationId']} {answer.get('message', '')}")
    in_patterns = [told for told in seen if "matching regex" in told]
    without_choices = [told for told in seen if "enum" in told and "expected one of" not in told]
    assert (in_patterns, without_choices) == ([], [])
    assert len(seen) > 35


def _error_schema() -> dict[str, Any]:
    responses = DOCUMENT["paths"]["/api/v1/subaccounts/{subAccountId}/numbers"]["get"]["responses"]
    response = responses["401"]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema: dict[str, Any] = response["content"]["application/json"]["schema"]
    return {**schema, "components": DOCUMENT["components"]}
