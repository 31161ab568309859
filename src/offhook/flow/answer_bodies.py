"""The JSON answers of ``POST …/callflows`` (``spec/status-codes.md``), good and bad.

Every answer has ``sessionStatus``, ``callFlowRequestId``, ``statusCode``, ``statusMessage`` and
``message`` (the same text: clients in the field read either). Rejections list ``errors``.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from offhook.codes import StatusCode
from offhook.flow.problems import Problem, Verdict

NOT_CREATED = "NOT_CREATED"
"""``sessionStatus`` of every rejection."""

VALID = "VALID"
"""``sessionStatus`` of a valid body at ``/callflows/validate``."""

_encode = msgspec.json.Encoder().encode


def accepted(verdict: Verdict, request_id: str, session_id: str) -> bytes:
    """The answer to a callflow whose session is stored; ``validUntil`` as the customer wrote it."""
    return _encode(_good("CREATED", verdict, request_id, {"sessionId": session_id}))


def validated(verdict: Verdict, request_id: str) -> bytes:
    """The answer of ``/callflows/validate`` to a valid body: nothing is stored."""
    return _encode(_good(VALID, verdict, request_id, {}))


def _good(status: str, verdict: Verdict, request_id: str, ids: dict[str, str]) -> dict[str, object]:
    until = {} if verdict.valid_until is None else {"validUntil": verdict.valid_until}
    code = StatusCode.CREATED
    return {
        **ids,
        "sessionStatus": status,
        "callFlowRequestId": request_id,
        **until,
        "statusCode": code,
        "statusMessage": code.message,
        "message": code.message,
    }


def rejected(problems: Sequence[Problem], request_id: str, help_url: str | None = None) -> bytes:
    """The answer to a callflow with ``problems`` (at least one, in the order of judgement).

    With ``help_url``, the base of our pages on codes, each problem links its page.
    """
    first = problems[0]
    return _encode(
        {
            "sessionStatus": NOT_CREATED,
            "callFlowRequestId": request_id,
            "statusCode": first.code,
            "statusMessage": first.message,
            "message": first.message,
            "errors": [_error(problem, help_url) for problem in problems],
        }
    )


def _error(problem: Problem, help_url: str | None) -> dict[str, object]:
    error: dict[str, object] = {
        "statusCode": problem.code,
        "path": problem.path,
        "message": problem.told,
    }
    if help_url is not None:
        error["help"] = f"{help_url.rstrip('/')}/{problem.code.page}"
    return error
