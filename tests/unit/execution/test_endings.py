"""The line that says why a session did not do what its customer wanted."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import msgspec
import pytest

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.execution.endings import cause, log_end
from offhook.flow.actions import Callflow
from offhook.session.session import (
    Direction,
    Leg,
    LegFailure,
    Session,
    SessionError,
    TrunkTry,
)

AT = datetime(2026, 11, 28, tzinfo=UTC)
SILENCE = "no response from udp:192.0.2.1:5060 for 32 s"
log = logging.getLogger("offhook.test_endings")


def leg(status: CallStatus, *, trunk: str | None = "carrier", **facts: object) -> Leg:
    made = Leg(
        call_id="a",
        direction=Direction.OUTBOUND,
        source="+12025550199",
        destination="+12025550101",
        trunk=trunk,
        status=status,
    )
    return msgspec.structs.replace(made, **facts)


def session(status: SessionStatus, *legs: Leg, error: SessionError | None = None) -> Session:
    return Session(
        session_id="s",
        sub_account_id="demo",
        call_flow_request_id="r",
        status=status,
        callflow=Callflow(actions=()),
        created_at=AT,
        ended_at=AT,
        legs=legs,
        error=error,
    )


def test_a_silent_trunk_is_named_with_the_time_waited() -> None:
    failure = LegFailure(detail=SILENCE, tries=(TrunkTry(trunk="carrier", detail=SILENCE),))
    ended = session(SessionStatus.FAILED, leg(CallStatus.FAILED, failure=failure))
    assert cause(ended) == f"trunk carrier: {SILENCE}"


def test_each_trunk_that_was_tried_says_what_it_answered() -> None:
    failure = LegFailure(
        q850_cause=34,
        tries=(
            TrunkTry(trunk="first", detail=SILENCE),
            TrunkTry(trunk="second", sip_code=503, sip_reason="Service Unavailable"),
        ),
    )
    ended = session(SessionStatus.FAILED, leg(CallStatus.FAILED, failure=failure))
    assert cause(ended) == (
        f"trunk first: {SILENCE}, then trunk second: 503 Service Unavailable (Q.850 cause 34)"
    )


def test_an_error_says_its_code_and_rule() -> None:
    error = SessionError(code=RuntimeCode.NO_COVERAGE, detail="not in the coverage")
    assert cause(session(SessionStatus.ERROR, error=error)) == "-2004 not in the coverage"


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (SessionStatus.FAILED, "WARNING"),
        (SessionStatus.ERROR, "WARNING"),
        (SessionStatus.BUSY, "INFO"),
        (SessionStatus.NO_ANSWER, "INFO"),
        (SessionStatus.COMPLETED, None),
        (SessionStatus.CANCELED, None),
    ],
)
def test_only_ends_that_an_operator_must_see_are_warnings(
    caplog: pytest.LogCaptureFixture, status: SessionStatus, level: str | None
) -> None:
    caplog.set_level(logging.INFO, log.name)
    log_end(log, session(status, leg(CallStatus.FAILED, sip_code=404)))
    assert [one.levelname for one in caplog.records] == ([] if level is None else [level])


def test_no_phone_number_is_in_the_line(caplog: pytest.LogCaptureFixture) -> None:
    failure = LegFailure(warning='399 proxy "+12025550101 is not in service"', detail="Not Found")
    log_end(log, session(SessionStatus.FAILED, leg(CallStatus.FAILED, failure=failure)))
    assert "1202555" not in caplog.text
    assert "trunk carrier: Not Found" in caplog.text
