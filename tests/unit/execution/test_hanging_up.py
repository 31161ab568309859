"""The far end hangs up, at every point of a call: nothing further is played or asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.execution.flows import (
    CALLER,
    HANGUP,
    OUR_NUMBER,
    A,
    Answers,
    B,
    answer,
    ask,
    make_call,
    play,
    say,
)

from offhook.testing import Answer, Offhook, Phone

LONG = "This is a rather long text that nobody listens to until its very end."
FLOW = [
    make_call(),
    say(LONG, repetition=2),
    play("https://customer.example/file.wav"),
    ask("Press a key, please.", maxDigits=2, failureMessage="Not that.", successMessage="Good."),
]

POINTS: list[tuple[str, Callable[[Phone], Any], list[str]]] = [
    ("in a prompt", lambda p: p.hears("rather long").hangs_up(), [LONG]),
    ("between repetitions", lambda p: p.hears("very end").waits(0.2).hangs_up(), [LONG]),
    (
        "in a file",
        lambda p: p.hears("very end").hears("very end").waits(1).hangs_up(),
        [LONG, LONG, "file"],
    ),
    (
        "in the prompt of a capture",
        lambda p: p.hears("press a key").hangs_up(),
        [LONG, LONG, "file", "Press a key, please."],
    ),
    (
        "while keys are awaited",
        lambda p: p.hears("press a key").waits(5).hangs_up(),
        [LONG, LONG, "file", "Press a key, please."],
    ),
    (
        "between two keys",
        lambda p: p.hears("press a key").presses("1").hangs_up(),
        [LONG, LONG, "file", "Press a key, please."],
    ),
    (
        "in the failure message",
        lambda p: p.hears("press a key").presses("#").hears("not").hangs_up(),
        [LONG, LONG, "file", "Press a key, please.", "Not that."],
    ),
    (
        "in the success message",
        lambda p: p.hears("press a key").presses("12").hears("goo").hangs_up(),
        [LONG, LONG, "file", "Press a key, please.", "Good."],
    ),
]


@pytest.mark.parametrize(
    ("script", "spoken"), [row[1:] for row in POINTS], ids=[row[0] for row in POINTS]
)
def test_leg_a_hangs_up(
    offhook: Offhook, script: Callable[[Phone], Any], spoken: list[str]
) -> None:
    offhook.vca(Answers(answer(say("Never."))))
    script(offhook.phone(A))
    call = offhook.call(FLOW)
    assert call.status == "COMPLETED"
    assert call.a.ended_by == "callee"
    assert [text if "file" not in text else "file" for text in call.spoken] == spoken
    assert call.asked == []
    ended = next(moment.at for moment in call.timeline if moment.what == "hangs up")
    assert all(moment.at <= ended for moment in call.timeline)


def test_the_facts_stand_in_the_order_of_their_causes(offhook: Offhook) -> None:
    offhook.phone(A).hears("rather").hangs_up()
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert [type(fact).__name__ for fact in call.facts[-3:]] == [
        "CallDisconnected",
        "ActionEnded",
        "SessionEnded",
    ]
    offhook.phone(A).busy()
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert [type(fact).__name__ for fact in call.facts[-3:]] == [
        "CallDisconnected",
        "ActionEnded",
        "SessionEnded",
    ]


def test_while_the_vca_webhook_thinks(offhook: Offhook) -> None:
    offhook.vca(lambda payload: Answer(after=5, body=b'{"callflow": []}'))
    offhook.phone(A).hears("hello").waits(2).hangs_up()
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.status, call.a.ended_by) == ("COMPLETED", "callee")
    assert 2 <= call.a.duration <= 3


def test_while_a_prompt_is_prepared(offhook: Offhook) -> None:
    offhook.preparing_takes(30)
    offhook.phone(A).waits(3).hangs_up()
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert (call.status, call.spoken) == ("COMPLETED", [])


def test_b_hangs_up_in_the_bridge(offhook: Offhook) -> None:
    offhook.phone(A).hears("one").waits(5).says("Hello B.")
    offhook.phone(B).hears("hello b").waits(2).hangs_up()
    offhook.vca(Answers(answer(say("They are gone."), HANGUP)))
    call = offhook.call([make_call(), say("One moment."), make_call(B)])
    assert (call.a.ended_by, call.b.ended_by) == ("server", "callee")
    assert call.spoken == ["One moment.", "They are gone."]
    assert call.status == "COMPLETED"


@pytest.mark.parametrize("after", [0.0, 0.5])
def test_the_session_is_canceled_before_the_answer(offhook: Offhook, after: float) -> None:
    offhook.phone(A).answers(after=3)
    offhook.after(after, offhook.end)
    call = offhook.call([make_call(), say("Never."), HANGUP])
    assert call.status == "CANCELED"
    assert call.summary["details"]["callA"]["callStatus"] == "CANCELED"
    assert call.a.ended_by == "server"


def test_a_caller_gives_up_while_the_vca_webhook_thinks(offhook: Offhook) -> None:
    offhook.vca(lambda payload: Answer(after=5))
    offhook.phone(CALLER).gives_up(after=2)
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert call.status == "CANCELED"
    assert call.summary["details"]["callA"]["callStatus"] == "CANCELED"
    assert call.a.sip_code == 487


def test_a_caller_gives_up_while_b_rings(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(make_call(B), say("Never."))))
    offhook.phone(B).no_answer()
    offhook.phone(CALLER).gives_up(after=4)
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert call.status == "CANCELED"
    legs = call.summary["details"]
    assert (legs["callA"]["callStatus"], legs["callB"]["callStatus"]) == ("CANCELED", "CANCELED")
    assert call.spoken == []


def test_a_caller_hangs_up_in_a_prompt(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say(LONG))))
    offhook.phone(CALLER).hears("rather long").hangs_up()
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert (call.status, call.a.ended_by) == ("COMPLETED", "caller")
    assert len(call.asked) == 1
