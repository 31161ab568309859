"""The session's table of transitions and outcomes (spec/execution.md, "How it ends")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import Side
from offhook.flow.actions import Callflow, Hangup, MakeCall
from offhook.session import states
from offhook.session.session import Direction, Leg, Session, SessionError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
C = CallStatus


def leg(call_id: str = "a", status: CallStatus | None = None, *, connected: bool = False) -> Leg:
    return Leg(
        call_id=call_id,
        direction=Direction.OUTBOUND,
        source="+6512341234",
        destination="+12025550100",
        status=status,
        connected_at=NOW if connected else None,
    )


def session(status: SessionStatus = SessionStatus.QUEUED, *legs: Leg) -> Session:
    return Session(
        session_id="s",
        sub_account_id="acme",
        call_flow_request_id="r",
        status=status,
        callflow=Callflow(actions=(MakeCall(source="+1", destination="+2"), Hangup())),
        created_at=NOW,
        legs=legs,
    )


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (C.COMPLETED, None, SessionStatus.COMPLETED),
        (C.COMPLETED, C.COMPLETED, SessionStatus.COMPLETED),
        (C.COMPLETED, C.CANCELED, SessionStatus.COMPLETED),
        (C.COMPLETED, C.NO_ANSWER, SessionStatus.NO_ANSWER),
        (C.COMPLETED, C.BUSY, SessionStatus.BUSY),
        (C.COMPLETED, C.FAILED, SessionStatus.FAILED),
        (C.CANCELED, C.CANCELED, SessionStatus.CANCELED),
        (C.NO_ANSWER, None, SessionStatus.NO_ANSWER),
        (C.BUSY, None, SessionStatus.BUSY),
        (C.FAILED, None, SessionStatus.FAILED),
        (C.CANCELED, None, SessionStatus.CANCELED),
        (C.ERROR, None, SessionStatus.ERROR),
        (C.COMPLETED, C.ERROR, SessionStatus.ERROR),
    ],
)
def test_the_legs_decide_the_session(
    a: CallStatus, b: CallStatus | None, expected: SessionStatus
) -> None:
    legs = [leg("a", a)] + ([leg("b", b)] if b else [])
    assert states.finish(session(SessionStatus.RUNNING, *legs), NOW).status is expected


def test_the_leg_bridged_last_decides() -> None:
    legs = [leg("a", C.COMPLETED), leg("b", C.BUSY), leg("c", C.COMPLETED)]
    running = session(SessionStatus.RUNNING, *legs)
    assert states.finish(running, NOW).status is SessionStatus.COMPLETED


@pytest.mark.parametrize("legs", [[], [leg("a")], [leg("a", C.COMPLETED), leg("b")]])
def test_an_open_leg_has_no_outcome(legs: list[Leg]) -> None:
    with pytest.raises(states.IllegalTransition):
        states.outcome(legs)


@pytest.mark.parametrize("final", [status for status in SessionStatus if status.final])
def test_a_final_status_never_changes(final: SessionStatus) -> None:
    ended = session(final, leg("a", C.COMPLETED))
    error = SessionError(code=RuntimeCode.INTERNAL)
    with pytest.raises(states.IllegalTransition):
        states.finish(ended, NOW)
    with pytest.raises(states.IllegalTransition):
        states.fail(ended, error, NOW)
    with pytest.raises(states.IllegalTransition):
        states.cancel(ended, NOW)
    with pytest.raises(states.IllegalTransition):
        states.with_leg(ended, leg("b"))


def test_every_status_that_is_not_final_is_in_the_table() -> None:
    assert set(states.TRANSITIONS) == {status for status in SessionStatus if not status.final}


def test_every_status_can_be_reached_and_every_event_moves_something() -> None:
    rows = states.TRANSITIONS.values()
    reached = {status for row in rows for status in row.values()}
    assert reached == set(SessionStatus) - {SessionStatus.QUEUED}
    assert {trigger for row in rows for trigger in row} == set(states.Trigger)


@pytest.mark.parametrize("trigger", states.Trigger)
@pytest.mark.parametrize("status", SessionStatus)
def test_an_event_outside_the_table_is_our_misuse(
    status: SessionStatus, trigger: states.Trigger
) -> None:
    following = states.TRANSITIONS.get(status, {}).get(trigger)
    if following is None:
        with pytest.raises(states.IllegalTransition):
            states.moved(session(status), trigger)
    else:
        assert states.moved(session(status), trigger).status is following


def test_a_leg_that_an_error_ended_is_an_internal_error_of_the_session() -> None:
    ended = states.finish(session(SessionStatus.RUNNING, leg("a", C.ERROR)), NOW)
    assert ended.error is not None
    assert ended.error.code is RuntimeCode.INTERNAL


def test_what_has_not_ended_is_not_told_as_ended() -> None:
    with pytest.raises(states.IllegalTransition):
        states.ended(session(SessionStatus.RUNNING))
    with pytest.raises(states.IllegalTransition):
        states.disconnected(leg(), by=Side.CALLEE)


def test_a_failure_closes_open_legs() -> None:
    running = states.begin(session(), leg(connected=True), NOW)
    later = NOW + timedelta(seconds=3)
    error = SessionError(code=RuntimeCode.SYNTHESIS_FAILED, action="SAY")
    ended = states.fail(running, error, later)
    assert ended.status is SessionStatus.ERROR
    assert ended.legs[0].status is C.COMPLETED
    assert ended.legs[0].disconnected_at == later
    assert ended.error == error


def test_an_abandoned_ringing_leg_is_our_error() -> None:
    running = states.begin(session(), leg(), NOW)
    ended = states.abandon(running, NOW)
    assert ended.status is SessionStatus.ERROR
    assert ended.legs[0].status is C.ERROR
    assert ended.error is not None
    assert ended.error.code is RuntimeCode.INTERNAL


def test_a_leg_is_replaced_by_its_id() -> None:
    running = states.begin(session(), leg(), NOW)
    rung = msgspec.structs.replace(leg(), sip_code=180)
    assert states.with_leg(running, rung).legs == (rung,)
    assert len(states.with_leg(running, leg("b")).legs) == 2


def test_the_diagram_in_the_docs_is_made_from_the_table() -> None:
    page = Path(__file__).parents[3] / "docs" / "decisions" / "running-sessions.md"
    assert f"```mermaid\n{states.diagram()}\n```" in page.read_text()
