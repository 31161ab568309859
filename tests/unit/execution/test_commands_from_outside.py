"""Ending and replacing what runs, at every moment; the guard on a call's length."""

from __future__ import annotations

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
    say,
)

from offhook.testing import Answer, Offhook, SimulationError

LONG = "This text is long enough to be interrupted in the middle of it all."


def test_ended_in_a_prompt(offhook: Offhook) -> None:
    offhook.phone(A).hears("long enough").then(offhook.end)
    call = offhook.call([make_call(), say(LONG), say("Never."), HANGUP])
    assert (call.status, call.a.ended_by) == ("COMPLETED", "server")
    assert call.a.heard == ["This text is long enough"]
    assert call.asked == []


def test_ended_while_keys_are_awaited(offhook: Offhook) -> None:
    offhook.vca(Answers())
    offhook.phone(A).hears("well").waits(1).then(offhook.end)
    call = offhook.call([make_call(), ask("Well?")])
    assert (call.status, call.digits, call.asked) == ("COMPLETED", [], [])


def test_ended_while_the_vca_webhook_thinks(offhook: Offhook) -> None:
    offhook.vca(lambda payload: Answer(after=9))
    offhook.phone(A).hears("hello").waits(2).then(offhook.end)
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.status, call.a.duration) == ("COMPLETED", 2)


def test_ended_while_b_rings_and_in_the_bridge(offhook: Offhook) -> None:
    offhook.phone(B).no_answer()
    offhook.after(5, offhook.end)
    call = offhook.call([make_call(), make_call(B)])
    assert (call.status, call.b.status) == ("COMPLETED", "CANCELED")
    offhook.phone(B).waits(1).then(offhook.end)
    call = offhook.call([make_call(), make_call(B)])
    assert (call.status, call.b.status, call.b.ended_by) == ("COMPLETED", "COMPLETED", "server")


def test_a_caller_s_session_ended_while_it_rings(offhook: Offhook) -> None:
    offhook.vca(lambda payload: Answer(after=9))
    offhook.after(2, offhook.end)
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert (call.status, call.a.refused_with) == ("CANCELED", 480)


def test_replaced_in_a_prompt(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say("And more."), HANGUP)))
    offhook.phone(A).hears("long enough").then(lambda: offhook.replace([say("Instead.")]))
    call = offhook.call([make_call(), say(LONG), say("Never."), HANGUP])
    assert call.a.heard == ["This text is long enough", "Instead.", "And more."]
    assert len(call.asked) == 1


def test_replaced_while_the_vca_webhook_thinks(offhook: Offhook) -> None:
    offhook.vca(lambda payload: Answer(after=9))
    offhook.phone(A).hears("hello").waits(2)
    offhook.phone(A).hears("hello").waits(2).then(
        lambda: offhook.replace([say("Instead."), HANGUP])
    )
    call = offhook.call([make_call(), say("Hello.")])
    assert call.spoken == ["Hello.", "Instead."]


def test_replaced_in_the_bridge_lets_b_go(offhook: Offhook) -> None:
    offhook.phone(B).waits(2).then(lambda: offhook.replace([say("Back."), HANGUP]))
    call = offhook.call([make_call(), make_call(B)])
    assert (call.spoken, call.b.ended_by, call.status) == (["Back."], "server", "COMPLETED")


def test_digits_of_an_interrupted_capture_are_forgotten(offhook: Offhook) -> None:
    offhook.vca(Answers())
    offhook.phone(A).hears("well").presses("12").then(lambda: offhook.replace([say("Instead.")]))
    call = offhook.call([make_call(), ask("Well?")])
    assert [question["dtmf"] for question in call.asked] == [None]


def test_digits_that_were_asked_about_are_not_asked_about_again(offhook: Offhook) -> None:
    answers = iter([Answer(after=9), Answer()])
    offhook.vca(lambda payload: next(answers))
    offhook.phone(A).hears("well").presses("1").waits(3).then(lambda: offhook.replace([]))
    call = offhook.call([make_call(), ask("Well?", maxDigits=1)])
    assert [question["dtmf"] for question in call.asked] == ["1", None]


def test_nothing_is_replaced_before_the_answer(offhook: Offhook) -> None:
    def too_early() -> None:
        with pytest.raises(SimulationError, match="not up"):
            offhook.replace([say("Instead.")])

    offhook.after(0.5, too_early)
    assert offhook.call([make_call(), say("Hello."), HANGUP]).spoken == ["Hello."]


def test_the_last_of_several_replacements_runs(offhook: Offhook) -> None:
    def twice() -> None:
        offhook.replace([say("First."), HANGUP])
        offhook.replace([say("Second."), HANGUP])

    offhook.phone(A).hears("long enough").then(twice)
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert call.spoken == [LONG, "Second."]


@pytest.mark.parametrize("first", ["end", "replace"])
def test_an_end_outweighs_a_replacement_of_the_same_moment(offhook: Offhook, first: str) -> None:
    def both() -> None:
        if first == "end":
            offhook.end()
        offhook.replace([say("Never.")])
        if first == "replace":
            offhook.end()

    offhook.phone(A).hears("long enough").then(both)
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert (call.spoken, call.status, call.a.ended_by) == ([LONG], "COMPLETED", "server")


def test_no_call_is_longer_than_max_call_duration(offhook: Offhook) -> None:
    offhook.limits(max_call_duration=90)
    offhook.vca(lambda payload: answer(ask("Still there?")))
    call = offhook.call([make_call(), ask("Hello?")])
    assert (call.status, call.a.ended_by) == ("COMPLETED", "server")
    assert 88 <= call.a.duration <= 90


def test_the_guard_ends_a_bridge_too(offhook: Offhook) -> None:
    offhook.limits(max_call_duration=90)
    call = offhook.call([make_call(), make_call(B)])
    assert (call.status, call.b.status) == ("COMPLETED", "COMPLETED")
    assert call.a.duration <= 90
