"""Refusals of the API: each kind, its body, and the exception that ends a request with it.

The callflow endpoints carry the same refusals in a body of their own (:mod:`.callflow_answers`).
Codes that the callflow table has too come from :mod:`offhook.codes`; the plain HTTP statuses of the
API are their own codes (``spec/api.md``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from offhook.clock import iso_milliseconds, new_id
from offhook.codes import StatusCode
from offhook.http.asgi import Headers, HttpAnswer


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of an error. Clients in the field read either spelling of code and message."""

    code: int
    """The HTTP status, or the code of the callflow table where it has one."""
    message: str
    """What is wrong; for 422 with the name of the parameter."""
    error_id: str
    """A UUID, also in the server's log where there is more to say."""
    timestamp: str
    """ISO 8601, UTC, milliseconds."""
    status_code: int
    """The same as `code`."""
    status_message: str
    """The same as `message`."""


class Refusal(NamedTuple):
    """A kind of refusal: its HTTP status, code and text (a prefix where the detail follows)."""

    status: int
    code: int
    message: str


def _of_table(code: StatusCode) -> Refusal:
    return Refusal(code.http_status, code, code.message)


BAD_REQUEST = Refusal(400, 400, "The request is not valid HTTP")
INVALID_JSON = _of_table(StatusCode.INVALID_JSON)
UNAUTHORIZED = _of_table(StatusCode.UNAUTHORIZED)
FORBIDDEN = Refusal(403, 403, "Resource not accessible")
SUB_ACCOUNT_NOT_FOUND = _of_table(StatusCode.SUB_ACCOUNT_NOT_FOUND)
NOT_FOUND = Refusal(404, 404, "Resource not found")
METHOD_NOT_ALLOWED = Refusal(405, 405, "Method not allowed")
TIMEOUT = Refusal(408, 408, "The request took too long to arrive")
CONFLICT = Refusal(409, 409, "Conflict")
TOO_LARGE = INVALID_JSON._replace(status=413)
INVALID = Refusal(422, 422, "Invalid parameter")
TOO_MANY = _of_table(StatusCode.TOO_MANY_REQUESTS)
HEADERS_TOO_LARGE = Refusal(431, 431, "The request's headers are too large")
INTERNAL = _of_table(StatusCode.UNKNOWN_ERROR)
UNAVAILABLE = _of_table(StatusCode.UNAVAILABLE)

BY_STATUS: Mapping[int, Refusal] = {
    refusal.status: refusal
    for refusal in (
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


class Refused(Exception):
    """Ends a request with a refusal; ``message`` replaces the refusal's own text.

    ``reason`` says more in ``errors[0].message`` of the callflow endpoints, where the text is fixed.
    """

    def __init__(
        self,
        refusal: Refusal,
        message: str | None = None,
        *,
        headers: Headers = (),
        reason: str | None = None,
    ) -> None:
        super().__init__(message or refusal.message)
        self.refusal = refusal
        self.message = message or refusal.message
        self.headers = headers
        self.reason = reason


def refusal_answer(
    refusal: Refusal,
    now: datetime,
    message: str | None = None,
    *,
    error_id: str | None = None,
    headers: Headers = (),
) -> HttpAnswer:
    """The response, outside the callflow endpoints."""
    text = message or refusal.message
    body = ErrorBody(
        code=refusal.code,
        message=text,
        error_id=error_id or new_id(),
        timestamp=iso_milliseconds(now),
        status_code=refusal.code,
        status_message=text,
    )
    return HttpAnswer(refusal.status, msgspec.json.encode(body), headers)


def retry_after(seconds: float) -> tuple[bytes, bytes]:
    """The ``Retry-After`` header (RFC 9110 §10.2.3): whole seconds, at least one."""
    return (b"retry-after", b"%d" % max(1, int(seconds + 0.999)))


RETRY = retry_after(1)
"""``Retry-After`` of a 503: a restart or a failover is a matter of seconds."""


def unavailable(message: str | None = None) -> Refused:
    """503: nothing was accepted or changed, and the client may try again soon."""
    return Refused(UNAVAILABLE, message, headers=(RETRY,))
