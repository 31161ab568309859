"""The spans of a session: handed over at its end, where it is traced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from offhook.clock import new_id
from offhook.codes import SessionStatus
from offhook.events import DecisionAsked, DecisionMade
from offhook.execution.session_spans import SessionSpans
from offhook.flow.actions import Callflow, Hangup
from offhook.session.ports.tracing import WHOLE, Span, Tracer, question_key
from offhook.session.session import Session

AT = datetime(2026, 11, 28, tzinfo=UTC)
RUNNING = Session(
    session_id=new_id(),
    sub_account_id="acme",
    call_flow_request_id=new_id(),
    status=SessionStatus.RUNNING,
    callflow=Callflow(actions=(Hangup(),)),
    created_at=AT,
    started_at=AT + timedelta(seconds=1),
)


class Traces(Tracer):
    def __init__(self, *followed: str) -> None:
        self.followed = followed
        self.spans: list[Span] = []

    def follows(self, session_id: str) -> bool:
        return session_id in self.followed

    def emit(self, span: Span) -> None:
        self.spans.append(span)


OVER = msgspec.structs.replace(
    RUNNING, status=SessionStatus.COMPLETED, ended_at=AT + timedelta(seconds=9)
)
QUESTION = (
    DecisionAsked(at=AT + timedelta(seconds=3), event_id="e1"),
    DecisionMade(at=AT + timedelta(seconds=5), event_id="e1", http_status=200),
)


def test_the_spans_of_a_session_are_handed_over_when_it_is_over() -> None:
    traces = Traces(RUNNING.session_id)
    spans = SessionSpans(traces)
    for event in QUESTION:
        spans.observe(RUNNING, [event])
    assert traces.spans == []
    spans.close(OVER)
    made = {span.key: (span.began - AT, span.ended - AT) for span in traces.spans}
    assert made == {
        WHOLE: (timedelta(0), timedelta(seconds=9)),
        "queue": (timedelta(0), timedelta(seconds=1)),
        question_key("e1"): (timedelta(seconds=3), timedelta(seconds=5)),
    }


def test_a_session_that_is_not_traced_has_none() -> None:
    traces = Traces("another")
    spans = SessionSpans(traces)
    spans.observe(RUNNING, QUESTION)
    spans.close(OVER)
    assert traces.spans == []
