"""Which callflows a called person can opt out of."""

from __future__ import annotations

import pytest

from offhook.codes import RuntimeCode
from offhook.flow.actions import (
    AnyAction,
    Callflow,
    Hangup,
    MakeCall,
    Say,
    SayAndCapture,
    ScenarioError,
)
from offhook.session.opting_out import is_voice_message

CALL = MakeCall(source="+6512341234", destination="+6590000000")
SAY = Say(text="Hello.")


@pytest.mark.parametrize(
    ("actions", "is_one"),
    [
        ((CALL, SAY, Hangup()), True),
        ((CALL,), True),
        ((CALL, SAY, SayAndCapture(prompt_message="Press one.")), False),
        ((CALL, SAY, CALL), False),
        ((SAY, CALL), False),
        ((), False),
    ],
)
def test_a_voice_message_calls_one_person_and_asks_nothing(
    actions: tuple[AnyAction, ...], is_one: bool
) -> None:
    assert is_voice_message(Callflow(actions=actions)) is is_one


def test_a_callflow_that_cannot_run_is_none() -> None:
    error = ScenarioError(code=RuntimeCode.INVALID_CALLFLOW, detail="a parameter is missing")
    assert not is_voice_message(Callflow(actions=(CALL, SAY), error=error))
