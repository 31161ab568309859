"""Errors of every endpoint but the callflow ones (``spec/api.md``), and their bodies.

The callflow endpoints' own errors are in :mod:`.answers`. Codes of the shared kinds come from
:mod:`offhook.codes`; here the plain HTTP statuses of the API are their own codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from offhook.clock import iso_milliseconds, new_id
from offhook.codes import StatusCode
from offhook.http.asgi import Answer, Headers


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of an error. Clients in the field read either spelling of code and message."""

    code: int
    message: str
    error_id: str
    """A UUID, also in the server's log where there is more to say."""
    timestamp: str
    """ISO 8601, UTC, milliseconds."""
    status_code: int
    """The same as ``code``."""
    status_message: str
    """The same as ``message``."""


class Kind(NamedTuple):
    """A kind of error: its HTTP status, code and text (a prefix where the detail follows)."""

    status: int
    code: int
    message: str


BAD_REQUEST = Kind(400, 400, "The request is not valid HTTP")
INVALID_JSON = Kind(400, StatusCode.INVALID_JSON, StatusCode.INVALID_JSON.message)
UNAUTHORIZED = Kind(401, StatusCode.UNAUTHORIZED, StatusCode.UNAUTHORIZED.message)
FORBIDDEN = Kind(403, 403, "Resource not accessible")
SUB_ACCOUNT_NOT_FOUND = Kind(
    404, StatusCode.SUB_ACCOUNT_NOT_FOUND, StatusCode.SUB_ACCOUNT_NOT_FOUND.message
)
NOT_FOUND = Kind(404, 404, "Resource not found")
METHOD_NOT_ALLOWED = Kind(405, 405, "Method not allowed")
TIMEOUT = Kind(408, 408, "The request took too long to arrive")
CONFLICT = Kind(409, 409, "Conflict")
TOO_LARGE = Kind(413, StatusCode.INVALID_JSON, StatusCode.INVALID_JSON.message)
INVALID = Kind(422, 422, "Invalid parameter")
TOO_MANY = Kind(429, StatusCode.TOO_MANY_REQUESTS, StatusCode.TOO_MANY_REQUESTS.message)
HEADERS_TOO_LARGE = Kind(431, 431, "The request's headers are too large")
INTERNAL = Kind(500, StatusCode.UNKNOWN_ERROR, StatusCode.UNKNOWN_ERROR.message)
UNAVAILABLE = Kind(503, StatusCode.UNAVAILABLE, StatusCode.UNAVAILABLE.message)

RETRY_SECONDS = 1
"""``Retry-After`` of a 503: a restart or a failover is a matter of seconds."""

BY_STATUS: Mapping[int, Kind] = {
    kind.status: kind
    for kind in (
        BAD_REQUEST,
        UNAUTHORIZED,
        FORBIDDEN,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        TIMEOUT,
        CONFLICT,
        TOO_LARGE,
        INVALID,
        TOO_MANY,
        HEADERS_TOO_LARGE,
        INTERNAL,
        UNAVAILABLE,
    )
}


class Problem(Exception):
    """Ends a request with an error; ``detail`` replaces the kind's own text."""

    def __init__(self, kind: Kind, detail: str | None = None, *, headers: Headers = ()) -> None:
        super().__init__(detail or kind.message)
        self.kind = kind
        self.message = detail or kind.message
        self.headers = headers


def problem_answer(
    kind: Kind,
    now: datetime,
    *,
    message: str | None = None,
    error_id: str | None = None,
    headers: Headers = (),
) -> Answer:
    """The response of an error."""
    text = message or kind.message
    body = ProblemBody(
        code=kind.code,
        message=text,
        error_id=error_id or new_id(),
        timestamp=iso_milliseconds(now),
        status_code=kind.code,
        status_message=text,
    )
    return Answer(kind.status, msgspec.json.encode(body), headers)


def retry_after(seconds: float) -> tuple[bytes, bytes]:
    """The ``Retry-After`` header (RFC 9110 §10.2.3): whole seconds, at least one."""
    return (b"retry-after", b"%d" % max(1, int(seconds + 0.999)))
