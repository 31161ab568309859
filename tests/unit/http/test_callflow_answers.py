"""Refusals of the callflow endpoints that no judgement made."""

from __future__ import annotations

import json

import pytest

from offhook.codes import StatusCode
from offhook.http import callflow_answers, refusals
from offhook.http.refusals import Refusal, Refused


@pytest.mark.parametrize(
    ("refusal", "code", "message"),
    [
        (
            refusals.UNAUTHORIZED,
            StatusCode.UNAUTHORIZED,
            "Authentication header not found or token invalid",
        ),
        (refusals.TOO_MANY, StatusCode.TOO_MANY_REQUESTS, "Too many requests"),
        (refusals.UNAVAILABLE, StatusCode.UNAVAILABLE, "Service temporarily unavailable"),
        (refusals.INTERNAL, StatusCode.UNKNOWN_ERROR, "An unknown error has occurred."),
        (refusals.FORBIDDEN, 403, "Resource not accessible"),
    ],
)
def test_a_refusal_has_the_members_of_a_rejection(
    refusal: Refusal, code: int, message: str
) -> None:
    answer = callflow_answers.refused("request", Refused(refusal))
    assert answer.status == refusal.status
    assert json.loads(answer.body) == {
        "sessionStatus": "NOT_CREATED",
        "callFlowRequestId": "request",
        "statusCode": code,
        "statusMessage": message,
        "message": message,
        "errors": [{"statusCode": code, "path": "$", "message": message}],
    }


def test_a_message_of_its_own_stands_in_every_member() -> None:
    refused = Refused(
        refusals.SUB_ACCOUNT_NOT_FOUND, refusals.SUB_ACCOUNT_NOT_FOUND.message + "a_b"
    )
    body = json.loads(callflow_answers.refused("request", refused).body)
    text = "SubAccount not found by Id : a_b"
    assert (body["statusMessage"], body["message"], body["errors"][0]["message"]) == (text,) * 3
