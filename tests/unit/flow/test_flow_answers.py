"""The JSON answers: members, values, and nothing else."""

from __future__ import annotations

import json

import pytest
from tests.unit.flow.flow_requests import call_and, judged, say

from offhook.flow import answer_bodies

UNTIL = "2027-01-01T08:00:00+08:00"


def test_an_accepted_callflow() -> None:
    assert json.loads(answer_bodies.accepted(judged(call_and()), "request", "session")) == {
        "sessionId": "session",
        "sessionStatus": "CREATED",
        "callFlowRequestId": "request",
        "statusCode": 1,
        "statusMessage": "Created",
        "message": "Created",
    }


def test_valid_until_is_repeated_as_it_was_sent() -> None:
    verdict = judged(call_and(validUntil=UNTIL))
    assert json.loads(answer_bodies.accepted(verdict, "r", "s"))["validUntil"] == UNTIL
    assert json.loads(answer_bodies.validated(verdict, "r"))["validUntil"] == UNTIL


def test_a_validated_callflow_has_no_session() -> None:
    assert json.loads(answer_bodies.validated(judged(call_and()), "request")) == {
        "sessionStatus": "VALID",
        "callFlowRequestId": "request",
        "statusCode": 1,
        "statusMessage": "Created",
        "message": "Created",
    }


def test_a_rejection_lists_every_problem() -> None:
    verdict = judged(call_and(say(text=..., voiceProfile="x")))
    text = (
        "Invalid call flow entry provided. $.callflow[1].params.text: is missing but it is required"
    )
    assert json.loads(answer_bodies.rejected(verdict.problems, "request")) == {
        "sessionStatus": "NOT_CREATED",
        "callFlowRequestId": "request",
        "statusCode": -1009,
        "statusMessage": text,
        "message": text,
        "errors": [
            {"statusCode": -1009, "path": "$.callflow[1].params.text", "message": text},
            {
                "statusCode": -1002,
                "path": "$.callflow[1].params.voiceProfile",
                "message": "Speech profile or language parameter invalid. "
                "Usable profiles near it: en-GB-Emma, en-US-JennyNeural",
            },
        ],
    }


@pytest.mark.parametrize("base", ["https://docs.example/codes", "https://docs.example/codes/"])
def test_problems_link_their_pages(base: str) -> None:
    verdict = judged(call_and(say(text=..., voiceProfile="x")))
    errors = json.loads(answer_bodies.rejected(verdict.problems, "request", base))["errors"]
    assert [error["help"] for error in errors] == [
        "https://docs.example/codes/1009.md",
        "https://docs.example/codes/1002.md",
    ]
