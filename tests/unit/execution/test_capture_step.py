"""sayAndCapture on a line: the machine's rules are proved in ``tests/unit/session/test_capture.py``."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.execution.flows import A, Answers, ask, make_call, say

from offhook.testing import Offhook, SimulatedSession

PROMPT = "Please enter your number."


@pytest.fixture(autouse=True)
def _ask(offhook: Offhook) -> None:
    offhook.vca(Answers())


def captured(offhook: Offhook, *before: dict[str, Any], **params: Any) -> SimulatedSession:
    return offhook.call([make_call(), *before, ask(PROMPT, **params)])


def test_a_key_stops_the_prompt_and_counts(offhook: Offhook) -> None:
    offhook.phone(A).hears("please").presses("12")
    call = captured(offhook, maxDigits=2)
    assert (call.digits, call.a.heard) == (["12"], ["Please"])


def test_keys_before_the_action_do_not_count(offhook: Offhook) -> None:
    offhook.phone(A).hears("welcome").presses("9").hears("number").presses("1")
    call = captured(offhook, say("Welcome to us all."), maxDigits=1)
    assert call.digits == ["1"]


def test_keys_count_while_the_prompt_is_being_prepared(offhook: Offhook) -> None:
    offhook.preparing_takes(5)
    offhook.phone(A).waits(1).presses("1")
    call = captured(offhook, maxDigits=1)
    assert (call.digits, call.spoken) == (["1"], [])
    assert call.a.duration == 1


def test_the_timeout_runs_from_the_end_of_the_prompt(offhook: Offhook) -> None:
    call = captured(offhook, overallTimeout=4000, noOfTries=1)
    prompt = len(PROMPT) * 0.06
    assert call.digits == [None]
    assert call.timeline[-1].at == pytest.approx(1 + prompt + 4, abs=0.01)


def test_the_timeout_runs_from_the_first_key_if_that_came_earlier(offhook: Offhook) -> None:
    offhook.phone(A).hears("please").presses("1")
    call = captured(offhook, overallTimeout=4000, noOfTries=1, minDigits=2, maxDigits=4)
    pressed = next(moment.at for moment in call.timeline if moment.what == "presses")
    assert call.timeline[-1].at == pytest.approx(pressed + 4, abs=0.01)
    assert call.digits == [None]


def test_the_timer_between_keys(offhook: Offhook) -> None:
    offhook.phone(A).hears("number").presses("12").waits(1.5).presses("3")
    call = captured(offhook, digitTimeout=2000, overallTimeout=60_000)
    assert call.digits == ["123"]
    assert call.timeline[-1].at < 10


def test_every_failed_try_is_followed_by_the_failure_message(offhook: Offhook) -> None:
    offhook.phone(A).presses_in_turn("#", "", "#")
    call = captured(offhook, failureMessage="Sorry.", noOfTries=3, overallTimeout=2000)
    assert call.spoken == [PROMPT, "Sorry."] * 3
    assert (call.digits, [q["dtmf"] for q in call.asked]) == ([None], [None])


def test_the_success_message_is_spoken_before_the_question(offhook: Offhook) -> None:
    offhook.phone(A).hears("number").presses("5#").hears("thank you")
    call = captured(offhook, successMessage="Thank you.")
    assert call.spoken == [PROMPT, "Thank you."]
    said = next(m.at for m in call.timeline if "Thank you." in m.text)
    asked = next(m.at for m in call.timeline if m.what == "asks the VCA:")
    assert asked == pytest.approx(said + 10 * 0.06, abs=0.01)


@pytest.mark.parametrize(
    ("keys", "params", "digits"),
    [
        ("12#", {}, "12"),
        ("12*#", {}, "12*"),
        ("1#2", {"completeOnHash": False, "maxDigits": 3}, "1#2"),
        ("12345", {"maxDigits": 4}, "1234"),
        ("1A2#", {}, "12"),
    ],
)
def test_which_keys_make_the_digits(
    offhook: Offhook, keys: str, params: dict[str, Any], digits: str
) -> None:
    steps = offhook.phone(A).hears("number")
    for key in keys[: 4 if params.get("maxDigits") == 4 else None]:
        steps.presses(key)
    assert captured(offhook, **params).digits == [digits]


def test_the_prompt_is_repeated_as_often_as_told(offhook: Offhook) -> None:
    call = captured(offhook, repetition=3, noOfTries=1, overallTimeout=1000)
    assert call.spoken == [PROMPT] * 3


def test_captures_follow_one_another_in_a_list(offhook: Offhook) -> None:
    offhook.phone(A).presses_in_turn("1", "22#")
    call = offhook.call([make_call(), ask("First?", maxDigits=1), ask("Second?")])
    assert call.digits == ["1", "22"]
    assert [question["dtmf"] for question in call.asked] == ["22"]
