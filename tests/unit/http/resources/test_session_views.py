"""Sessions as the API shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import ActionEnded, ActionStarted, CallConnected, DigitsCaptured
from offhook.flow.actions import Callflow
from offhook.http.resources.session_views import (
    action_views,
    event_view,
    leg_view,
    session_answer,
    session_view,
)
from offhook.session.session import CallQuality, Direction, Leg, Session, SessionError

T0 = datetime(2024, 7, 3, 5, 59, 32, 226_000, tzinfo=UTC)

LEG = Leg(
    call_id="c1",
    direction=Direction.OUTBOUND,
    source="+6512341234",
    destination="+12025550101",
)


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def as_json(view: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(view))


def test_a_leg_that_is_up_has_no_end() -> None:
    view = leg_view(msgspec.structs.replace(LEG, initiated_at=T0, connected_at=later(2)))
    assert as_json(view) == {
        "callId": "c1",
        "callDirection": "OUTBOUND",
        "callType": "PSTN",
        "source": "+6512341234",
        "destination": "+12025550101",
        "initiatedTimestamp": "2024-07-03T05:59:32.226Z",
        "connectedTimestamp": "2024-07-03T05:59:34.226Z",
    }


def test_a_leg_that_is_over_has_its_duration_in_whole_seconds_connected() -> None:
    view = leg_view(
        msgspec.structs.replace(
            LEG,
            connected_at=later(2),
            disconnected_at=later(9.9),
            status=CallStatus.COMPLETED,
            quality=CallQuality(mos=4.2, packet_loss_rate=0.01, jitter=3),
        )
    )
    assert view.call_duration == 7
    assert as_json(view.call_quality) == {"mos": 4.2, "packetLossRate": 0.01, "jitter": 3}


def test_a_leg_that_was_never_connected_lasted_no_time() -> None:
    leg = msgspec.structs.replace(LEG, disconnected_at=later(30), status=CallStatus.NO_ANSWER)
    assert leg_view(leg).call_duration == 0


def test_actions_are_joined_with_their_ends_also_when_an_index_comes_again() -> None:
    views = action_views(
        [
            ActionStarted(at=T0, index=0, action="say"),
            ActionEnded(at=later(1), index=0, action="say", result="finished"),
            ActionStarted(at=later(2), index=0, action="say"),
            ActionStarted(at=later(3), index=1, action="hangup"),
        ]
    )
    assert [(view.index, view.action, view.result) for view in views] == [
        (0, "say", "finished"),
        (0, "say", None),
        (1, "hangup", None),
    ]
    assert views[0].ended == "2024-07-03T05:59:33.226Z"


def test_an_event_shows_its_number_name_and_facts() -> None:
    assert event_view(3, DigitsCaptured(at=T0, call_id="c1", digits="12")) == {
        "number": 3,
        "event": "DTMF_RECEIVED",
        "timestamp": "2024-07-03T05:59:32.226Z",
        "callId": "c1",
        "digits": "12",
    }


def test_a_session_shows_why_it_ended_in_error() -> None:
    session = Session(
        session_id="s1",
        sub_account_id="acme",
        call_flow_request_id="r1",
        status=SessionStatus.ERROR,
        callflow=Callflow(actions=(), client_request_id="mine", valid_until=later(60)),
        created_at=T0,
        legs=(LEG,),
        error=SessionError(code=RuntimeCode.CONNECTIVITY, action="SAY", detail="HTTP 500"),
    )
    assert as_json(session_view(session)) == {
        "sessionId": "s1",
        "subAccountId": "acme",
        "callFlowRequestId": "r1",
        "sessionStatus": "ERROR",
        "createdTimestamp": "2024-07-03T05:59:32.226Z",
        "callCount": 1,
        "clientRequestId": "mine",
        "validUntil": "2024-07-03T06:00:32.226Z",
        "errorDetails": {
            "errorCode": -2002,
            "errorMsg": "An internal connectivity error has occurred",
            "action": "SAY",
            "callFlowRequestId": "r1",
            "detail": "HTTP 500",
        },
        "legs": [as_json(leg_view(LEG))],
    }
    answer = session_answer(session, [(1, CallConnected(at=T0, call_id="c1"))], [], None)
    assert [event["event"] for event in answer.events] == ["CALL_CONNECTED"]
    assert answer.status_code == 0
