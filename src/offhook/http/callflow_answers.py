"""Answers of the callflow endpoints: their types, and those not in :mod:`offhook.flow.answer_bodies`."""

from __future__ import annotations

from typing import Literal

import msgspec

from offhook.codes import SessionStatus, StatusCode
from offhook.flow.answer_bodies import NOT_CREATED
from offhook.flow.call_members import CallMembers
from offhook.http.asgi import HttpAnswer
from offhook.http.refusals import Refused


class CallflowProblem(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """One problem of a rejected callflow."""

    status_code: int
    """From the table of codes."""
    path: str
    """A JSONPath such as `$.callflow[1].params.maxDigits`."""
    message: str
    """What is wrong there."""
    help: str | None = None
    """The page on the code, on this server."""


class CallflowAccepted(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """A callflow that passed the judgement."""

    session_id: str | None = None
    """Absent from `validate`: nothing was created."""
    session_status: str
    """`CREATED`; from `validate` `VALID`; where it replaces another, `RUNNING`."""
    call_flow_request_id: str
    """Of this request; `GET /requests/{callFlowRequestId}` shows it again for 30 days."""
    valid_until: str | None = None
    """As the request spelled it."""
    status_code: int
    """1."""
    status_message: str
    """`Created`."""
    message: str
    """The same as `statusMessage`."""


class CallflowRefused(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Nothing was created, nothing is dialled."""

    session_status: str
    """`NOT_CREATED`."""
    call_flow_request_id: str
    """Of this request; `GET /requests/{callFlowRequestId}` shows it again for 30 days."""
    status_code: int
    """Of the first problem, in the order of judgement."""
    status_message: str
    """Of the first problem."""
    message: str
    """The same as `statusMessage`."""
    errors: list[CallflowProblem]
    """Every problem found, in the order of judgement."""


class QueueingState(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request to a `/calls` path."""

    state: Literal["queued", "rejected"]
    """`queued` where a session was created."""


class CallAccepted(CallflowAccepted, frozen=True, kw_only=True):
    """A callflow that passed the judgement, as the `/calls` paths answer it."""

    uid: str
    """The session's id again, under the name of v1.1."""
    destination: str | None = None
    """The number that is called, E.164 with `+`; absent for a scenario without a makeCall."""
    client_request_id: str | None = None
    """As given."""
    status: QueueingState
    """`queued`."""


class CallRefused(CallflowRefused, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing was created, as the `/calls` paths answer it."""

    destination: str | None = None
    """The number that would be called, if it could be read: E.164 with `+`."""
    client_request_id: str | None = None
    """As given."""
    status: QueueingState
    """`rejected`."""


def of_call(answer: HttpAnswer, members: CallMembers, uid: str | None = None) -> HttpAnswer:
    """The same answer as the `/calls` paths give it; ``uid`` is the session's id, if accepted."""
    body = msgspec.json.decode(answer.body)
    if uid is not None:
        body["uid"] = uid
    if members.destination is not None:
        body["destination"] = members.destination
    if members.client_request_id is not None:
        body["clientRequestId"] = members.client_request_id
    body["status"] = {"state": "rejected" if uid is None else "queued"}
    return answer._replace(body=msgspec.json.encode(body))


def refused(request_id: str, refused: Refused) -> HttpAnswer:
    """A refusal that no judgement made: 401, 403, 404, 409, 422, 429, 503, -9999."""
    code, message = refused.refusal.code, refused.message
    body = CallflowRefused(
        session_status=NOT_CREATED,
        call_flow_request_id=request_id,
        status_code=code,
        status_message=message,
        message=message,
        errors=[CallflowProblem(status_code=code, path="$", message=refused.reason or message)],
    )
    return HttpAnswer(refused.refusal.status, msgspec.json.encode(body), refused.headers)


def replaced(request_id: str, session_id: str) -> HttpAnswer:
    """The answer to a callflow that a live session runs from now on."""
    code = StatusCode.CREATED
    body = CallflowAccepted(
        session_id=session_id,
        session_status=SessionStatus.RUNNING,
        call_flow_request_id=request_id,
        status_code=code,
        status_message=code.message,
        message=code.message,
    )
    return HttpAnswer(code.http_status, msgspec.json.encode(body))
