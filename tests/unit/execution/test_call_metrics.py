"""What the facts of a session's timeline add to the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import (
    AnyEvent,
    CallConnected,
    CallDisconnected,
    CallInitiated,
    CallUpdated,
    DecisionAsked,
    DecisionMade,
    DigitsCaptured,
    SessionEnded,
)
from offhook.execution.call_metrics import CallMetrics, SessionMeter
from offhook.flow.actions import Callflow
from offhook.session.session import CallQuality, Direction, Leg, Session

AT = datetime(2026, 11, 28, tzinfo=UTC)
LEG = Leg(
    call_id="a",
    direction=Direction.OUTBOUND,
    source="+12025550199",
    destination="+12025550101",
    trunk="carrier",
    initiated_at=AT,
)
OUT = {"direction": "OUTBOUND", "trunk": "carrier"}


def session_with(*legs: Leg) -> Session:
    return Session(
        session_id="s",
        sub_account_id="demo",
        call_flow_request_id="r",
        status=SessionStatus.RUNNING,
        callflow=Callflow(actions=()),
        created_at=AT,
        legs=legs,
    )


class Figures:
    """A meter and what its registry says."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.meter: SessionMeter = CallMetrics(self.registry).of_session()

    def see(self, leg: Leg, *events: AnyEvent) -> None:
        self.meter.observe(session_with(leg), events)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"offhook_{name}", labels)

    def live(self) -> dict[str, float | None]:
        return {
            state: self.value("calls_live", direction="OUTBOUND", state=state)
            for state in ("ringing", "connected")
        }


@pytest.fixture
def figures() -> Figures:
    return Figures()


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def initiated() -> CallInitiated:
    return CallInitiated(at=AT, call_id="a", destination="+12025550101", trunk="carrier")


def test_a_call_is_live_from_its_invite_to_its_end(figures: Figures) -> None:
    figures.see(LEG, initiated())
    assert figures.live() == {"ringing": 1, "connected": None}
    figures.see(LEG, CallConnected(at=after(2), call_id="a"))
    assert figures.live() == {"ringing": 0, "connected": 1}
    figures.see(LEG, CallDisconnected(at=after(9), call_id="a", call_status="COMPLETED"))
    assert figures.live() == {"ringing": 0, "connected": 0}


def test_no_leg_of_a_closed_session_is_live(figures: Figures) -> None:
    figures.see(LEG, initiated())
    figures.meter.close()
    figures.meter.close()
    assert figures.live()["ringing"] == 0


def test_the_post_dial_delay_ends_with_the_first_ringing(figures: Figures) -> None:
    rings = [CallUpdated(at=after(at), call_id="a", sip_code=180) for at in (1.5, 3.0)]
    figures.see(LEG, initiated(), *rings, CallConnected(at=after(6), call_id="a"))
    assert figures.value("post_dial_delay_seconds_count", trunk="carrier") == 1
    assert figures.value("post_dial_delay_seconds_sum", trunk="carrier") == 1.5


def test_a_call_that_is_answered_without_ringing_has_a_post_dial_delay(figures: Figures) -> None:
    figures.see(LEG, initiated(), CallConnected(at=after(4), call_id="a"))
    assert figures.value("post_dial_delay_seconds_sum", trunk="carrier") == 4


def test_started_and_answered_calls_give_the_answer_seizure_ratio(figures: Figures) -> None:
    figures.see(LEG, initiated(), CallConnected(at=after(1), call_id="a"))
    other = msgspec.structs.replace(LEG, call_id="b")
    figures.see(
        other,
        msgspec.structs.replace(initiated(), call_id="b"),
        CallDisconnected(at=after(1), call_id="b", call_status="BUSY", sip_code=486),
    )
    assert figures.value("calls_started_total", **OUT) == 2
    assert figures.value("calls_answered_total", **OUT) == 1


@pytest.mark.parametrize(("sip_code", "label"), [(503, "503"), (None, "none")])
def test_an_ended_call_counts_by_outcome_and_sip_status(
    figures: Figures, sip_code: int | None, label: str
) -> None:
    end = CallDisconnected(at=after(1), call_id="a", call_status="FAILED", sip_code=sip_code)
    figures.see(LEG, initiated(), end)
    labels = {**OUT, "status": "FAILED", "sip_code": label}
    assert figures.value("calls_ended_total", **labels) == 1


def test_a_connected_call_adds_its_seconds_and_its_quality(figures: Figures) -> None:
    leg = msgspec.structs.replace(
        LEG,
        connected_at=after(2),
        status=CallStatus.COMPLETED,
        quality=CallQuality(mos=4.1, packet_loss_rate=0.02, jitter=7),
    )
    figures.see(leg, CallDisconnected(at=after(12), call_id="a", call_status="COMPLETED"))
    assert figures.value("call_seconds_total", **OUT) == 10
    assert figures.value("call_mos_sum", trunk="carrier") == 4.1
    assert figures.value("call_packet_loss_ratio_sum", trunk="carrier") == 0.02
    assert figures.value("call_jitter_milliseconds_sum", trunk="carrier") == 7


@pytest.mark.parametrize(("digits", "result"), [("12", "digits"), (None, "none")])
def test_a_capture_counts_by_what_came(figures: Figures, digits: str | None, result: str) -> None:
    figures.see(LEG, DigitsCaptured(at=AT, call_id="a", digits=digits))
    assert figures.value("dtmf_captures_total", result=result) == 1


@pytest.mark.parametrize(("problem", "result"), [(None, "usable"), ("no JSON", "unusable")])
def test_a_vca_answer_counts_with_its_time(
    figures: Figures, problem: str | None, result: str
) -> None:
    events: Sequence[AnyEvent] = (
        DecisionAsked(at=AT, event_id="e"),
        DecisionMade(at=after(0.4), event_id="e", problem=problem),
    )
    figures.see(LEG, *events)
    assert figures.value("vca_answers_total", result=result) == 1
    assert figures.value("vca_seconds_sum") == pytest.approx(0.4)


def test_a_session_that_ended_counts_by_status_and_code(figures: Figures) -> None:
    figures.see(
        LEG,
        SessionEnded(at=AT, status="ERROR", error_code=RuntimeCode.NO_COVERAGE),
        SessionEnded(at=AT, status="COMPLETED"),
    )
    assert figures.value("sessions_ended_total", status="ERROR", code="-2004") == 1
    assert figures.value("sessions_ended_total", status="COMPLETED", code="") == 1
