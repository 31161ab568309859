"""say and playFile: prepared early, played in order, without gaps that nobody asked for."""

from __future__ import annotations

import pytest
from tests.unit.execution.flows import HANGUP, A, Answers, answer, ask, make_call, play, say

from offhook.testing import Offhook, SimulatedSession

FILE = "https://customer.example/jingle.mp3"


def starts(call: SimulatedSession) -> list[float]:
    """When each prompt began."""
    return [
        moment.at for moment in call.timeline if (moment.who, moment.what) == ("Offhook", "says")
    ]


def test_prompts_are_prepared_while_the_phone_rings(offhook: Offhook) -> None:
    offhook.preparing_takes(0.9)
    offhook.vca(Answers())
    call = offhook.call([make_call(), say("One."), play(FILE), ask("Two?", maxDigits=1), HANGUP])
    assert starts(call)[0] == 1.0


def test_a_prompt_that_takes_longer_than_the_ringing_is_waited_for(offhook: Offhook) -> None:
    offhook.preparing_takes(3.0)
    call = offhook.call([make_call(), say("One."), HANGUP])
    assert starts(call) == [3.0]


def test_no_silence_falls_between_the_prompts_of_a_list(offhook: Offhook) -> None:
    offhook.file(FILE, seconds=2.5)
    call = offhook.call([make_call(), say("12345"), play(FILE), say("Good."), HANGUP])
    assert starts(call) == pytest.approx([1.0, 1.3, 3.8], abs=1e-3)


def test_the_next_prompt_is_handed_to_the_line_while_this_one_plays(offhook: Offhook) -> None:
    queued: list[bool] = []

    def look() -> None:
        assert offhook._run is not None
        (call,) = offhook._run.line.calls
        queued.append(call.player.waiting == 1)

    offhook.phone(A).hears("first").then(look)
    offhook.call([make_call(), say("First of all."), say("Second."), HANGUP])
    assert queued == [True]


def test_a_prompt_that_is_ready_too_late_to_be_queued_is_played_once(offhook: Offhook) -> None:
    offhook.preparing_takes(9, what="Slow.")
    call = offhook.call([make_call(), say("Quick."), say("Slow."), say("Last of all."), HANGUP])
    assert call.spoken == ["Quick.", "Slow.", "Last of all."]
    assert starts(call)[1] == 9.0


def test_half_a_second_lies_between_repetitions(offhook: Offhook) -> None:
    call = offhook.call([make_call(), say("12345", repetition=3), HANGUP])
    assert starts(call) == pytest.approx([1.0, 1.8, 2.6], abs=1e-3)
    assert call.spoken == ["12345"] * 3


def test_speed_changes_how_long_it_takes(offhook: Offhook) -> None:
    call = offhook.call([make_call(), say("1234567890", speed=2), say("End."), HANGUP])
    assert starts(call) == pytest.approx([1.0, 1.3], abs=1e-3)


def test_the_same_text_twice_is_said_twice(offhook: Offhook) -> None:
    call = offhook.call([make_call(), say("Again."), say("Again."), HANGUP])
    assert call.spoken == ["Again.", "Again."]


def test_a_prompt_queued_ahead_is_not_heard_when_the_call_is_told_otherwise(
    offhook: Offhook,
) -> None:
    offhook.phone(A).hears("first").then(lambda: offhook.replace([say("Instead."), HANGUP]))
    call = offhook.call([make_call(), say("First of all."), say("Second."), HANGUP])
    assert call.a.heard == ["First", "Instead."]


def test_a_prompt_queued_ahead_that_cannot_be_made_fails_when_its_turn_comes(
    offhook: Offhook,
) -> None:
    offhook.mute("Second.")
    call = offhook.call([make_call(), say("First of all."), say("Second."), HANGUP])
    assert (call.error, call.a.heard) == (-2005, ["First of all."])


def test_the_answer_of_the_decision_point_is_played_at_once(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say("Now."), HANGUP)))
    call = offhook.call([make_call(), say("12345")])
    assert starts(call) == pytest.approx([1.0, 1.3], abs=1e-3)


def test_a_file_that_ends_early_says_so_in_the_record(offhook: Offhook) -> None:
    offhook._speech.remarks[FILE] = "the file ends early: 3.1 of 8.0 s are there"
    call = offhook.call([make_call(), play(FILE), HANGUP])
    results = [str(getattr(fact, "result", "")) for fact in call.facts]
    assert "played: the file ends early: 3.1 of 8.0 s are there" in results
