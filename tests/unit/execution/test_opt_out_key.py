"""Opting out of voice messages (spec/execution.md, "Opting out")."""

from __future__ import annotations

import asyncio
from datetime import timedelta
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

from offhook.events import NumberListed
from offhook.testing import Offhook

PROMPT = "Press nine for no more calls."
GONE = "You are off our list."
LONG = "A long message. " * 40


@pytest.fixture(autouse=True)
def _key_nine(offhook: Offhook) -> None:
    offhook.opt_out("9", prompt=PROMPT, confirmation=GONE)


def test_the_key_stops_what_plays_and_confirms(offhook: Offhook) -> None:
    offhook.phone(A).waits(2).presses("9")
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert call.status == "COMPLETED_UNSUBSCRIBED"
    assert call.a.heard[1:] == [GONE]
    assert len(call.a.heard[0]) < len(LONG)
    assert list(offhook.opted_out) == [A]
    assert call.summary["sessionStatus"] == "COMPLETED_UNSUBSCRIBED"
    assert call.summary["lastAction"] == "SAY"
    assert call.summary["details"]["callA"]["callStatus"] == "COMPLETED"
    assert "errorDetails" not in call.summary
    (fact,) = [fact for fact in call.facts if isinstance(fact, NumberListed)]
    assert (fact.number, fact.problem) == (A, None)


def test_the_prompt_is_spoken_behind_the_message_and_listens_for_a_while(offhook: Offhook) -> None:
    offhook.phone(A).hears(PROMPT).waits(2.5).presses("9")
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert call.a.heard == ["Hello.", PROMPT, GONE]
    assert call.status == "COMPLETED_UNSUBSCRIBED"


def test_who_presses_nothing_hears_the_prompt_and_is_hung_up(offhook: Offhook) -> None:
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert (call.status, call.a.heard, list(offhook.opted_out)) == (
        "COMPLETED",
        ["Hello.", PROMPT],
        [],
    )
    call = offhook.call([make_call(), play("https://a.example/a.mp3")])
    assert (call.status, call.a.heard[-1]) == ("COMPLETED", PROMPT)


def test_other_keys_change_nothing(offhook: Offhook) -> None:
    offhook.phone(A).waits(1).presses("1234567#*0")
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert (call.status, list(offhook.opted_out)) == ("COMPLETED", [])


def test_the_list_service_did_not_take_it(offhook: Offhook) -> None:
    offhook.opt_out("9", problem="HTTP 500")
    offhook.phone(A).waits(1).presses("9")
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert call.status == "COMPLETED_UNSUB_ERROR"
    assert list(offhook.opted_out) == [A]
    assert call.summary["details"]["callA"]["callStatus"] == "COMPLETED"
    (fact,) = [fact for fact in call.facts if isinstance(fact, NumberListed)]
    assert fact.problem == "HTTP 500"


def test_who_hangs_up_at_once_has_opted_out_all_the_same(offhook: Offhook) -> None:
    offhook.phone(A).waits(1).presses("9").waits(0.1).hangs_up()
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert (call.status, list(offhook.opted_out)) == ("COMPLETED_UNSUBSCRIBED", [A])


def test_a_later_voice_message_is_not_dialled_and_has_its_summary(offhook: Offhook) -> None:
    offhook.phone(A).waits(1).presses("9")
    offhook.call([make_call(), say(LONG), HANGUP])
    phone = offhook.phone(A)
    call = offhook.call([make_call(), say("Again."), HANGUP])
    assert (call.status, phone.calls) == ("UNSUBSCRIBED_CONTACT", 0)
    assert (call.summary["callCount"], call.summary["details"]) == (0, {})
    assert call.summary["sessionStatus"] == "UNSUBSCRIBED_CONTACT"
    assert "lastAction" not in call.summary
    assert "errorDetails" not in call.summary


def test_other_callflows_to_it_are_dialled(offhook: Offhook) -> None:
    offhook.vca(Answers())
    offhook.phone(A).waits(1).presses("9")
    offhook.call([make_call(), say(LONG), HANGUP])
    for flow in (
        [make_call(), ask("Your code?", maxDigits=1), HANGUP],
        [make_call(), make_call(B), HANGUP],
    ):
        offhook.phone(A).waits(3).hangs_up()
        assert offhook.call(flow).status == "COMPLETED"


def test_without_a_key_no_list_counts(offhook: Offhook) -> None:
    offhook.phone(A).waits(1).presses("9")
    offhook.call([make_call(), say(LONG), HANGUP])
    offhook.restrict(opt_out=None)
    offhook.phone(A)
    assert offhook.call([make_call(), say("Again."), HANGUP]).status == "COMPLETED"


def test_it_counts_until_the_first_answer_and_no_longer(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say(LONG), HANGUP)))
    offhook.phone(A).hears("A long message").presses("9")
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.status, list(offhook.opted_out)) == ("COMPLETED", [])


def test_it_counts_while_the_webhook_is_asked(offhook: Offhook) -> None:
    offhook.opt_out("9")

    async def slow(_payload: dict[str, Any]) -> object:
        await asyncio.sleep(5)
        return answer(say(LONG), HANGUP)

    offhook.vca(slow)
    offhook.phone(A).hears("Hello.").waits(2).presses("9")
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.status, list(offhook.opted_out)) == ("COMPLETED_UNSUBSCRIBED", [A])


def test_the_key_means_nothing_in_other_callflows(offhook: Offhook) -> None:
    offhook.vca(Answers())
    offhook.phone(B).waits(5).hangs_up()
    for second in (ask("One?", maxDigits=1), make_call(B)):
        offhook.phone(A).waits(1).presses("9")
        call = offhook.call([make_call(), second, say("Bye."), HANGUP])
        assert (call.status, list(offhook.opted_out)) == ("COMPLETED", [])


def test_the_key_means_nothing_to_who_calls_us(offhook: Offhook) -> None:
    offhook.number(OUR_NUMBER)
    offhook.vca(Answers(answer(say(LONG), HANGUP)))
    offhook.phone(CALLER).waits(1).presses("9")
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert (call.status, list(offhook.opted_out)) == ("COMPLETED", [])


def test_texts_that_cannot_be_spoken_are_left_out(offhook: Offhook) -> None:
    offhook.mute(PROMPT)
    offhook.mute(GONE)
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert (call.status, call.a.heard) == ("COMPLETED", ["Hello."])
    offhook.phone(A).waits(1).presses("9")
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert (call.status, list(offhook.opted_out)) == ("COMPLETED_UNSUBSCRIBED", [A])


def test_an_end_from_outside_does_not_undo_an_opt_out(offhook: Offhook) -> None:
    offhook.opt_out("9", confirmation=LONG)
    offhook.phone(A).waits(1).presses("9").waits(1).then(offhook.end)
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert (call.status, list(offhook.opted_out)) == ("COMPLETED_UNSUBSCRIBED", [A])


def test_a_number_is_dated_by_its_first_opt_out(offhook: Offhook) -> None:
    began = offhook.now
    offhook.phone(A).waits(1).presses("9")
    offhook.call([make_call(), say(LONG), HANGUP])
    assert timedelta(0) < offhook.opted_out[A] - began < timedelta(minutes=1)
