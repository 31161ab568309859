"""Timelines to scale, ladders, and what a call does at this moment."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from tests.support.console_sessions import DESTINATION, Told, recent, sip

from offhook import events as e
from offhook.codes import CallStatus, SessionStatus
from offhook.console.drawing.ladder import MOST_MESSAGES, ladder_of
from offhook.console.drawing.session_timeline import (
    MOST_MARKS,
    Facts,
    SessionTimeline,
    TimelineRow,
    timeline_of,
)
from offhook.console.live_calls import Doing, live_call
from offhook.console.moments import moments_of
from offhook.console.pages.session_page import wanted_part
from offhook.session.ports.console_records import LiveSession

T = Told("t", recent())


def drawn(*facts: e.AnyEvent, seconds: float = 10) -> SessionTimeline:
    leg = T.leg(
        "A",
        initiated_at=T.at(0),
        connected_at=T.at(2),
        disconnected_at=T.at(seconds),
        status=CallStatus.COMPLETED,
    )
    session = T.session(SessionStatus.COMPLETED, leg, ended_at=T.at(seconds))
    return timeline_of(Facts(session, facts, (), sip(T), T.at(99)))


def row(timeline: SessionTimeline, label: str) -> TimelineRow:
    return next(one for one in timeline.rows if one.label == label)


def test_a_leg_is_drawn_to_scale() -> None:
    ringing, up = row(drawn(), f"A {DESTINATION}").bars
    assert (ringing.look, ringing.x, ringing.width) == ("bar-ring", 0.0, 20.0)
    assert (up.look, up.x, up.width) == ("bar-up", 20.0, 80.0)


def test_actions_keys_and_webhooks_have_rows_of_their_own() -> None:
    timeline = drawn(
        e.ActionStarted(at=T.at(2), index=1, action="SAY"),
        e.ActionEnded(at=T.at(4), index=1, action="SAY", result="spoken"),
        e.DigitsCaptured(at=T.at(5), call_id="A", digits="12"),
        e.DecisionAsked(at=T.at(5), event_id="q"),
        e.DecisionMade(at=T.at(7.5), event_id="q", http_status=200),
        e.DecisionAsked(at=T.at(9), event_id="r"),
    )
    (say,) = row(timeline, "say").bars
    assert (say.x, say.width, say.title) == (20.0, 20.0, "spoken, 2.0 s")
    assert row(timeline, "keys").marks[0].title == "keys 12"
    asked, waits = row(timeline, "decision webhook").bars
    assert (asked.x, asked.width, asked.title) == (50.0, 25.0, "asked, HTTP 200 after 2.5 s")
    assert (waits.x, waits.width) == (90.0, 10.0)
    assert [tick.text for tick in timeline.ticks][:3] == ["0 s", "1 s", "2 s"]


def quality(mos: tuple[float | None, ...], every: float) -> e.QualityMeasured:
    return e.QualityMeasured(
        at=T.at(9),
        call_id="A",
        every=every,
        mos=mos,
        packet_loss_rate=tuple(None if one is None else 0.01 for one in mos),
        jitter=tuple(None if one is None else 8 for one in mos),
    )


def test_quality_and_recordings_are_drawn_on_the_same_axis() -> None:
    timeline = drawn(
        e.RecordingStarted(at=T.at(2), recording_id="r"),
        quality((4.4, None, 2.25), 2),
        e.RecordingEnded(at=T.at(7), recording_id="r"),
    )
    good, none, bad = row(timeline, "quality A").bars
    assert (good.x, good.width, good.look) == (20.0, 20.0, "s-good")
    assert good.title == "MOS 4.4, 1.0 % lost, jitter 8 ms"
    assert (none.x, none.title) == (40.0, "nothing arrived")
    assert (bad.look, bad.height) == ("s-failed", 0.5)
    (wave,) = row(timeline, "recording").waves
    assert wave == (20.0, 50.0, "r")


def test_the_quality_of_a_long_call_is_the_worst_of_several_steps() -> None:
    timeline = drawn(quality((4.4, 3.0) * 400, 10), seconds=8002)
    bars = row(timeline, "quality A").bars
    assert len(bars) <= MOST_MARKS
    assert {bar.title for bar in bars} == {"MOS 3.0, 1.0 % lost, jitter 8 ms"}


@pytest.mark.parametrize("seconds", [0.1, 1, 59, 61, 3600, 86400, 900000])
def test_an_axis_has_a_few_ticks_within_it(seconds: float) -> None:
    ticks = drawn(seconds=seconds).ticks
    assert 2 <= len(ticks) <= 14
    assert all(0 <= tick.x <= 100.001 for tick in ticks)


def test_many_actions_share_the_last_row() -> None:
    facts: list[e.AnyEvent] = []
    for index in range(80):
        facts += [
            e.ActionStarted(at=T.at(index / 10), index=index, action="SAY"),
            e.ActionEnded(at=T.at(index / 10 + 0.05), index=index, action="SAY", result="x"),
        ]
    timeline = drawn(*facts)
    assert len(row(timeline, "more actions").bars) == 50
    assert len(timeline.rows) < 40


def test_a_ladder_has_an_arrow_for_each_message_and_a_bound() -> None:
    messages = sip(T)
    ladder = ladder_of(messages)
    assert ladder is not None
    assert [line.name for line in ladder.lines] == ["Offhook", "udp:198.51.100.9:5060"]
    assert [(rung.title, rung.points_right) for rung in ladder.rungs[:3]] == [
        ("INVITE", True),
        ("100 Trying (INVITE)", False),
        ("180 Ringing (INVITE)", False),
    ]
    long = ladder_of([*messages] * 100)
    assert long is not None
    assert (len(long.rungs), long.left_out) == (MOST_MESSAGES, 500)
    assert ladder_of(()) is None
    strange = msgspec.structs.replace(messages[0], text="\0")
    assert ladder_of([strange]) is not None


def test_moments_are_events_and_messages_in_the_order_of_time() -> None:
    session = T.session(SessionStatus.RUNNING)
    facts = Facts(session, T.started(), (), sip(T), T.at(99))
    found = moments_of(facts, T.at(0))
    assert [one.milliseconds for one in found] == sorted(one.milliseconds for one in found)
    assert [one.name for one in found[:5]] == [
        "SESSION_QUEUED",
        "SESSION_STARTED",
        "ACTION_STARTED",
        "CALL_INITIATED",
        "INVITE",
    ]


def test_a_live_call_says_what_it_does_and_since_when() -> None:
    leg = T.leg("A", connected_at=T.at(3))
    session = T.session(SessionStatus.RUNNING, leg)
    facts: list[e.AnyEvent] = []
    said = []
    for fact in (
        *T.started(),
        e.CallUpdated(at=T.at(1), call_id="A", sip_code=180),
        e.CallUpdated(at=T.at(2), call_id="A", sip_code=183),
        e.CallConnected(at=T.at(3), call_id="A"),
        e.ActionStarted(at=T.at(4), index=1, action="SAY_AND_CAPTURE"),
        e.ActionEnded(at=T.at(5), index=1, action="SAY_AND_CAPTURE", result="digits"),
        e.DecisionAsked(at=T.at(6), event_id="q"),
        e.DecisionMade(at=T.at(7), event_id="q"),
        e.CallUpdated(at=T.at(8), call_id="A", bridged_with="B"),
        e.CallDisconnected(at=T.at(9), call_id="B", call_status="COMPLETED"),
    ):
        facts.append(fact)
        call = live_call(LiveSession(session, "n1", facts))
        said.append((call.doing, (call.since - T.began) / timedelta(seconds=1)))
    assert said[3:] == [
        (Doing.CALLING, 0.2),
        (Doing.RINGING, 1),
        (Doing.RINGING, 1),
        (Doing.TALKING, 3),
        (Doing.KEYS, 4),
        (Doing.TALKING, 5),
        (Doing.WEBHOOK, 6),
        (Doing.TALKING, 7),
        (Doing.BRIDGED, 8),
        (Doing.ENDING, 9),
    ]


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, (0, 99, False)),
        ("bytes=0-", (0, 99, True)),
        ("bytes=10-19", (10, 19, True)),
        ("bytes=90-500", (90, 99, True)),
        ("bytes=-10", (90, 99, True)),
        ("bytes=-500", (0, 99, True)),
        ("bytes=100-", (0, 99, False)),
        ("bytes=20-10", (0, 99, False)),
        ("bytes=a-b", (0, 99, False)),
        ("bytes=-", (0, 99, False)),
        ("bytes=0-1,5-6", (0, 99, False)),
        ("octets=0-1", (0, 99, False)),
        (f"bytes={'9' * 5000}-", (0, 99, False)),
    ],
)
def test_a_player_gets_the_part_it_asks_for(
    header: str | None, part: tuple[int, int, bool]
) -> None:
    assert wanted_part(header, 100) == part
