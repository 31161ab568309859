"""A session's time to scale: one axis that all rows share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from offhook.console.action_names import written
from offhook.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    CallUpdated,
    DecisionAsked,
    DecisionMade,
    DigitsCaptured,
    QualityMeasured,
    RecordingEnded,
    RecordingStarted,
)
from offhook.session.ports.record import DeliveryRecord
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Leg, Session

MOST_ACTIONS = 30
"""Rows of actions; those that follow share one row."""
MOST_MARKS = 300
"""Marks of one row."""
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)
"""Seconds between two ticks of the axis."""
MOST_TICKS = 12
QUALITY_LOOKS = ((3.8, "s-good"), (3.1, "s-refused"), (0.0, "s-failed"))
"""The least MOS of each look, as the tables of figures have them."""


class Bar(NamedTuple):
    """Something that lasts."""

    x: float
    """Where it begins: per cent of the width."""
    width: float
    look: str
    """A class of the style sheet."""
    title: str
    height: float = 1.0
    """Of the row's height."""


class Wave(NamedTuple):
    """Where the waveform of a recording belongs; the browser draws it."""

    x: float
    width: float
    recording_id: str


class Mark(NamedTuple):
    """A moment."""

    x: float
    look: str
    title: str


class TimelineRow(NamedTuple):
    """One row."""

    label: str
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    waves: tuple[Wave, ...] = ()


class Tick(NamedTuple):
    """A place of the axis."""

    x: float
    text: str


class SessionTimeline(NamedTuple):
    """The picture."""

    begin: datetime
    seconds: float
    rows: tuple[TimelineRow, ...]
    ticks: tuple[Tick, ...]


class Facts(NamedTuple):
    """What is known of a session."""

    session: Session
    events: Sequence[AnyEvent]
    deliveries: Sequence[DeliveryRecord]
    messages: Sequence[SipMessage]
    now: datetime


def timeline_of(facts: Facts) -> SessionTimeline:
    """The picture of a session, from when a node took it to its end or to now."""
    session = facts.session
    begin = session.started_at or session.created_at
    if session.legs and session.legs[0].initiated_at is not None:
        begin = min(begin, session.legs[0].initiated_at)
    end = max(session.ended_at or facts.now, begin + timedelta(milliseconds=100))
    scale = _Scale(begin, (end - begin).total_seconds())
    rows = (
        *_legs(facts, scale),
        *_actions(facts.events, scale),
        *_keys(facts.events, scale),
        *_webhooks(facts, scale),
        *_qualities(facts, scale),
        *_recordings(facts.events, scale),
        *_sip(facts.messages, scale),
    )
    return SessionTimeline(begin, scale.seconds, rows, scale.ticks())


class _Scale:
    """Turns times into places."""

    def __init__(self, begin: datetime, seconds: float) -> None:
        self.begin = begin
        self.seconds = seconds

    def x(self, at: datetime) -> float:
        """Per cent of the width; what lies outside is put on the edge."""
        share = (at - self.begin).total_seconds() / self.seconds
        return round(100 * min(1.0, max(0.0, share)), 3)

    def bar(self, begin: datetime, end: datetime | None, look: str, title: str) -> Bar:
        """A bar; None: it lasts on."""
        left = self.x(begin)
        right = 100.0 if end is None else self.x(end)
        return Bar(left, round(max(0.25, right - left), 3), look, title)

    def holds(self, at: datetime) -> bool:
        """Whether a time lies on the axis."""
        return 0 <= (at - self.begin).total_seconds() <= self.seconds

    def ticks(self) -> tuple[Tick, ...]:
        """Round times, at most :data:`MOST_TICKS`."""
        step = next((one for one in STEPS if self.seconds / one <= MOST_TICKS), self.seconds / 10)
        count = int(self.seconds / step) + 1
        return tuple(
            Tick(round(100 * step * place / self.seconds, 3), _seconds(step * place))
            for place in range(count)
        )


def _seconds(length: float) -> str:
    if length < 60:
        return f"{length:g} s"
    minutes, seconds = divmod(round(length), 60)
    return f"{minutes}:{seconds:02}"


def _took(begin: datetime, end: datetime | None) -> str:
    return f"{(end - begin).total_seconds():.1f} s" if end is not None else "until now"


def _legs(facts: Facts, scale: _Scale) -> Iterator[TimelineRow]:
    for place, leg in enumerate(facts.session.legs):
        name = chr(ord("A") + place) if place < 26 else str(place + 1)
        other = leg.destination if leg.direction.value == "OUTBOUND" else leg.source
        yield TimelineRow(f"{name} {other}", tuple(_leg_bars(leg, facts.events, scale)))


def _leg_bars(leg: Leg, events: Sequence[AnyEvent], scale: _Scale) -> Iterator[Bar]:
    over = leg.disconnected_at
    if leg.initiated_at is not None:
        rings_until = leg.connected_at or over
        refused = leg.connected_at is None and over is not None
        took = _took(leg.initiated_at, rings_until)
        how = f", {leg.sip_code}" if refused and leg.sip_code else ""
        look = "bar-bad" if refused else "bar-ring"
        yield scale.bar(leg.initiated_at, rings_until, look, f"calling and ringing {took}{how}")
    if leg.connected_at is not None:
        took = _took(leg.connected_at, over)
        yield scale.bar(leg.connected_at, over, "bar-up", f"on the phone {took}")
    for event in events:
        if isinstance(event, CallUpdated) and event.bridged_with and event.call_id == leg.call_id:
            yield scale.bar(event.at, over, "bar-bridge", f"bridged {_took(event.at, over)}")


def _actions(events: Sequence[AnyEvent], scale: _Scale) -> Iterator[TimelineRow]:
    bars: list[tuple[str, Bar]] = []
    begun: list[ActionStarted] = []
    for event in events:
        if isinstance(event, ActionStarted):
            begun.append(event)
        elif isinstance(event, ActionEnded):
            start = next((one for one in reversed(begun) if one.index == event.index), None)
            if start is not None:
                begun.remove(start)
                took = _took(start.at, event.at)
                name = written(event.action)
                title = f"{event.result}, {took}"
                bars.append((name, scale.bar(start.at, event.at, "bar-act", title)))
    bars += [(written(one.action), scale.bar(one.at, None, "bar-act", "runs")) for one in begun]
    for name, bar in bars[:MOST_ACTIONS]:
        yield TimelineRow(name, (bar,))
    if len(bars) > MOST_ACTIONS:
        yield TimelineRow("more actions", tuple(_named(*one) for one in bars[MOST_ACTIONS:]))


def _named(name: str, bar: Bar) -> Bar:
    return bar._replace(title=f"{name}: {bar.title}")


def _keys(events: Sequence[AnyEvent], scale: _Scale) -> Iterator[TimelineRow]:
    marks = tuple(
        Mark(scale.x(event.at), "key", f"keys {event.digits}" if event.digits else "no keys")
        for event in events
        if isinstance(event, DigitsCaptured)
    )
    if marks:
        yield TimelineRow("keys", marks=marks[:MOST_MARKS])


def _webhooks(facts: Facts, scale: _Scale) -> Iterator[TimelineRow]:
    asked: dict[str, datetime] = {}
    bars = []
    for event in facts.events:
        if isinstance(event, DecisionAsked):
            asked[event.event_id] = event.at
        elif isinstance(event, DecisionMade):
            begin = asked.pop(event.event_id, event.at)
            answer = event.problem or (f"HTTP {event.http_status}" if event.http_status else "")
            title = f"asked, {answer or 'no answer'} after {_took(begin, event.at)}"
            look = "bar-bad" if event.problem else "bar-hook"
            bars.append(scale.bar(begin, event.at, look, title))
    bars += [scale.bar(at, None, "bar-hook", "asked, waits") for at in asked.values()]
    if bars:
        yield TimelineRow("decision webhook", tuple(bars))
    marks = tuple(
        Mark(
            scale.x(attempt.at),
            "bar-hook" if _took_it(attempt.http_status) else "bar-bad",
            f"{delivery.type}: {attempt.http_status or attempt.detail}",
        )
        for delivery in facts.deliveries
        for attempt in delivery.attempts
        if scale.holds(attempt.at)
    )
    if marks:
        yield TimelineRow("events sent", marks=marks[:MOST_MARKS])


def _took_it(status: int | None) -> bool:
    return status is not None and status < 300


def _qualities(facts: Facts, scale: _Scale) -> Iterator[TimelineRow]:
    """MOS over time of what arrived from each leg that was long enough."""
    legs = {leg.call_id: (place, leg) for place, leg in enumerate(facts.session.legs)}
    for event in facts.events:
        if not isinstance(event, QualityMeasured) or event.call_id not in legs:
            continue
        place, leg = legs[event.call_id]
        begin = leg.connected_at or event.at
        yield TimelineRow(
            f"quality {chr(ord('A') + place % 26)}", tuple(_quality_bars(event, begin, scale))
        )


def _quality_bars(event: QualityMeasured, begin: datetime, scale: _Scale) -> Iterator[Bar]:
    """A bar for each step; of a long call, for the worst of several."""
    several = -(-len(event.mos) // MOST_MARKS) or 1
    for first in range(0, len(event.mos), several):
        places = range(first, min(first + several, len(event.mos)))
        known = [(mos, place) for place in places if (mos := event.mos[place]) is not None]
        since = begin + timedelta(seconds=event.every * first)
        until = begin + timedelta(seconds=event.every * (places[-1] + 1))
        if not known:
            yield scale.bar(since, until, "bar-none", "nothing arrived")
            continue
        mos, worst = min(known)
        title = f"MOS {mos:.1f}, {_loss(event, worst)}"
        look = next(name for least, name in QUALITY_LOOKS if mos >= least)
        yield scale.bar(since, until, look, title)._replace(height=max(0.15, min(mos / 4.5, 1)))


def _loss(event: QualityMeasured, place: int) -> str:
    loss, jitter = event.packet_loss_rate[place], event.jitter[place]
    lost = f"{100 * loss:.1f} % lost" if loss is not None else "loss unknown"
    return f"{lost}, jitter {jitter} ms" if jitter is not None else lost


def _recordings(events: Sequence[AnyEvent], scale: _Scale) -> Iterator[TimelineRow]:
    begun: dict[str, datetime] = {}
    bars, waves = [], []
    for event in events:
        if isinstance(event, RecordingStarted):
            begun[event.recording_id] = event.at
        elif isinstance(event, RecordingEnded) and event.recording_id in begun:
            begin = begun.pop(event.recording_id)
            bar = scale.bar(begin, event.at, "bar-rec", f"recorded {_took(begin, event.at)}")
            bars.append(bar)
            waves.append(Wave(bar.x, bar.width, event.recording_id))
    bars += [scale.bar(at, None, "bar-rec", "records") for at in begun.values()]
    if bars:
        yield TimelineRow("recording", tuple(bars), waves=tuple(waves))


def _sip(messages: Sequence[SipMessage], scale: _Scale) -> Iterator[TimelineRow]:
    marks = tuple(
        Mark(scale.x(one.at), "bar-act", one.text.partition("\r\n")[0][:60])
        for one in messages
        if scale.holds(one.at)
    )
    if marks:
        yield TimelineRow("SIP", marks=marks[:MOST_MARKS])
