"""Stored menus: an IVR of several levels without a customer's server."""

from __future__ import annotations

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

from offhook.events import MenuFollowed
from offhook.testing import Offhook, SimulatedSession


def row(menu: str, on: str, following: str) -> dict[str, str]:
    return {"menu": menu, "on": on, "next": following}


MENU: dict[str, Any] = {
    "first": "welcome",
    "callflows": {
        "welcome": [ask("One or two?", maxDigits=1, noOfTries=1, overallTimeout=3000)],
        "tables": [ask("Tonight or later?", maxDigits=1, noOfTries=1, overallTimeout=3000)],
        "again": [say("Sorry.")],
        "silent": [say("We did not hear you."), HANGUP],
        "booked": [say("Booked."), HANGUP],
        "staff": [make_call(B, OUR_NUMBER)],
    },
    "table": [
        row("welcome", "1", "tables"),
        row("welcome", "2", "staff"),
        row("welcome", "invalid", "again"),
        row("welcome", "none", "silent"),
        row("again", "none", "welcome"),
        row("tables", "1", "booked"),
    ],
}


@pytest.fixture(autouse=True)
def _menu(offhook: Offhook) -> None:
    offhook.number(OUR_NUMBER)
    offhook.no_vca()
    offhook.menu("house", MENU, numbers=[OUR_NUMBER])


def ring(offhook: Offhook) -> SimulatedSession:
    return offhook.inbound(to=OUR_NUMBER, from_=CALLER)


def followed(call: SimulatedSession) -> list[str]:
    return [fact.callflow for fact in call.facts if isinstance(fact, MenuFollowed)]


def test_two_levels_without_a_webhook(offhook: Offhook) -> None:
    offhook.phone(CALLER).presses_in_turn("1", "1")
    call = ring(offhook)
    assert call.status == "COMPLETED"
    assert call.a.heard == ["One or two?", "Tonight or later?", "Booked."]
    assert followed(call) == ["welcome", "tables", "booked"]
    assert call.asked == []


def test_wrong_keys_and_no_keys_have_rows_of_their_own(offhook: Offhook) -> None:
    offhook.phone(CALLER).presses_in_turn("7", "*", "")
    call = ring(offhook)
    assert call.a.heard == [
        *("One or two?", "Sorry."),
        *("One or two?", "Sorry."),
        *("One or two?", "We did not hear you."),
    ]
    assert call.status == "COMPLETED"


def test_where_the_table_has_no_row_the_session_ends(offhook: Offhook) -> None:
    offhook.phone(CALLER).presses_in_turn("1", "5")
    call = ring(offhook)
    assert (call.status, followed(call)) == ("COMPLETED", ["welcome", "tables"])


def test_where_the_table_has_no_row_the_webhook_is_asked(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say("From the server."), clientActionId="own"), answer()))
    offhook.phone(CALLER).presses_in_turn("1", "5")
    call = ring(offhook)
    assert call.a.heard[-1] == "From the server."
    assert [question["clientActionId"] for question in call.asked] == ["tables", "own"]
    assert call.asked[0]["dtmf"] == "5"
    assert call.asked[0]["callStatus"] == "ACTION_COMPLETED"


def test_the_menu_is_asked_before_the_webhook(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say("Never."))))
    offhook.phone(CALLER).presses_in_turn("1", "1")
    call = ring(offhook)
    assert (call.a.heard[-1], call.asked) == ("Booked.", [])


def test_a_bridge_out_of_a_menu(offhook: Offhook) -> None:
    offhook.phone(CALLER).presses_in_turn("2")
    offhook.phone(B).waits(3).hangs_up()
    call = ring(offhook)
    assert (call.status, call.session.legs[1].destination) == ("COMPLETED", B)


def test_masking_ends_with_the_bridge_unless_the_table_goes_on(offhook: Offhook) -> None:
    masking = {
        "first": "staff",
        "callflows": {"staff": [make_call(B, OUR_NUMBER)], "bye": [say("Goodbye."), HANGUP]},
    }
    offhook.menu("house", masking, numbers=[OUR_NUMBER])
    offhook.phone(B).waits(3).hangs_up()
    assert followed(ring(offhook)) == ["staff"]
    offhook.menu("house", {**masking, "table": [row("staff", "none", "bye")]}, numbers=[OUR_NUMBER])
    offhook.phone(B).waits(3).hangs_up()
    call = ring(offhook)
    assert (followed(call), call.a.heard[-1]) == (["staff", "bye"], "Goodbye.")


def test_a_menu_that_refuses_the_call(offhook: Offhook) -> None:
    menu = {"first": "no", "callflows": {"no": []}}
    offhook.menu("house", menu, numbers=[OUR_NUMBER])
    call = ring(offhook)
    (leg,) = call.session.legs
    assert (call.status, leg.connected_at, leg.sip_code) == ("COMPLETED", None, 603)


def test_a_callflow_that_is_no_longer_valid_ends_the_session(offhook: Offhook) -> None:
    menu = {"first": "x", "callflows": {"x": [make_call(B, "+33123456789")]}}
    offhook.menu("house", menu, numbers=[OUR_NUMBER])
    offhook.restrict(caller_ids=frozenset())
    call = ring(offhook)
    assert (call.status, call.error) == ("ERROR", -2008)


def test_calls_that_we_make_follow_no_menu(offhook: Offhook) -> None:
    call = offhook.call([make_call(A, OUR_NUMBER), say("Hello.")])
    assert (call.status, followed(call)) == ("COMPLETED", [])


def test_another_number_has_no_menu(offhook: Offhook) -> None:
    offhook.number("+6568332049")
    call = offhook.inbound(to="+6568332049", from_=CALLER)
    assert (call.status, call.error) == ("ERROR", -2002)


def test_its_events_carry_the_name_of_the_callflow(offhook: Offhook) -> None:
    offhook.phone(CALLER).presses_in_turn("1", "1")
    call = ring(offhook)
    pressed = [event for event in call.events if event["callStatus"] == "DTMF_RECEIVED"]
    assert [event["clientActionId"] for event in pressed] == ["welcome", "tables"]
