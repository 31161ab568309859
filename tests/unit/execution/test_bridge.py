"""A second makeCall: what A hears meanwhile, who hears whom, and how it ends."""

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
    C,
    answer,
    ask,
    make_call,
    say,
)

from offhook.config import Config, Limits, RouteSection, TrunkSection
from offhook.events import CallInitiated
from offhook.testing import Offhook, SimulatedSession


def statuses(call: SimulatedSession) -> list[tuple[str, str]]:
    """The call status events in order, each with its leg."""
    legs = {leg.call_id: name for name, leg in zip("AB", call.session.legs, strict=False)}
    return [(legs[event["callId"]], event["callStatus"]) for event in call.events]


def test_a_hears_ringback_until_b_answers(offhook: Offhook) -> None:
    offhook.phone(B).answers(after=9).says("Hello.").hangs_up()
    call = offhook.call([make_call(), make_call(B), HANGUP])
    assert call.a.ringback
    assert call.a.heard == ["Hello."]


def test_early_media_instead_of_ringback(offhook: Offhook) -> None:
    offhook.phone(B).early_media("Not in service.").answers(after=3).refuses(404)
    call = offhook.call([make_call(), make_call(B), say("Sorry."), HANGUP])
    assert (call.status, call.a.heard) == ("FAILED", ["Not in service.", "Sorry."])
    offhook.phone(B).early_media("Please hold.").answers(after=6).says("Hello.").hangs_up()
    call = offhook.call([make_call(), make_call(B), HANGUP])
    assert call.a.heard == ["Please hold.", "Hello."]


def test_the_events_of_a_bridge_in_order(offhook: Offhook) -> None:
    offhook.phone(B).waits(2).hangs_up()
    call = offhook.call([make_call(), make_call(B), HANGUP])
    assert statuses(call) == [
        ("A", "CALL_INITIATED"),
        ("A", "CALL_UPDATED"),
        ("A", "CALL_CONNECTED"),
        ("B", "CALL_INITIATED"),
        ("B", "CALL_UPDATED"),
        ("B", "CALL_CONNECTED"),
        ("B", "CALL_UPDATED"),
        ("B", "CALL_DISCONNECTED"),
        ("A", "CALL_DISCONNECTED"),
    ]


def test_after_b_has_gone_a_listens_to_us_again(offhook: Offhook) -> None:
    offhook.vca(Answers())
    offhook.phone(A).presses_in_turn("5")
    offhook.phone(B).waits(2).hangs_up()
    flow = [make_call(), make_call(B), ask("How was it?", maxDigits=1)]
    call = offhook.call(flow)
    assert call.digits == ["5"]
    assert call.b.keys_heard == ""


def test_keys_in_the_bridge_go_to_b_and_nowhere_else(offhook: Offhook) -> None:
    offhook.vca(Answers())
    offhook.phone(A).waits(3).presses("123")
    offhook.phone(B).waits(5).hangs_up()
    call = offhook.call([make_call(), make_call(B)])
    assert (call.b.keys_heard, call.digits) == ("123", [])
    assert call.asked[0]["dtmf"] is None


def test_a_caller_hears_nothing_of_ours_before_b_answers(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(make_call(B))))
    offhook.phone(CALLER).hears("hello").waits(2).hangs_up()
    offhook.phone(B).answers(after=4).says("Hello.")
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert call.status == "COMPLETED"
    assert not call.a.ringback
    assert statuses(call) == [
        ("A", "CALL_RECEIVED"),
        ("B", "CALL_INITIATED"),
        ("B", "CALL_UPDATED"),
        ("B", "CALL_CONNECTED"),
        ("A", "CALL_CONNECTED"),
        ("B", "CALL_UPDATED"),
        ("B", "CALL_DISCONNECTED"),
        ("A", "CALL_DISCONNECTED"),
    ]
    legs = call.summary["details"]
    assert legs["callA"]["connectedTimestamp"] == legs["callB"]["connectedTimestamp"]


def test_number_masking_ends_with_b_and_nobody_is_asked_again(offhook: Offhook) -> None:
    """The vendor's sample server answers every question with the same makeCall."""
    offhook.vca(lambda _payload: answer(make_call(B)))
    offhook.phone(B).waits(2).hangs_up()
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert [question["callStatus"] for question in call.asked] == ["CALL_RECEIVED"]
    assert (call.status, call.a.ended_by, call.b.ended_by) == ("COMPLETED", "server", "callee")
    assert call.summary["callCount"] == 2


@pytest.mark.parametrize(
    "first",
    [
        [say("One moment."), make_call(B)],
        [make_call(B), say("They have gone.")],
    ],
    ids=["after another action", "before another action"],
)
def test_a_bridge_that_is_not_the_only_action_is_asked_about(
    offhook: Offhook, first: list[dict[str, Any]]
) -> None:
    offhook.vca(Answers(answer(*first), answer(say("Goodbye."), HANGUP)))
    offhook.phone(B).waits(2).hangs_up()
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert call.spoken[-1] == "Goodbye."
    assert [question["callStatus"] for question in call.asked] == [
        "CALL_RECEIVED",
        "ACTION_COMPLETED",
    ]


def test_a_later_answer_with_one_make_call_is_asked_about(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say("Hello.")), answer(make_call(B)), answer(HANGUP)))
    offhook.phone(B).waits(2).hangs_up()
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert len(call.asked) == 3


def test_a_callflow_that_replaces_the_masking_is_asked_about(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(make_call(B)), answer(say("Goodbye."), HANGUP)))
    offhook.phone(B).waits(2).then(lambda: offhook.replace([make_call(C)]))
    offhook.phone(C).waits(2).hangs_up()
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert call.spoken == ["Goodbye."]


def test_the_eleventh_leg_is_an_error_and_is_not_dialled(offhook: Offhook) -> None:
    offhook.vca(lambda _payload: answer(make_call(B)))
    offhook.other_phones(lambda phone: phone)
    offhook.phone(B).waits(1).hangs_up()
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.status, call.error) == ("ERROR", -2003)
    assert list(call.summary["details"]) == [f"call{letter}" for letter in "ABCDEFGHIJ"]
    assert call.summary["callCount"] == len(call.legs) == 10
    assert {leg["callStatus"] for leg in call.summary["details"].values()} == {"COMPLETED"}
    assert "limits.max_legs" in (call.detail or "")


def test_max_legs_is_a_setting(offhook: Offhook) -> None:
    offhook.limits(max_legs=2)
    offhook.phone(B).waits(1).hangs_up()
    call = offhook.call([make_call(), make_call(B), say("Hello."), HANGUP])
    assert call.status == "COMPLETED"
    offhook.limits(max_legs=1)
    call = offhook.call([make_call(), make_call(B), say("Hello."), HANGUP])
    assert (call.status, call.error, call.summary["callCount"]) == ("ERROR", -2003, 1)


def test_neither_side_sees_the_other_s_number(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(make_call(B, source=OUR_NUMBER))))
    offhook.phone(B).waits(1).hangs_up()
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    dialled = next(m.text for m in call.timeline if (m.who, m.what) == ("Offhook", "calls"))
    assert dialled == f"{B} from {OUR_NUMBER}"


def test_leg_b_moves_to_the_next_trunk_with_a_free_channel() -> None:
    trunks = [TrunkSection(name=name, address="udp:192.0.2.1:5060") for name in ("first", "second")]
    offhook = Offhook(
        Config(
            trunks=tuple(trunks),
            routes=(
                RouteSection(prefix=A, trunks=("second",)),
                RouteSection(prefix=B, trunks=("first", "second")),
            ),
            limits=Limits(ring_timeout=120),
        )
    )
    offhook.trunk_is_down("first")
    offhook.phone(B).waits(1).hangs_up()
    call = offhook.call([make_call(), make_call(B), HANGUP])
    assert [leg.trunk for leg in call.session.legs] == ["second", "second"]
    assert call.status == "COMPLETED"


def test_leg_b_begins_with_the_first_trunk_that_has_a_channel() -> None:
    trunks = (
        TrunkSection(name="first", address="udp:192.0.2.1:5060", channels=1),
        TrunkSection(name="second", address="udp:192.0.2.1:5060"),
    )
    offhook = Offhook(Config(trunks=trunks, routes=(RouteSection(trunks=("first", "second")),)))
    offhook.phone(B).waits(1).hangs_up()
    call = offhook.call([make_call(), make_call(B), HANGUP])
    assert call.status == "COMPLETED"
    assert [leg.trunk for leg in call.session.legs] == ["first", "second"]
    dialled = [fact.trunk for fact in call.facts if isinstance(fact, CallInitiated)]
    assert dialled == ["first", "second"]


def test_leg_b_stays_failed_when_the_next_trunk_is_full() -> None:
    trunks = (
        TrunkSection(name="first", address="udp:192.0.2.1:5060"),
        TrunkSection(name="second", address="udp:192.0.2.1:5060", channels=1),
    )
    routes = (
        RouteSection(prefix=A, trunks=("second",)),
        RouteSection(prefix=B, trunks=("first", "second")),
    )
    offhook = Offhook(Config(trunks=trunks, routes=routes, limits=Limits(ring_timeout=120)))
    offhook.trunk_is_down("first")
    call = offhook.call([make_call(), make_call(B), say("Sorry."), HANGUP])
    assert (call.status, call.spoken) == ("FAILED", ["Sorry."])
