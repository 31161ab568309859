"""The code tables against the contract's texts, copied by hand; and SIP statuses to outcomes."""

from __future__ import annotations

import pytest
from tests.unit.flow.flow_requests import TEXTS

from offhook.codes import (
    CallStatus,
    RuntimeCode,
    SessionStatus,
    StatusCode,
    outcome_of_sip_status,
)


def test_the_texts_and_http_statuses_are_the_contracts() -> None:
    expected = {
        **TEXTS,
        1: ("Created", 200),
        -9999: ("An unknown error has occurred.", 500),
        401: ("Authentication header not found or token invalid", 401),
        404: ("SubAccount not found by Id : ", 404),
        429: ("Too many requests", 429),
        503: ("Service temporarily unavailable", 503),
    }
    assert {c: (c.message, c.http_status) for c in StatusCode} == expected


def test_the_runtime_texts_are_the_contracts() -> None:
    assert {c: c.message for c in RuntimeCode} == {
        -2001: "An internal error has occurred",
        -2002: "An internal connectivity error has occurred",
        -2003: "The call flow provided is invalid",
        -2004: "No coverage available for requested area",
        -2005: "Unable to synthesize text to speech",
        -2006: "Unable to download file for playback",
        -2007: "The validity period of the call flow request has expired",
        -2008: "The provided source MSISDN or caller ID is not whitelisted",
        -2009: "The scenario parameters provided is invalid",
        -2010: "The trunk capacity has been exceeded",
        -9999: "An unknown error has occurred",
    }


def test_final_statuses_are_those_that_end_a_session() -> None:
    assert {status for status in SessionStatus if not status.final} == {
        SessionStatus.QUEUED,
        SessionStatus.RUNNING,
    }


@pytest.mark.parametrize("cause", [None, 16, 17, 20, 27, 31])
def test_every_refusal_has_its_outcome(cause: int | None) -> None:
    for status in range(300, 700):
        if status in (486, 600, 603):
            expected = CallStatus.BUSY
        elif status == 408 or (status == 480 and cause not in (20, 27)):
            expected = CallStatus.NO_ANSWER
        elif status == 487:
            expected = CallStatus.CANCELED
        else:
            expected = CallStatus.FAILED
        assert outcome_of_sip_status(status, cause) is expected, status
