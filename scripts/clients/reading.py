"""Reads the OpenAPI document: its operations, and which group each schema belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

Json = dict[str, Any]

SUB_ACCOUNT_PATHS = ("/api/v1/subaccounts/{subAccountId}", "/api/v1/{subAccountId}")
WEBHOOK_EVENTS = "Webhook events"
"""Group of the bodies that the server sends."""

WRITTEN_BY_HAND = frozenset({"followSession", "putMedia", "uploadTargets", "downloadExport"})
"""Operations that each client has in its own words: streams, and bodies that are not JSON."""


class AnswerForm(Enum):
    """What the body of a good answer is."""

    JSON = "json"
    BYTES = "bytes"
    TEXT = "text"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Member:
    """A parameter, or a member of a schema."""

    name: str
    """On the wire."""
    schema: Json
    required: bool

    @property
    def text(self) -> str:
        """The description, one paragraph."""
        return " ".join(str(self.schema.get("description", "")).split())


@dataclass(frozen=True)
class Operation:
    """One operation of the API."""

    name: str
    """The ``operationId``."""
    group: str
    summary: str
    method: str
    path: str
    names: Sequence[Member]
    """Parameters of the path, without the client's own sub-account."""
    query: Sequence[Member]
    body: Sequence[Member] | None
    """Members of the JSON body; None: it has none."""
    has_key: bool
    """Whether it takes an ``Idempotency-Key``."""
    form: AnswerForm
    answer: str
    """The schema of a JSON answer."""
    pages_of: Member | None
    """The member of the answer that holds a page's items, where ``cursor`` leads to the next."""


def operations(document: Json) -> Iterator[Operation]:
    """Every operation but those written by hand."""
    for path, item in document["paths"].items():
        for method, about in item.items():
            if about["operationId"] not in WRITTEN_BY_HAND:
                yield _operation(document, path, method, about)


def _operation(document: Json, path: str, method: str, about: Json) -> Operation:
    parameters = about.get("parameters", ())
    form, answer = _answer(about)
    own = path.startswith(SUB_ACCOUNT_PATHS)
    query = [_parameter(each) for each in parameters if each["in"] == "query"]
    return Operation(
        name=about["operationId"],
        group=about["tags"][0],
        summary=about["summary"],
        method=method.upper(),
        path=path,
        names=[
            _parameter(each)
            for each in parameters
            if each["in"] == "path" and not (own and each["name"] == "subAccountId")
        ],
        query=query,
        body=_body(document, about),
        has_key=any(each["name"] == "Idempotency-Key" for each in parameters),
        form=form,
        answer=answer,
        pages_of=_pages(document, answer) if any(m.name == "cursor" for m in query) else None,
    )


def _parameter(parameter: Json) -> Member:
    schema = {"description": parameter.get("description", ""), **parameter["schema"]}
    return Member(parameter["name"], schema, bool(parameter.get("required")))


def _body(document: Json, about: Json) -> Sequence[Member] | None:
    content = about.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = content["schema"]
    for option in schema.get("oneOf", ()):
        if "$ref" in option:
            schema = option
    return list(members(document["components"]["schemas"][reference(schema)]))


def _answer(about: Json) -> tuple[AnswerForm, str]:
    (good, *_) = [answer for status, answer in about["responses"].items() if status[0] == "2"]
    for media_type, content in good.get("content", {}).items():
        if media_type == "application/json":
            return AnswerForm.JSON, reference(content["schema"])
        return AnswerForm.TEXT if media_type.startswith("text/") else AnswerForm.BYTES, ""
    return AnswerForm.NOTHING, ""


def _pages(document: Json, answer: str) -> Member:
    schema = document["components"]["schemas"][answer]
    (items,) = [each for each in members(schema) if each.schema.get("type") == "array"]
    return items


def members(schema: Json) -> Iterator[Member]:
    """The members of an object, in their order."""
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        yield Member(name, member, name in required)


def reference(schema: Json) -> str:
    """The name of the schema that is referred to."""
    return str(schema["$ref"]).rpartition("/")[2]


def references(schema: Any) -> Iterator[str]:
    """The names of all schemas that are referred to, directly."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield reference(schema)
        for each in schema.values():
            yield from references(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from references(each)


def grouped_schemas(document: Json) -> Mapping[str, Sequence[str]]:
    """The schemas that clients need, by group: of good answers, of members of bodies, of webhooks.

    A schema belongs to the first group that needs it, so groups refer to earlier ones only.
    """
    schemas = document["components"]["schemas"]
    groups: dict[str, list[str]] = {}
    seen: set[str] = set()

    def need(group: str, name: str) -> None:
        if name in seen or "oneOf" in schemas[name]:
            return
        seen.add(name)
        for other in references(schemas[name]):
            need(group, other)
        groups.setdefault(group, []).append(name)

    for each in operations(document):
        if each.answer:
            need(each.group, each.answer)
        for member in (*each.names, *each.query, *(each.body or ())):
            if member.name != "callflow":
                for name in references(member.schema):
                    need(each.group, name)
    for name in ("UploadAnswer", "MediaAnswer", "TargetBody"):
        need({"MediaAnswer": "Media"}.get(name, "Campaigns"), name)
    need("Callflows", "CallflowProblem")
    for event in document["webhooks"].values():
        content = event["post"]["requestBody"]["content"]["application/json"]
        need(WEBHOOK_EVENTS, reference(content["schema"]))
    return groups


def enumeration(schema: Json) -> list[str] | None:
    """The values of a closed set of strings; None: it is none, or one of numbers."""
    values = [value for value in schema.get("enum", ()) if value is not None]
    return values if values and all(isinstance(value, str) for value in values) else None


def choices(schema: Json) -> list[str] | None:
    """What a pattern such as ``^(start|pause)$`` allows; None: it says more than that."""
    found = re.fullmatch(r"\^\((\w+(?:\|\w+)+)\)\$", schema.get("pattern", ""))
    return found[1].split("|") if found else None


def without_null(schema: Json) -> tuple[Json, bool]:
    """The schema, and whether it may be null besides."""
    for keyword in ("oneOf", "anyOf"):
        options = schema.get(keyword)
        if options and {"type": "null"} in options:
            left = [option for option in options if option != {"type": "null"}]
            return (left[0] if len(left) == 1 else {keyword: left}), True
    kind = schema.get("type")
    if isinstance(kind, list) and "null" in kind:
        (other,) = [each for each in kind if each != "null"]
        return {**schema, "type": other}, True
    return schema, False


OWN_NAMES: Mapping[tuple[str, str], str] = {
    ("CallActionPayload", "callStatus"): "QuestionStatus",
    ("CallStatusPayload", "callStatus"): "CallEventStatus",
    ("RecordingPayload", "status"): "UploadStatus",
}
"""Names of closed sets that the document leaves without one, where the member's name is not enough."""


def set_name(owner: str, member: str) -> str:
    """The name of a closed set that has none in the document."""
    return OWN_NAMES.get((owner, member), member[0].upper() + member[1:])
