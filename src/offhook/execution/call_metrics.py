"""Prometheus metrics of sessions and their calls, counted from the facts of their timelines.

Theory of operation. Everything that happens to a session passes its journal as an event. The meter of the
session (:class:`SessionMeter`) reads the same events, so that the metrics and the record cannot differ.
Labels come from closed sets or from the configuration (trunks); nothing a caller or a customer
writes becomes a label.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from offhook.events import (
    AnyEvent,
    CallConnected,
    CallDisconnected,
    CallInitiated,
    CallReceived,
    CallUpdated,
    DecisionAsked,
    DecisionMade,
    DigitsCaptured,
    SessionEnded,
)
from offhook.process_metrics import store_histogram, tally_of
from offhook.session.session import CallQuality, Leg, Session

MOS_BUCKETS = (2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.4)
LOSS_BUCKETS = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
JITTER_BUCKETS = (1, 2, 5, 10, 20, 30, 50, 100)
DELAY_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 20, 32, 60)
VCA_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10)
ANSWERED = "200"
NO_RESPONSE = "none"
"""The ``sip_code`` of a leg whose far end gave no final response."""


_COUNTED = frozenset(
    {
        *(CallInitiated, CallReceived, CallUpdated, CallConnected, CallDisconnected),
        *(SessionEnded, DigitsCaptured, DecisionAsked, DecisionMade),
    }
)
"""Half of the events of a call are not among them, and cost no more than this look-up."""


class CountedState(StrEnum):
    """How far a live call is."""

    RINGING = "ringing"
    """From the INVITE to the answer."""
    CONNECTED = "connected"


class CallMetrics:
    """What happens to the sessions of one voice process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Without a ``registry``, one of its own."""
        self._registry = registry or CollectorRegistry()
        self.tally = tally_of(self._registry)
        self._count_sessions()
        self._count_calls()
        self._measure_quality()

    def _count_sessions(self) -> None:
        registry = self._registry
        self.sessions_ended = Counter(
            "offhook_sessions_ended",
            "Sessions that ended, by final status and, of ERROR, status code",
            ("status", "code"),
            registry=registry,
        )
        self.captures = Counter(
            "offhook_dtmf_captures",
            "Captures of DTMF digits that ended, with digits or without",
            ("result",),
            registry=registry,
        )
        self.answers = Counter(
            "offhook_vca_answers",
            "Answers of VCA webhooks: usable, or not (none at all included)",
            ("result",),
            registry=registry,
        )
        self.vca_seconds = Histogram(
            "offhook_vca_seconds",
            "From a question to a VCA webhook to its answer",
            buckets=VCA_BUCKETS,
            registry=registry,
        )
        self.store_seconds = store_histogram(registry)

    def _count_calls(self) -> None:
        registry = self._registry
        self.live = Gauge(
            "offhook_calls_live",
            "Calls that ring or are connected",
            ("direction", "state"),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.started = Counter(
            "offhook_calls_started",
            "Calls dialled or received",
            ("direction", "trunk"),
            registry=registry,
        )
        self.connected = Counter(
            "offhook_calls_answered",
            "Calls that were answered: with offhook_calls_started_total the answer-seizure ratio",
            ("direction", "trunk"),
            registry=registry,
        )
        self.ended = Counter(
            "offhook_calls_ended",
            "Calls that ended, by outcome and final SIP status",
            ("direction", "trunk", "status", "sip_code"),
            registry=registry,
        )
        self.call_seconds = Counter(
            "offhook_call_seconds",
            "Seconds that calls which have ended were connected",
            ("direction", "trunk"),
            registry=registry,
        )

        self.causes = Counter(
            "offhook_call_q850_causes",
            "Calls that were refused with a Q.850 cause (RFC 3326), by cause, 0 to 127",
            ("trunk", "cause"),
            registry=registry,
        )

    def _measure_quality(self) -> None:
        registry, labels = self._registry, ("trunk",)
        self.post_dial_delay = Histogram(
            "offhook_post_dial_delay_seconds",
            "From the INVITE to the first ringing or the answer",
            labels,
            buckets=DELAY_BUCKETS,
            registry=registry,
        )
        self.mos = Histogram(
            "offhook_call_mos",
            "Estimated mean opinion score of ended calls (ITU-T G.107), 1.0 to 4.4",
            labels,
            buckets=MOS_BUCKETS,
            registry=registry,
        )
        self.loss = Histogram(
            "offhook_call_packet_loss_ratio",
            "Share of lost or late RTP packets of ended calls, 0 to 1",
            labels,
            buckets=LOSS_BUCKETS,
            registry=registry,
        )
        self.jitter = Histogram(
            "offhook_call_jitter_milliseconds",
            "Interarrival jitter of ended calls (RFC 3550)",
            labels,
            buckets=JITTER_BUCKETS,
            registry=registry,
        )

    def of_session(self) -> SessionMeter:
        """A meter for one more session."""
        return SessionMeter(self)

    def session_ended(self, status: str, code: int | None) -> None:
        """Count a session that ended with ``status`` and, of ERROR, a status code."""
        self.tally.inc(self.sessions_ended, status, "" if code is None else str(int(code)))

    def stored(self, operation: str, began: float) -> None:
        """The store has done ``operation``, which began at this time of the performance counter."""
        self.tally.observe(self.store_seconds, operation, value=time.perf_counter() - began)


class SessionMeter:
    """Counts the events of one session."""

    def __init__(self, metrics: CallMetrics) -> None:
        self._metrics = metrics
        self._states: dict[str, tuple[str, str]] = {}
        """Direction and state of each live leg, by its id."""
        self._delayed: set[str] = set()
        """Dialled legs that neither rang nor answered yet."""
        self._asked: dict[str, DecisionAsked] = {}

    def observe(self, session: Session, events: Sequence[AnyEvent]) -> None:
        """Count ``events``, which led to this state of the session."""
        for event in events:
            if type(event) in _COUNTED:
                self._count(session, event)

    def _count(self, session: Session, event: AnyEvent) -> None:
        match event:
            case CallUpdated() | CallConnected():
                self._moved(session, event)
            case CallInitiated() | CallReceived():
                self._begun(session, event)
            case CallDisconnected():
                self._over(session, event)
            case SessionEnded(status=status, error_code=code):
                self._metrics.session_ended(status, code)
            case DigitsCaptured(digits=digits):
                result = "none" if digits is None else "digits"
                self._metrics.tally.inc(self._metrics.captures, result)
            case DecisionAsked():
                self._asked[event.event_id] = event
            case DecisionMade():
                self._answered(event)

    def close(self) -> None:
        """The session is over: none of its legs is live any more."""
        for direction, state in self._states.values():
            self._metrics.tally.inc(self._metrics.live, direction, state, by=-1)
        self._states.clear()

    def _answered(self, event: DecisionMade) -> None:
        result = "usable" if event.problem is None else "unusable"
        self._metrics.tally.inc(self._metrics.answers, result)
        asked = self._asked.pop(event.event_id, None)
        if asked is not None:
            seconds = max(0.0, (event.at - asked.at).total_seconds())
            self._metrics.tally.observe(self._metrics.vca_seconds, value=seconds)

    def _begun(self, session: Session, event: CallInitiated | CallReceived) -> None:
        leg = _leg(session, event.call_id)
        if leg is None or event.call_id in self._states:
            return
        if isinstance(event, CallInitiated):
            self._delayed.add(event.call_id)
        self._metrics.tally.inc(self._metrics.started, str(leg.direction), leg.trunk or "")
        self._enter(leg, CountedState.RINGING)

    def _moved(self, session: Session, event: CallUpdated | CallConnected) -> None:
        leg = _leg(session, event.call_id)
        if leg is None:
            return
        if event.call_id in self._delayed:
            self._delayed.discard(event.call_id)
            if leg.initiated_at is not None:
                delay = max(0.0, (event.at - leg.initiated_at).total_seconds())
                self._metrics.tally.observe(
                    self._metrics.post_dial_delay, leg.trunk or "", value=delay
                )
        if isinstance(event, CallConnected):
            self._metrics.tally.inc(self._metrics.connected, str(leg.direction), leg.trunk or "")
            self._enter(leg, CountedState.CONNECTED)

    def _over(self, session: Session, event: CallDisconnected) -> None:
        leg = _leg(session, event.call_id)
        if leg is None:
            return
        self._enter(leg, None)
        self._delayed.discard(event.call_id)
        direction, trunk = str(leg.direction), leg.trunk or ""
        code = _sip_code(leg, event)
        self._metrics.tally.inc(self._metrics.ended, direction, trunk, event.call_status, code)
        if leg.failure is not None and leg.failure.q850_cause is not None:
            self._metrics.tally.inc(self._metrics.causes, trunk, str(leg.failure.q850_cause))
        if leg.connected_at is not None:
            seconds = max(0.0, (event.at - leg.connected_at).total_seconds())
            self._metrics.tally.inc(self._metrics.call_seconds, direction, trunk, by=seconds)
        if leg.quality is not None:
            self._measure(trunk, leg.quality)

    def _measure(self, trunk: str, quality: CallQuality) -> None:
        self._metrics.tally.observe(self._metrics.mos, trunk, value=quality.mos)
        self._metrics.tally.observe(self._metrics.loss, trunk, value=quality.packet_loss_rate)
        self._metrics.tally.observe(self._metrics.jitter, trunk, value=quality.jitter)

    def _enter(self, leg: Leg, state: CountedState | None) -> None:
        """The leg is in ``state`` now; None: it is over."""
        live = self._metrics.live
        before = self._states.pop(leg.call_id, None)
        if before is not None:
            self._metrics.tally.inc(live, *before, by=-1)
        if state is not None:
            now = self._states[leg.call_id] = (str(leg.direction), str(state))
            self._metrics.tally.inc(live, *now)


def _sip_code(leg: Leg, event: CallDisconnected) -> str:
    """The final response to the INVITE: of an answered call 200."""
    if event.sip_code is not None:
        return str(event.sip_code)
    return ANSWERED if leg.connected_at is not None else NO_RESPONSE


def _leg(session: Session, call_id: str) -> Leg | None:
    return next((leg for leg in session.legs if leg.call_id == call_id), None)
