"""Answers of the callflow endpoints (``spec/status-codes.md``)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from offhook.codes import StatusCode
from offhook.http.asgi import Answer, Headers


class ProblemItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One problem of a rejected callflow."""

    status_code: int
    path: str
    """A JSONPath such as ``$.callflow[1].params.maxDigits``."""
    message: str


class Accepted(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A session was created and is durable; or, from ``validate``, would be (``VALID``)."""

    session_status: str
    call_flow_request_id: str
    status_code: int
    status_message: str
    session_id: str | None = None
    valid_until: str | None = None


class Rejected(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Nothing was created."""

    session_status: str = "NOT_CREATED"
    call_flow_request_id: str
    status_code: int
    status_message: str
    message: str
    """The same as ``statusMessage``."""
    errors: tuple[ProblemItem, ...]
    """Every problem found, ours beyond the vendor's."""


_encoder = msgspec.json.Encoder()


def item(code: StatusCode, path: str, message: str) -> ProblemItem:
    """One entry of ``errors``."""
    return ProblemItem(status_code=code.code, path=path, message=message)


def accepted(
    request_id: str, *, session_status: str, session_id: str | None, valid_until: str | None
) -> Answer:
    """The answer to a callflow that passed the judgement."""
    code = StatusCode.CREATED
    body = Accepted(
        session_status=session_status,
        call_flow_request_id=request_id,
        status_code=code.code,
        status_message=code.message,
        session_id=session_id,
        valid_until=valid_until,
    )
    return Answer(code.http_status, _encoder.encode(body))


def rejected(
    request_id: str,
    code: StatusCode,
    *,
    message: str | None = None,
    errors: Sequence[ProblemItem] = (),
    http_status: int | None = None,
    headers: Headers = (),
) -> Answer:
    """The answer to a callflow that was not accepted."""
    return refused(
        request_id,
        code.code,
        message or code.message,
        http_status=http_status or code.http_status,
        errors=errors,
        headers=headers,
    )


def refused(
    request_id: str,
    code: int,
    message: str,
    *,
    http_status: int,
    errors: Sequence[ProblemItem] = (),
    headers: Headers = (),
) -> Answer:
    """A refusal whose code is a plain HTTP status (403, 405, 409, 422)."""
    only = ProblemItem(status_code=code, path="$", message=message)
    body = Rejected(
        call_flow_request_id=request_id,
        status_code=code,
        status_message=message,
        message=message,
        errors=tuple(errors) or (only,),
    )
    return Answer(http_status, _encoder.encode(body), headers)
