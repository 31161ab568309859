"""The spans of one session, made from its timeline when it has ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offhook.codes import CallStatus, SessionStatus
from offhook.events import ActionEnded, ActionStarted, AnyEvent, DecisionAsked, DecisionMade
from offhook.session.ports.tracing import WHOLE, Span, SpanKind, Tracer, question_key
from offhook.session.session import Leg, Session

MOST_EVENTS = 2000
"""Of one session that become spans; later ones are left out."""


class SessionSpans:
    """Notes the events of one session, and hands its spans over at its end."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._events: list[AnyEvent] = []

    def observe(self, session: Session, events: Sequence[AnyEvent]) -> None:
        """Note what happened."""
        if self._tracer.follows(session.session_id):
            self._events.extend(events[: MOST_EVENTS - len(self._events)])

    def close(self, session: Session) -> None:
        """The session is over."""
        events, self._events = self._events, []
        if session.ended_at is None or not self._tracer.follows(session.session_id):
            return
        for span in spans_of(session, events):
            self._tracer.emit(span)


def spans_of(session: Session, events: Sequence[AnyEvent]) -> Iterator[Span]:
    """All spans of a session that has ended."""
    assert session.ended_at is not None
    error = session.error
    facts: dict[str, str | int | float] = {
        "offhook.session.id": session.session_id,
        "offhook.subaccount": session.sub_account_id,
        "offhook.session.status": session.status.value,
    }
    if error is not None:
        facts["offhook.session.code"] = int(error.code)
    good = session.status in {SessionStatus.COMPLETED, SessionStatus.BUSY, SessionStatus.NO_ANSWER}
    yield Span(
        session_id=session.session_id,
        key=WHOLE,
        name="session",
        began=session.created_at,
        ended=session.ended_at,
        parent=None,
        facts=facts,
        problem=None if good else session.status.value,
    )
    if session.started_at is not None:
        yield Span(
            session_id=session.session_id,
            key="queue",
            name="wait in the queue",
            began=session.created_at,
            ended=session.started_at,
        )
    for leg in session.legs:
        if leg.initiated_at is not None:
            yield _of_leg(session, leg)
    yield from _of_actions(session, events)
    yield from _of_decisions(session, events)


def _of_leg(session: Session, leg: Leg) -> Span:
    facts: dict[str, str | int | float] = {
        "offhook.call.id": leg.call_id,
        "offhook.call.direction": leg.direction.value,
        "offhook.call.trunk": leg.trunk or "",
    }
    if leg.sip_code is not None:
        facts["offhook.call.sip_code"] = leg.sip_code
    if leg.status is not None:
        facts["offhook.call.status"] = leg.status.value
    if leg.quality is not None:
        facts["offhook.call.mos"] = leg.quality.mos
    assert leg.initiated_at is not None
    assert session.ended_at is not None
    failed = leg.status is CallStatus.FAILED
    detail = leg.failure.detail if leg.failure is not None else None
    return Span(
        session_id=session.session_id,
        key=f"call:{leg.call_id}",
        name=f"call {leg.direction.value.lower()}",
        began=leg.initiated_at,
        ended=leg.disconnected_at or session.ended_at,
        facts=facts,
        problem=(detail or "the call failed") if failed else None,
    )


def _of_actions(session: Session, events: Sequence[AnyEvent]) -> Iterator[Span]:
    begun: ActionStarted | None = None
    number = 0
    for event in events:
        if isinstance(event, ActionStarted):
            begun = event
        elif isinstance(event, ActionEnded) and begun is not None:
            number += 1
            yield Span(
                session_id=session.session_id,
                key=f"action:{number}",
                name=event.action,
                began=begun.at,
                ended=event.at,
                facts={"offhook.action.result": event.result},
            )
            begun = None


def _of_decisions(session: Session, events: Sequence[AnyEvent]) -> Iterator[Span]:
    asked: dict[str, DecisionAsked] = {}
    for event in events:
        if isinstance(event, DecisionAsked):
            asked[event.event_id] = event
        elif isinstance(event, DecisionMade) and event.event_id in asked:
            facts: dict[str, str | int | float] = {"http.request.method": "POST"}
            if event.http_status is not None:
                facts["http.response.status_code"] = event.http_status
            yield Span(
                session_id=session.session_id,
                key=question_key(event.event_id),
                name="POST VCA webhook",
                kind=SpanKind.CLIENT,
                began=asked.pop(event.event_id).at,
                ended=event.at,
                facts=facts,
                problem=None if event.problem is None else "the answer is not usable",
            )
