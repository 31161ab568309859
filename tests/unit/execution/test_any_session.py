"""Whatever is asked, answered, pressed, hung up and commanded: a session ends once, and soundly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.unit.execution.flows import (
    CALLER,
    HANGUP,
    OUR_NUMBER,
    A,
    B,
    answer,
    ask,
    make_call,
    play,
    say,
)
from tests.unit.execution.invariants import check

from offhook.testing import Answer, Offhook, ScriptNotFollowed, SimulatedSession

MUTE, MISSING = "Unspeakable.", "https://customer.example/missing.mp3"

seconds = st.sampled_from([0.0, 0.05, 0.1, 0.5, 1.0, 1.05, 2.0, 3.7, 10.0, 45.0])
texts = st.sampled_from(["Hi.", "A rather long sentence, which takes its time.", MUTE])
actions = st.one_of(
    st.builds(say, texts, repetition=st.integers(1, 3)),
    st.just(play(MISSING)),
    st.just(play("https://customer.example/jingle.mp3", repetition=2)),
    st.just(make_call(B)),
    st.builds(
        lambda prompt, digits, tries, messages: ask(
            prompt, maxDigits=digits, noOfTries=tries, overallTimeout=3000, **messages
        ),
        texts,
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from([{}, {"failureMessage": "No."}, {"successMessage": "Yes."}]),
    ),
)


@st.composite
def lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A list of actions that the judge accepts as a decision."""
    drawn = draw(st.lists(actions, max_size=4))
    bridges = [index for index, action in enumerate(drawn) if action["action"] == "makeCall"]
    kept = [action for index, action in enumerate(drawn) if index not in bridges[1:]]
    return [*kept, HANGUP] if draw(st.booleans()) else kept


answers = st.one_of(
    st.builds(lambda actions: answer(*actions), lists()),
    st.sampled_from([None, "not json", Answer(status=404), Answer(after=11), Answer(after=2)]),
)
steps = st.one_of(
    st.tuples(st.just("waits"), seconds),
    st.tuples(st.just("presses"), st.sampled_from(["1", "12#", "*", "####"])),
    st.tuples(st.just("says"), st.just("Hello?")),
    st.tuples(st.just("hangs_up")),
)
takes = st.sampled_from(
    [
        ("answers", {"after": 0.0}),
        ("answers", {"after": 1.0}),
        ("answers", {"after": 20.0}),
        ("busy", {}),
        ("no_answer", {}),
        ("unreachable", {}),
        ("no_response", {}),
        ("early_media", {"words": "The number you have dialled is not in service."}),
    ]
)
Take = tuple[str, dict[str, Any]]
Script = list[tuple[Any, ...]]
phones = st.tuples(takes, st.lists(steps, max_size=4))
commands = st.lists(
    st.tuples(seconds, st.sampled_from(["end", "replace", "replace with nothing"])), max_size=3
)


class Scene:
    """An Offhook in which all of it happens."""

    def __init__(
        self, decisions: Sequence[object], prepare: float, orders: Sequence[tuple[float, str]]
    ) -> None:
        self.offhook = Offhook()
        self.offhook.limits(max_call_duration=600)
        self.offhook.mute(MUTE)
        self.offhook.file(MISSING, missing=True)
        self.offhook.preparing_takes(prepare)
        left = iter(decisions)
        self.offhook.vca(lambda _payload: next(left, None))
        for at, order in orders:
            self.offhook.after(at, lambda order=order: self._command(order))  # type: ignore[misc]

    def phone(self, number: str, take: Take, script: Script) -> None:
        phone = self.offhook.phone(number)
        getattr(phone, take[0])(**take[1])
        for name, *arguments in script:
            getattr(phone, name)(*arguments)

    def _command(self, order: str) -> None:
        try:
            if order == "end":
                self.offhook.end()
            else:
                self.offhook.replace([say("Instead.")] if order == "replace" else [])
        except AssertionError:
            return  # refused: nothing is up

    def verify(self, sessions: Sequence[SimulatedSession]) -> None:
        assert len(sessions) == 1
        check(sessions[0])
        assert self.offhook.left_behind == []


@examples(150)
@given(lists(), phones, phones, st.lists(answers, max_size=3), seconds, commands)
@example([make_call(B)], (("busy", {}), []), (("busy", {}), []), [], 0.0, [(0.0, "end")])
def test_a_session_that_dials(
    flow: list[dict[str, Any]],
    a: tuple[Take, Script],
    b: tuple[Take, Script],
    decisions: list[object],
    prepare: float,
    orders: list[tuple[float, str]],
) -> None:
    scene = Scene(decisions, prepare, orders)
    scene.phone(A, *a)
    scene.phone(B, *b)
    try:
        sessions: Sequence[SimulatedSession] = [scene.offhook.call([make_call(), *flow])]
    except ScriptNotFollowed as error:
        sessions = error.sessions
    scene.verify(sessions)


@examples(150)
@given(
    st.lists(steps, max_size=4),
    phones,
    st.lists(answers, max_size=4),
    seconds,
    commands,
    st.one_of(st.none(), seconds),
)
def test_a_session_of_a_caller(
    script: Script,
    b: tuple[Take, Script],
    decisions: list[object],
    prepare: float,
    orders: list[tuple[float, str]],
    patience: float | None,
) -> None:
    scene = Scene(decisions, prepare, orders)
    scene.phone(CALLER, ("answers", {}), script)
    if patience is not None:
        scene.offhook._phone_of(CALLER).gives_up(after=patience)
    scene.phone(B, *b)
    try:
        sessions: Sequence[SimulatedSession] = [scene.offhook.inbound(to=OUR_NUMBER, from_=CALLER)]
    except ScriptNotFollowed as error:
        sessions = error.sessions
    scene.verify(sessions)
