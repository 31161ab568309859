"""sendDigits, ringTimeout and maxDuration of a makeCall, on leg A and on leg B."""

from __future__ import annotations

from tests.unit.execution.flows import (
    CALLER,
    HANGUP,
    OUR_NUMBER,
    A,
    Answers,
    B,
    answer,
    make_call,
    say,
)

from offhook.testing import Offhook


def test_digits_are_sent_after_the_answer_before_the_next_action(offhook: Offhook) -> None:
    offhook.phone(A).answers(after=2)
    call = offhook.call([make_call(sendDigits="ww4w2#"), say("Hello."), HANGUP])
    assert call.a.keys_heard == "42#"
    sent = [(moment.at, moment.text) for moment in call.timeline if moment.what == "is sent"]
    first = sent[0][0]
    assert [(round(at - first, 2), key) for at, key in sent] == [(0, "4"), (0.7, "2"), (0.9, "#")]
    answered = next(moment.at for moment in call.timeline if moment.what == "answers")
    assert round(first - answered, 2) == 1.0
    spoken = next(moment.at for moment in call.timeline if "Hello." in moment.text)
    assert spoken > sent[-1][0]


def test_leg_b_is_sent_its_digits_before_the_bridge(offhook: Offhook) -> None:
    offhook.phone(B).waits(5).hangs_up()
    call = offhook.call([make_call(), make_call(B, sendDigits="w77"), HANGUP])
    assert (call.status, call.b.keys_heard, call.a.keys_heard) == ("COMPLETED", "77", "")
    assert call.a.ringback


def test_a_leg_that_hangs_up_meanwhile_is_sent_no_more(offhook: Offhook) -> None:
    offhook.phone(B).waits(0.6).hangs_up()
    call = offhook.call([make_call(), make_call(B, sendDigits="1www2"), say("Gone."), HANGUP])
    assert (call.b.keys_heard, call.a.heard) == ("1", ["Gone."])
    offhook.phone(A).waits(0.6).hangs_up()
    call = offhook.call([make_call(sendDigits="1www2"), say("Never."), HANGUP])
    assert (call.status, call.a.keys_heard, call.a.heard) == ("COMPLETED", "1", [])


def test_ring_timeout_of_a_call_replaces_the_servers(offhook: Offhook) -> None:
    offhook.phone(A).no_answer()
    began = offhook.now
    call = offhook.call([make_call(ringTimeout=7), HANGUP])
    assert call.status == "NO_ANSWER"
    assert call.summary is not None
    assert (offhook.now - began).total_seconds() < 60
    assert call.timeline[-1].at == 7.0


def test_leg_b_rings_no_longer_than_its_ring_timeout(offhook: Offhook) -> None:
    offhook.phone(B).answers(after=20)
    call = offhook.call([make_call(), make_call(B, ringTimeout=5), say("Nobody."), HANGUP])
    assert (call.status, call.a.heard) == ("NO_ANSWER", ["Nobody."])


def test_max_duration_of_leg_a_ends_the_session_completed(offhook: Offhook) -> None:
    call = offhook.call([make_call(maxDuration=3), say("A very long text. " * 100), HANGUP])
    assert (call.status, call.error) == ("COMPLETED", None)
    leg = call.session.legs[0]
    assert leg.connected_at is not None
    assert leg.disconnected_at is not None
    assert round((leg.disconnected_at - leg.connected_at).total_seconds(), 1) == 3.0


def test_max_duration_of_leg_b_ends_the_bridge_and_a_goes_on(offhook: Offhook) -> None:
    flow = [make_call(), make_call(B, maxDuration=10, sendDigits="ww"), say("Time is up."), HANGUP]
    call = offhook.call(flow)
    assert (call.status, call.a.heard) == ("COMPLETED", ["Time is up."])
    leg = call.session.legs[1]
    assert leg.connected_at is not None
    assert leg.disconnected_at is not None
    assert round((leg.disconnected_at - leg.connected_at).total_seconds(), 1) == 10.0


def test_a_masked_caller_is_answered_after_the_digits(offhook: Offhook) -> None:
    offhook.number(OUR_NUMBER)
    offhook.vca(Answers(answer(make_call(B, OUR_NUMBER, sendDigits="w9"))))
    offhook.phone(B).waits(4).hangs_up()
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert (call.status, call.b.keys_heard) == ("COMPLETED", "9")
    caller, callee = call.session.legs
    assert caller.connected_at is not None
    assert callee.connected_at is not None
    assert (caller.connected_at - callee.connected_at).total_seconds() >= 0.7
