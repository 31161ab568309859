"""Answers of the callflow endpoints: their types, and those that :mod:`offhook.flow.answers` has not."""

from __future__ import annotations

import msgspec

from offhook.codes import SessionStatus, StatusCode
from offhook.flow import answers as flow_answers
from offhook.http.asgi import Answer, Headers
from offhook.http.refusals import Kind


class ProblemItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One problem of a rejected callflow."""

    status_code: int
    path: str
    """A JSONPath such as ``$.callflow[1].params.maxDigits``."""
    message: str
    help: str | None = None
    """The page on the code, on this server."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A callflow that passed the judgement."""

    session_id: str | None = None
    """Absent from ``validate``: nothing was created."""
    session_status: str
    """``CREATED``; from ``validate`` ``VALID``; where it replaces another, ``RUNNING``."""
    call_flow_request_id: str
    valid_until: str | None = None
    """As the request spelled it."""
    status_code: int
    status_message: str
    message: str


class Rejected(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Nothing was created, nothing is dialled."""

    session_status: str
    """``NOT_CREATED``."""
    call_flow_request_id: str
    status_code: int
    status_message: str
    message: str
    """The same as ``statusMessage``."""
    errors: list[ProblemItem]
    """Every problem found, in the order of judgement."""


def refused(
    request_id: str, code: StatusCode, *, sub_account_id: str = "", headers: Headers = ()
) -> Answer:
    """A refusal of the contract's own: 401, 404, 429, 503, -9999."""
    body = flow_answers.refused(code, request_id, sub_account_id=sub_account_id)
    return Answer(code.http_status, body, headers)


def refused_plainly(request_id: str, kind: Kind, message: str) -> Answer:
    """A refusal that the contract's table does not know (403, 409, 422): same body, plain code."""
    body = Rejected(
        session_status=flow_answers.NOT_CREATED,
        call_flow_request_id=request_id,
        status_code=kind.code,
        status_message=message,
        message=message,
        errors=[ProblemItem(status_code=kind.code, path="$", message=message)],
    )
    return Answer(kind.status, msgspec.json.encode(body))


def replaced(request_id: str, session_id: str) -> Answer:
    """The answer to a callflow that a live session runs from now on."""
    code = StatusCode.CREATED
    body = Accepted(
        session_id=session_id,
        session_status=SessionStatus.RUNNING,
        call_flow_request_id=request_id,
        status_code=code,
        status_message=code.message,
        message=code.message,
    )
    return Answer(code.http_status, msgspec.json.encode(body))
