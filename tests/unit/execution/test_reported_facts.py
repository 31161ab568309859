"""What every VCA and VCS payload of whole sessions says: SIP status, and the customer's own ids."""

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
    say,
)

from offhook.testing import Offhook
from offhook.testing.result import SimulatedSession


def told(call: SimulatedSession) -> list[tuple[str, int]]:
    """What the VCS webhook heard of leg A, with its SIP status."""
    first = call.events[0]["callId"]
    return [(e["callStatus"], e["sipCode"]) for e in call.events if e["callId"] == first]


def test_a_leg_that_is_answered(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say("Bye."), HANGUP)))
    offhook.phone(A).presses_in_turn("5")
    call = offhook.call([make_call(), ask("Well?", maxDigits=1)])
    assert told(call) == [
        ("CALL_INITIATED", 100),
        ("CALL_UPDATED", 180),
        ("CALL_CONNECTED", 200),
        ("DTMF_RECEIVED", 200),
        ("CALL_DISCONNECTED", 200),
    ]
    assert [question["sipCode"] for question in call.asked] == [200]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (lambda phone: phone.busy(), 486),
        (lambda phone: phone.declines(), 603),
        (lambda phone: phone.unreachable(), 480),
        (lambda phone: phone.refuses(404), 404),
        (lambda phone: phone.refuses(503), 503),
        (lambda phone: phone.no_answer(), 408),
    ],
)
def test_a_leg_that_is_not_answered(
    offhook: Offhook, script: Callable[[Any], object], code: int
) -> None:
    script(offhook.phone(A))
    call = offhook.call([make_call(), say("Hello.")])
    assert told(call)[0] == ("CALL_INITIATED", 100)
    assert told(call)[-1] == ("CALL_DISCONNECTED", code)


def test_a_leg_that_the_api_ends_while_it_rings(offhook: Offhook) -> None:
    offhook.phone(A).no_answer()
    offhook.after(5.0, offhook.end)
    call = offhook.call([make_call(), say("Hello.")])
    assert told(call)[-1] == ("CALL_DISCONNECTED", 487)


def test_nothing_comes_back_at_all(offhook: Offhook) -> None:
    offhook.phone(A).dead = True
    call = offhook.call([make_call(), say("Hello.")])
    assert told(call)[-1] == ("CALL_DISCONNECTED", 408)


def test_a_bridge(offhook: Offhook) -> None:
    offhook.phone(B).waits(3).hangs_up()
    call = offhook.call([make_call(), make_call(B), HANGUP])
    assert all(isinstance(event["sipCode"], int) for event in call.events)
    bridged = [e for e in call.events if e["callStatus"] == "CALL_UPDATED" and e["sipCode"] == 200]
    assert bridged


@pytest.mark.parametrize(
    ("actions", "code"), [([HANGUP], 603), ([make_call(B)], 486), ([say("Hello."), HANGUP], 200)]
)
def test_a_call_from_outside(offhook: Offhook, actions: list[dict[str, Any]], code: int) -> None:
    offhook.phone(B).busy()
    offhook.vca(Answers(answer(*actions)))
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert told(call)[0] == ("CALL_RECEIVED", 200)
    assert told(call)[-1] == ("CALL_DISCONNECTED", code)
    assert [question["sipCode"] for question in call.asked] == [200]


def test_the_customers_ids_stand_in_every_event_and_in_the_summary(offhook: Offhook) -> None:
    offhook.vca(Answers({}))
    offhook.phone(A).presses_in_turn("5")
    body = {
        "callflow": [make_call(), ask("Well?", maxDigits=1)],
        "clientRequestId": "r-1",
        "clientBatchId": "b-1",
        "clientActionId": ["ignored"],
    }
    call = offhook.call(body)
    for payload in (*call.events, *call.asked, call.summary):
        assert (payload["clientRequestId"], payload["clientBatchId"]) == ("r-1", "b-1")
        assert "clientActionId" not in payload


def test_every_question_has_a_place_for_digits(offhook: Offhook) -> None:
    offhook.vca(Answers({}))
    call = offhook.call([make_call(), say("Hello.")])
    (question,) = call.asked
    assert question["dtmf"] is None
    assert question["eventData"] == {"dtmf": None}
