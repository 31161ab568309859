"""Pieces that the typed routes and the callflow endpoints share in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

REQUEST_ID = "01906f5b-a3c2-7a3b-8f27-3f6a1c0d9e55"
SESSION_ID = "01906f5b-a3c3-7c1d-9a44-52b7e6f0a1b2"
EXAMPLE_TIME = datetime(2024, 7, 3, 5, 59, 32, 226_000, UTC)
HEADERS: Mapping[int, Json] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    429: {"Retry-After": {"schema": {"type": "string"}, "required": True}},
}

SUB_ACCOUNT_SCHEMA: Json = {
    "type": "string",
    "pattern": "^[A-Za-z0-9\\-._&]{3,50}$",
    "minLength": 3,
    "maxLength": 50,
}


def response(description: str, schema: str, examples: Json, status: int) -> Json:
    """A response of JSON with its examples."""
    answer: Json = {
        "description": description,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{schema}"},
                "examples": examples,
            }
        },
    }
    if status in HEADERS:
        answer["headers"] = HEADERS[status]
    return answer


def error_name(status: int) -> str:
    """Name of the shared response of an HTTP status."""
    return f"Error{status}"
