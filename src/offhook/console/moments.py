"""Everything that happened in a session in one list, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from offhook.console.drawing.ladder import title_of
from offhook.console.drawing.session_timeline import Facts
from offhook.console.rendering import pretty
from offhook.events import AnyEvent, DecisionMade, QualityMeasured

MOST_MOMENTS = 600


class SessionMoment(NamedTuple):
    """One line."""

    at: datetime
    milliseconds: int
    """Since the begin of the timeline; may be negative."""
    name: str
    facts: str
    """In a few words."""
    details: str
    """The whole, to be opened; '': there is nothing more."""
    source: str
    """``event``, ``sip`` or ``webhook``."""


def moments_of(facts: Facts, begin: datetime) -> list[SessionMoment]:
    """All of them, at most :data:`MOST_MOMENTS`."""
    found = [*_of_events(facts.events), *_of_messages(facts), *_of_deliveries(facts)]
    found.sort(key=lambda one: one.at)
    return [
        one._replace(milliseconds=round((one.at - begin).total_seconds() * 1000))
        for one in found[:MOST_MOMENTS]
    ]


def _of_events(events: Sequence[AnyEvent]) -> Iterator[SessionMoment]:
    for event in events:
        members: dict[str, Any] = msgspec.to_builtins(event)
        name = str(members.pop("event"))
        members.pop("at")
        details = ""
        if isinstance(event, DecisionMade):
            said = [members.pop("question", ""), members.pop("body", "")]
            details = "\n\n".join(pretty(one) for one in said if one)
        if isinstance(event, QualityMeasured):
            members = {"steps": len(event.mos), "every": f"{event.every:g} s"}
        words = ", ".join(f"{key} {value}" for key, value in members.items() if key != "callId")
        yield SessionMoment(event.at, 0, name, words, details, "event")


def _of_messages(facts: Facts) -> Iterator[SessionMoment]:
    for message in facts.messages:
        way = "to" if message.sent else "from"
        title = title_of(message.text)
        yield SessionMoment(message.at, 0, title, f"{way} {message.far}", message.text, "sip")


def _of_deliveries(facts: Facts) -> Iterator[SessionMoment]:
    for delivery in facts.deliveries:
        for attempt in delivery.attempts:
            answer = f"HTTP {attempt.http_status}" if attempt.http_status else attempt.detail
            name = f"webhook {delivery.type}"
            yield SessionMoment(attempt.at, 0, name, answer, pretty(delivery.payload), "webhook")
