"""The decision point: when the customer's server is asked, what with, and what becomes of its answer."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.execution.flows import (
    CALLER,
    HANGUP,
    OUR_NUMBER,
    SOURCE,
    A,
    Answers,
    B,
    answer,
    ask,
    make_call,
    say,
)

from offhook.testing import Answer, Offhook


def test_without_a_hangup_the_server_is_asked_until_it_says_no_more(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say("Second.")), answer(say("Third.")), {}))
    call = offhook.call([make_call(), say("First.")])
    assert call.spoken == ["First.", "Second.", "Third."]
    assert len(call.asked) == 3
    assert call.a.ended_by == "server"
    assert len({question["eventId"] for question in call.asked}) == 3


def test_after_a_hangup_nobody_is_asked(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say("Never."))))
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert (call.asked, call.summary["lastAction"]) == ([], "HANGUP")


def test_without_a_webhook_the_end_of_the_list_is_the_end(offhook: Offhook) -> None:
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.status, call.summary["lastAction"]) == ("COMPLETED", "SAY")
    assert call.a.ended_by == "server"


@pytest.mark.parametrize(
    "nothing",
    [None, "", " \n", {}, {"status": "ignored"}, answer(), {"callflow": None}, Answer(status=204)],
)
def test_every_way_to_say_nothing_more(offhook: Offhook, nothing: object) -> None:
    offhook.vca(Answers(nothing))
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.status, call.spoken) == ("COMPLETED", ["Hello."])


def test_digits_go_with_the_question_that_follows_their_capture_and_no_other(
    offhook: Offhook,
) -> None:
    offhook.vca(Answers(answer(say("Thank you.")), answer(ask("And now?", noOfTries=1)), {}))
    offhook.phone(A).hears("press").presses("42#")
    call = offhook.call([make_call(), ask("Press keys.")])
    assert [question["dtmf"] for question in call.asked] == ["42", None, None]
    assert [question["eventData"] for question in call.asked] == [
        {"dtmf": "42"},
        {"dtmf": None},
        {"dtmf": None},
    ]
    assert call.digits == ["42", None]


def test_digits_of_a_capture_that_other_actions_follow_are_only_an_event(offhook: Offhook) -> None:
    offhook.vca(Answers())
    offhook.phone(A).hears("press").presses("42#")
    call = offhook.call([make_call(), ask("Press keys."), say("Thank you.")])
    assert call.spoken == ["Press keys.", "Thank you."]
    assert [question["dtmf"] for question in call.asked] == [None]
    told = [event for event in call.events if event["callStatus"] == "DTMF_RECEIVED"]
    assert [event["eventData"] for event in told] == [{"dtmf": "42"}]


def test_what_a_question_says(offhook: Offhook) -> None:
    offhook.number(SOURCE, reference_id="PSTN1")
    offhook.vca(Answers(answer(say("More."), clientActionId="second")))
    flow = [make_call(), say("Hello.")]
    call = offhook.call({"callflow": flow, "clientActionId": "first", "clientRequestId": "r-1"})
    first, second = call.asked
    assert "clientActionId" not in first, "a submitted request has none"
    assert second["clientActionId"] == "second"
    assert first["clientRequestId"] == second["clientRequestId"] == "r-1"
    leg = call.session.legs[0]
    expected: dict[str, Any] = {
        "callId": leg.call_id,
        "sessionId": call.session.session_id,
        "subAccountId": "demo",
        "callStatus": "ACTION_COMPLETED",
        "callDirection": "OUTBOUND",
        "callType": "PSTN",
        "source": SOURCE,
        "destination": A,
        "sourceCountryCode": "SG",
        "destinationCountryCode": "US",
        "sourceRefId": "PSTN1",
        "dtmf": None,
    }
    assert {name: first[name] for name in expected} == expected


def test_call_events_name_the_callflow_they_belong_to(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(ask("Well?", maxDigits=1), clientActionId="second"), {}))
    offhook.phone(A).presses_in_turn("5")
    flow = [make_call(), say("Hello.")]
    call = offhook.call({"callflow": flow, "clientActionId": "first"})
    assert [(event["callStatus"], event.get("clientActionId")) for event in call.events] == [
        ("CALL_INITIATED", None),
        ("CALL_UPDATED", None),
        ("CALL_CONNECTED", None),
        ("DTMF_RECEIVED", "second"),
        ("CALL_DISCONNECTED", "second"),
    ]


def test_the_older_form_of_the_digits(offhook: Offhook) -> None:
    offhook.restrict(dtmf_event_data="string")
    offhook.vca(Answers())
    offhook.phone(A).hears("press").presses("1")
    call = offhook.call([make_call(), ask("Press a key.", maxDigits=1)])
    assert (call.asked[0]["eventData"], call.asked[0]["dtmf"]) == ("1", "1")


def test_a_question_is_asked_again_with_the_same_id_after_a_5xx(offhook: Offhook) -> None:
    seen = []

    def decide(payload: dict[str, Any]) -> object:
        seen.append(payload)
        return Answer(status=502) if len(seen) < 3 else answer(say("At last."), HANGUP)

    offhook.vca(decide)
    call = offhook.call([make_call(), say("Hello.")])
    assert call.spoken == ["Hello.", "At last."]
    assert len(seen) == 3
    assert seen[0] == seen[1] == seen[2]


def test_an_answer_may_bridge(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(make_call(B)), answer(say("Back again."), HANGUP)))
    offhook.phone(B).waits(3).hangs_up()
    call = offhook.call([make_call(), say("One moment.")])
    assert call.spoken == ["One moment.", "Back again."]
    assert call.b.duration == 3


def test_a_caller_is_first_announced_and_then_asked_about(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(ask("Which room?", maxDigits=1)), answer(say("Bye."), HANGUP)))
    offhook.phone(CALLER).hears("which room").presses("7")
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert [(q["callStatus"], q["dtmf"]) for q in call.asked] == [
        ("CALL_RECEIVED", None),
        ("ACTION_COMPLETED", "7"),
    ]
    assert all(q["callDirection"] == "INBOUND" for q in call.asked)
    assert (call.asked[0]["source"], call.asked[0]["destination"]) == (CALLER, OUR_NUMBER)


def test_a_legacy_callback_gets_the_digits_too(offhook: Offhook) -> None:
    offhook.phone(A).hears("press").presses("1")
    url = "https://customer.example/digits"
    flow = [make_call(), ask("Press a key.", maxDigits=1, dtmfCallbackUrl=url)]
    call = offhook.call({"callflow": flow, "clientRequestId": "r-1"})
    (body,) = call.sent("DTMF")
    assert body["uid"] == call.session.session_id
    assert body["actionDetails"] == {"dtmf": "1"}
    assert (body["destination"], body["clientRequestId"]) == (A, "r-1")
