"""``sipCode`` of every call event, by the rules of ``spec/webhooks.md``, "Call events"."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from offhook.codes import CallStatus
from offhook.events import (
    AnyEvent,
    CallConnected,
    CallDisconnected,
    CallInitiated,
    CallReceived,
    CallUpdated,
    DigitsCaptured,
)
from offhook.session.session import Direction, Leg
from offhook.webhooks.reports import STATUSES
from offhook.webhooks.sip_codes import sip_code_of

AT = datetime(2026, 7, 3, tzinfo=UTC)


def leg(*, connected: bool) -> Leg:
    return Leg(
        call_id="c",
        direction=Direction.OUTBOUND,
        source="+6512341234",
        destination="+6590000000",
        connected_at=AT if connected else None,
    )


def end(status: CallStatus, sip_code: int | None, by: str) -> CallDisconnected:
    return CallDisconnected(at=AT, call_id="c", call_status=status, sip_code=sip_code, by=by)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (CallInitiated(at=AT, call_id="c", destination="+6590000000", trunk="t"), 100),
        (CallUpdated(at=AT, call_id="c", sip_code=180), 180),
        (CallUpdated(at=AT, call_id="c", sip_code=183), 183),
        (CallReceived(at=AT, call_id="c", source="+1", destination="+2"), 200),
        (end(CallStatus.BUSY, 486, "callee"), 486),
        (end(CallStatus.BUSY, 603, "callee"), 603),
        (end(CallStatus.FAILED, 404, "callee"), 404),
        (end(CallStatus.FAILED, 503, "callee"), 503),
        (end(CallStatus.NO_ANSWER, 480, "callee"), 480),
        (end(CallStatus.NO_ANSWER, 408, "callee"), 408),
        (end(CallStatus.COMPLETED, 486, "server"), 486),
        (end(CallStatus.COMPLETED, 603, "server"), 603),
        (end(CallStatus.ERROR, 480, "server"), 480),
        (end(CallStatus.NO_ANSWER, None, "server"), 408),
        (end(CallStatus.NO_ANSWER, 487, "server"), 408),
        (end(CallStatus.FAILED, None, "server"), 408),
        (end(CallStatus.CANCELED, None, "server"), 487),
        (end(CallStatus.CANCELED, 480, "server"), 487),
        (end(CallStatus.CANCELED, 487, "caller"), 487),
        (end(CallStatus.ERROR, None, "server"), 503),
        (end(CallStatus.BUSY, None, "server"), 486),
        (end(CallStatus.COMPLETED, None, "server"), 603),
    ],
)
def test_before_the_answer(event: AnyEvent, code: int) -> None:
    assert sip_code_of(event, leg(connected=False)) == code


@pytest.mark.parametrize(
    "event",
    [
        CallConnected(at=AT, call_id="c"),
        CallUpdated(at=AT, call_id="c", bridged_with="d"),
        DigitsCaptured(at=AT, call_id="c", digits=None),
        end(CallStatus.COMPLETED, None, "callee"),
        end(CallStatus.COMPLETED, 200, "server"),
        end(CallStatus.ERROR, None, "server"),
    ],
)
def test_of_a_leg_that_was_answered_it_is_200(event: AnyEvent) -> None:
    assert sip_code_of(event, leg(connected=True)) == 200


@pytest.mark.parametrize("status", list(CallStatus))
@pytest.mark.parametrize("by", ["callee", "caller", "server"])
def test_every_unanswered_end_has_a_code(status: CallStatus, by: str) -> None:
    assert 400 <= sip_code_of(end(status, None, by), leg(connected=False)) <= 699


def test_every_call_status_event_is_covered() -> None:
    covered = {CallInitiated, CallReceived, CallUpdated, CallConnected, DigitsCaptured}
    assert set(STATUSES) == covered | {CallDisconnected}
