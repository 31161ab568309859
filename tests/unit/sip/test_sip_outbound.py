"""Calls we make: every timer, every final class, CANCEL and its races, forks, challenges."""

from __future__ import annotations

import gc
from functools import partial

import pytest
from tests.unit.sip.wire import PEER, SDP, Wire, answer, request

from offhook.sip import (
    Address,
    Answered,
    Credentials,
    Ended,
    EndedBy,
    Info,
    OptionsAnswered,
    Provisional,
    Rejected,
    Reoffer,
    ReofferAnswered,
    ReofferRejected,
)
from offhook.sip.call import SipCall
from offhook.sip.client import ClientTransaction
from offhook.sip.dialog import Dialog
from offhook.sip.message import Request
from offhook.sip.server import ServerTransaction


def up(**kwargs: str) -> tuple[Wire, str, Request]:
    """A wire with an answered call; its handle and INVITE."""
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 200, sdp=SDP, **kwargs))
    assert isinstance(wire.took()[-1], Answered)
    assert wire.words() == ["INVITE", "ACK"]
    return wire, handle, invite


@pytest.mark.parametrize("end", ["we hang up", "they hang up", "refused", "canceled"])
def test_a_call_that_is_over_leaves_nothing_to_the_garbage_collector(end: str) -> None:
    """Once the transactions have lingered, reference counting alone has freed all of the call."""
    kinds = (SipCall, ClientTransaction, ServerTransaction, Dialog)
    gc.collect()
    gc.freeze()  # the look afterwards sees new objects only
    gc.disable()
    try:
        wire = _ended_call(end)
        wire.advance(300)
        wire.took()
        wire.words()
        assert wire.empty()
        left = [one for one in gc.get_objects() if isinstance(one, kinds)]
        assert [type(one).__name__ for one in left] == []
    finally:
        gc.enable()


def _ended_call(end: str) -> Wire:
    if end in ("we hang up", "they hang up"):
        wire, handle, invite = up()
        if end == "we hang up":
            wire.agent.bye(handle, wire.now)
            wire.receive(answer(wire.last("BYE").request, 200))
        else:
            theirs = partial(request, call_id=invite.call_id, from_tag="bob", to_tag=handle)
            wire.receive(theirs("BYE"))
        return wire
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    if end == "canceled":
        wire.receive(answer(invite, 180))
        wire.agent.cancel(handle, wire.now)
        wire.receive(answer(wire.last("CANCEL").request, 200))
    wire.receive(answer(invite, 487 if end == "canceled" else 486))
    return wire


def test_an_invite_is_repeated_at_doubling_intervals_and_given_up_after_32_s() -> None:
    wire = Wire()
    handle = wire.call()
    wire.advance(60)
    assert [sent.at - 100 for sent in wire.sent] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert len({sent.data for sent in wire.sent}) == 1
    (event,) = wire.took()
    assert event == Rejected(handle=handle, status=408, reason="Request Timeout", local=True)
    assert wire.empty()


def test_a_provisional_response_stops_the_repetition_for_good() -> None:
    wire = Wire()
    handle = wire.call()
    wire.receive(answer(wire.last("INVITE").request, 100, tag=""))
    wire.advance(300)
    assert wire.words() == ["INVITE"]
    assert wire.took() == []
    assert wire.agent.call_of(handle) is not None


def test_ringing_and_early_media_are_reported() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 180))
    wire.receive(answer(invite, 183, sdp=SDP))
    assert wire.took() == [
        Provisional(handle=handle, status=180, source=PEER),
        Provisional(handle=handle, status=183, sdp=SDP, source=PEER),
    ]


def test_an_answer_is_acknowledged_and_each_repetition_again() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.sent.clear()
    for _ in range(3):
        wire.receive(answer(invite, 200, sdp=SDP, contact="<sip:bob@192.0.2.9:5090>"))
        wire.advance(1)
    assert wire.took() == [Answered(handle=handle, sdp=SDP, at=100.0, source=PEER)]
    acks = [sent for sent in wire.sent if sent.word == "ACK"]
    assert len(acks) == 3
    assert len({ack.data for ack in acks}) == 1
    assert acks[0].to == Address("udp", "192.0.2.9", 5090)
    assert acks[0].request.uri == "sip:bob@192.0.2.9:5090"
    assert acks[0].request.cseq == (1, "ACK")
    assert acks[0].request.via.branch != invite.via.branch


def test_a_late_provisional_after_the_answer_changes_nothing() -> None:
    wire, _, invite = up()
    wire.receive(answer(invite, 180))
    wire.receive(answer(invite, 486))
    assert wire.took() == []
    assert wire.words() == []


def test_an_answer_without_a_description_uses_the_early_one_of_its_branch() -> None:
    wire = Wire()
    wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 183, sdp=SDP))
    wire.receive(answer(invite, 200))
    answered = wire.took()[-1]
    assert isinstance(answered, Answered)
    assert answered.sdp == SDP


@pytest.mark.parametrize("status", [302, 404, 480, 486, 487, 500, 503, 600, 603, 699])
def test_a_refusal_is_acknowledged_in_its_transaction_and_reported_once(status: int) -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.sent.clear()
    for _ in range(2):
        wire.receive(answer(invite, status))
    contacts = ("sip:bob@192.0.2.2:5070",) if status == 302 else ()
    rejected = Rejected(handle=handle, status=status, reason="Whatever", contacts=contacts)
    assert wire.took() == [rejected]
    first, second = wire.sent
    assert first.data == second.data
    ack = first.request
    assert (ack.method, ack.uri, ack.cseq) == ("ACK", invite.uri, (1, "ACK"))
    assert ack.via.branch == invite.via.branch
    assert ack.to_tag == "bob"
    assert first.to == PEER
    wire.advance(31.9)
    wire.receive(answer(invite, status))
    assert wire.words() == ["ACK"] * 3
    wire.advance(0.2)
    assert wire.empty()


def test_reason_and_retry_after_of_a_refusal_are_read() -> None:
    wire = Wire()
    wire.call()
    headers = (
        'Reason: SIP;cause=480, Q.850 ;cause="20";text="a, b"\r\nRetry-After: 18 (soon);x=1\r\n'
    )
    wire.receive(answer(wire.last("INVITE").request, 480, headers=headers))
    (event,) = wire.took()
    assert isinstance(event, Rejected)
    assert (event.q850_cause, event.retry_after) == (20, 18)


@pytest.mark.parametrize("value", ["Q.850;cause=999", "Q.850;cause=x", "Q.850", '"', "SIP;cause=1"])
def test_a_reason_without_a_usable_cause_is_none(value: str) -> None:
    wire = Wire()
    wire.call()
    wire.receive(answer(wire.last("INVITE").request, 480, headers=f"Reason: {value}\r\n"))
    (event,) = wire.took()
    assert isinstance(event, Rejected)
    assert event.q850_cause is None


# --- CANCEL


def test_a_cancel_waits_for_the_first_provisional_response() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.agent.cancel(handle, wire.now)
    assert wire.words() == ["INVITE"]
    wire.receive(answer(invite, 100, tag=""))
    cancel = wire.last("CANCEL").request
    assert cancel.via.branch == invite.via.branch
    assert (cancel.uri, cancel.cseq, cancel.to_tag) == (invite.uri, (1, "CANCEL"), "")
    wire.receive(answer(cancel, 200))
    wire.receive(answer(invite, 487))
    assert wire.words() == ["CANCEL", "ACK"]
    (event,) = wire.took()
    assert event == Rejected(handle=handle, status=487, reason="Whatever")
    wire.advance(33)
    assert wire.empty()


def test_a_cancel_that_nothing_precedes_ends_with_the_invite() -> None:
    wire = Wire()
    handle = wire.call()
    wire.agent.cancel(handle, wire.now)
    wire.advance(33)
    assert "CANCEL" not in wire.words()
    assert wire.took() == [
        Rejected(handle=handle, status=487, reason="Request Terminated", local=True)
    ]
    assert wire.empty()


def test_a_cancel_is_repeated_and_an_invite_without_an_end_is_given_up_64_t1_later() -> None:
    wire = Wire()
    handle = wire.call()
    wire.receive(answer(wire.last("INVITE").request, 180))
    wire.took()
    wire.sent.clear()
    wire.agent.cancel(handle, wire.now)
    wire.advance(40)
    times = [sent.at - 100 for sent in wire.sent if sent.word == "CANCEL"]
    assert times[:5] == [0, 0.5, 1.5, 3.5, 7.5]
    assert times[-1] == 31.5
    assert wire.took() == [
        Rejected(handle=handle, status=487, reason="Request Terminated", local=True)
    ]
    assert wire.empty()


def test_a_200_that_crosses_our_cancel_is_acknowledged_and_hung_up() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 180))
    wire.agent.cancel(handle, wire.now)
    wire.words()
    wire.took()
    wire.receive(answer(invite, 200, sdp=SDP))
    assert wire.took() == [
        Rejected(handle=handle, status=487, reason="Request Terminated", local=True)
    ]
    bye = wire.last("BYE").request
    assert wire.words() == ["ACK", "BYE"]
    assert bye.cseq == (2, "BYE")
    wire.receive(answer(invite, 200, sdp=SDP))
    assert wire.words() == ["ACK"]
    wire.receive(answer(bye, 200))
    wire.advance(33)
    assert wire.empty()


def test_cancelling_twice_or_after_the_end_does_nothing() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 180))
    wire.agent.cancel(handle, wire.now)
    wire.agent.cancel(handle, wire.now)
    wire.agent.bye(handle, wire.now)
    assert wire.words() == ["INVITE", "CANCEL"]
    wire.receive(answer(invite, 486))
    wire.agent.cancel(handle, wire.now)
    assert wire.words() == ["ACK"]


# --- forks


def test_the_first_answer_wins_and_other_branches_are_hung_up() -> None:
    wire = Wire()
    wire.call()
    invite = wire.last("INVITE").request
    for tag in ("one", "two", "three"):
        wire.receive(answer(invite, 180, tag=tag))
    wire.receive(answer(invite, 200, tag="two", sdp=SDP))
    wire.took()
    wire.words()
    wire.receive(
        answer(invite, 200, tag="one", sdp=SDP, contact="<sip:other@192.0.2.77:5077>"),
    )
    assert wire.took() == []
    bye = wire.last("BYE")
    assert wire.words() == ["ACK", "BYE"]
    assert bye.to == Address("udp", "192.0.2.77", 5077)
    assert bye.request.to_tag == "one"
    wire.receive(answer(bye.request, 200))
    wire.receive(answer(invite, 200, tag="one", sdp=SDP))
    assert wire.words() == ["ACK"]
    assert wire.agent.dialogs == 1


def test_a_fork_that_answers_after_the_call_is_over_is_hung_up_too() -> None:
    wire, handle, invite = up()
    wire.agent.bye(handle, wire.now)
    wire.receive(answer(wire.last("BYE").request, 200))
    wire.words()
    wire.receive(answer(invite, 200, tag="late", sdp=SDP))
    assert wire.words() == ["ACK", "BYE"]


# --- routes


def test_the_route_set_is_the_record_route_reversed_and_loose() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    routes = (
        "Record-Route: <sip:192.0.2.3;lr>, <sip:192.0.2.4:5064;LR>\r\n"
        "Record-Route: <sip:192.0.2.5:5065;lr=on;transport=UDP>\r\n"
    )
    wire.receive(answer(invite, 200, sdp=SDP, headers=routes))
    ack = wire.last("ACK")
    assert ack.request.lines("route") == [
        "<sip:192.0.2.5:5065;lr=on;transport=UDP>",
        "<sip:192.0.2.4:5064;LR>",
        "<sip:192.0.2.3;lr>",
    ]
    assert ack.request.uri == "sip:bob@192.0.2.2:5070"
    assert ack.to == Address("udp", "192.0.2.5", 5065)
    wire.agent.bye(handle, wire.now)
    assert wire.last("BYE").to == Address("udp", "192.0.2.5", 5065)


def test_a_strict_router_goes_into_the_request_uri() -> None:
    wire, handle, _ = up(headers="Record-Route: <sip:192.0.2.3;lr>, <sip:192.0.2.4:5064>\r\n")
    wire.agent.bye(handle, wire.now)
    bye = wire.last("BYE")
    assert bye.request.uri == "sip:192.0.2.4:5064"
    assert bye.request.lines("route") == ["<sip:192.0.2.3;lr>", "<sip:bob@192.0.2.2:5070>"]
    assert bye.to == Address("udp", "192.0.2.4", 5064)


@pytest.mark.parametrize(
    ("contact", "uri", "to"),
    [
        ("<sip:b@192.0.2.8;transport=UDP>", "sip:b@192.0.2.8;transport=UDP", ("192.0.2.8", 5060)),
        ("<SIP:B@192.0.2.8:5081>;expires=5", "SIP:B@192.0.2.8:5081", ("192.0.2.8", 5081)),
        ("sip:b@192.0.2.8:5082;x=y", "sip:b@192.0.2.8:5082", ("192.0.2.8", 5082)),
        ("<sip:b@[2001:db8::1]:5083>", "sip:b@[2001:db8::1]:5083", ("2001:db8::1", 5083)),
        ("<sip:b@pbx.example.org>", "sip:b@pbx.example.org", PEER[1:]),
        ("<sip:b@x.example.org;maddr=192.0.2.9>", None, ("192.0.2.9", 5060)),
        ('"a > b, c" <sip:b@192.0.2.8:5084>', "sip:b@192.0.2.8:5084", ("192.0.2.8", 5084)),
        ("<sip:b@10.0.0.8:5085>", "sip:b@10.0.0.8:5085", PEER[1:]),
        ("<sip:b@[fe80::1]:5085>", "sip:b@[fe80::1]:5085", PEER[1:]),
        ("<sip:b@192.0.2.8?X=y>", "sip:b@192.0.2.8", ("192.0.2.8", 5060)),
        ("<sip:b\tX@192.0.2.8>", "sip:bob@192.0.2.2:5070", PEER[1:]),
        ("<<>", "sip:bob@192.0.2.2:5070", PEER[1:]),
    ],
)
def test_where_requests_in_the_dialog_go(
    contact: str, uri: str | None, to: tuple[str, int]
) -> None:
    wire = Wire()
    wire.call()
    wire.receive(answer(wire.last("INVITE").request, 200, sdp=SDP, contact=contact))
    ack = wire.last("ACK")
    assert ack.to == Address("udp", *to)
    if uri is not None:
        assert ack.request.uri == uri


# --- the end of a call


def test_we_hang_up() -> None:
    wire, handle, _ = up()
    wire.agent.bye(handle, wire.now)
    bye = wire.last("BYE").request
    assert bye.from_tag == handle
    assert bye.to_tag == "bob"
    wire.receive(answer(bye, 200))
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOCAL)]
    wire.advance(33)
    assert wire.empty()


def test_a_bye_that_nobody_answers_is_repeated_up_to_t2_and_ends_the_call_after_32_s() -> None:
    wire, handle, _ = up()
    wire.sent.clear()
    wire.agent.bye(handle, wire.now)
    wire.advance(40)
    times = [sent.at - 100 for sent in wire.sent]
    assert times == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOCAL)]
    assert wire.empty()


def test_they_hang_up() -> None:
    wire, handle, invite = up()
    bye = request(
        "BYE",
        call_id=invite.call_id,
        from_tag="bob",
        to_tag=handle,
        headers="Reason: Q.850;cause=16\r\n",
    )
    wire.receive(bye)
    wire.receive(bye)
    assert wire.words() == ["200 BYE", "200 BYE"]
    assert wire.took() == [
        Ended(handle=handle, by=EndedBy.REMOTE, reason="Q.850;cause=16", q850_cause=16),
    ]
    wire.advance(33)
    assert wire.empty()


def test_both_hang_up_at_once() -> None:
    wire, handle, invite = up()
    wire.agent.bye(handle, wire.now)
    ours = wire.last("BYE").request
    wire.receive(request("BYE", call_id=invite.call_id, from_tag="bob", to_tag=handle))
    wire.receive(answer(ours, 481))
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOCAL)]
    wire.advance(33)
    assert wire.empty()


def test_the_transport_fails() -> None:
    wire = Wire()
    handle = wire.call()
    wire.agent.unreachable(PEER, wire.now, "no network")
    assert wire.took() == [
        Rejected(
            handle=handle, status=408, reason="Request Timeout", local=True, problem="no network"
        )
    ]
    assert wire.empty()


def test_a_transport_failure_after_ringing_changes_nothing() -> None:
    wire = Wire()
    wire.call()
    wire.receive(answer(wire.last("INVITE").request, 180))
    wire.took()
    wire.agent.unreachable(PEER, wire.now, "no network")
    assert wire.took() == []


# --- OPTIONS


def ask(wire: Wire) -> str:
    return wire.agent.options(
        wire.now,
        target=PEER,
        request_uri="sip:192.0.2.2:5060",
        from_uri="sip:offhook@192.0.2.1",
        to_uri="sip:192.0.2.2:5060",
    )


@pytest.mark.parametrize("status", [200, 404, 486])
def test_an_options_is_answered_with_any_status(status: int) -> None:
    wire = Wire()
    handle = ask(wire)
    sent = wire.last("OPTIONS").request
    assert sent.check() is None
    wire.receive(answer(sent, 100))
    assert wire.took() == []
    wire.receive(answer(sent, status))
    assert wire.took() == [OptionsAnswered(handle=handle, status=status)]
    wire.advance(33)
    assert wire.empty()


def test_an_options_without_an_answer_ends_after_32_seconds() -> None:
    wire = Wire()
    handle = ask(wire)
    wire.advance(31.9)
    assert wire.took() == []
    wire.advance(0.2)
    assert wire.took() == [OptionsAnswered(handle=handle, status=None)]
    assert wire.empty()


def test_an_options_that_cannot_be_sent_says_why() -> None:
    wire = Wire()
    handle = ask(wire)
    wire.agent.unreachable(PEER, wire.now, "cannot look up sip.example")
    assert wire.took() == [
        OptionsAnswered(handle=handle, status=None, problem="cannot look up sip.example")
    ]


# --- inside the call


def test_our_info_and_its_failures() -> None:
    wire, handle, _ = up()
    wire.agent.send_info(handle, wire.now, "application/dtmf-relay", b"Signal=5\r\n")
    info = wire.last("INFO").request
    assert (info.content_type, info.body) == ("application/dtmf-relay", b"Signal=5\r\n")
    wire.receive(answer(info, 415))
    assert wire.took() == []
    wire.agent.send_info(handle, wire.now, "application/dtmf-relay", b"Signal=6\r\n")
    wire.receive(answer(wire.last("INFO").request, 481))
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOST, reason="INFO failed")]
    assert wire.words()[-1] == "BYE"


def test_our_reinvite_is_acknowledged_and_moves_the_target() -> None:
    wire, handle, _ = up()
    assert wire.agent.reinvite(handle, wire.now, SDP)
    assert not wire.agent.reinvite(handle, wire.now, SDP)
    again = wire.last("INVITE").request
    assert again.cseq == (2, "INVITE")
    assert again.to_tag == "bob"
    ok = answer(again, 200, sdp=SDP, contact="<sip:bob@192.0.2.99:5099>")
    wire.receive(ok)
    wire.receive(ok)
    assert wire.took() == [ReofferAnswered(handle=handle, sdp=SDP, source=PEER)]
    assert wire.words() == ["INVITE", "ACK", "ACK"]
    wire.agent.bye(handle, wire.now)
    assert wire.last("BYE").to == Address("udp", "192.0.2.99", 5099)


def test_a_refused_reinvite_leaves_the_call_up() -> None:
    wire, handle, _ = up()
    wire.agent.reinvite(handle, wire.now, SDP)
    wire.receive(answer(wire.last("INVITE").request, 488))
    assert wire.took() == [ReofferRejected(handle=handle, status=488)]
    assert wire.agent.reinvite(handle, wire.now, SDP)


@pytest.mark.parametrize("status", [408, 481, None])
def test_a_reinvite_into_nothing_ends_the_call(status: int | None) -> None:
    wire, handle, _ = up()
    wire.agent.reinvite(handle, wire.now, SDP)
    if status is None:
        wire.advance(33)
    else:
        wire.receive(answer(wire.last("INVITE").request, status))
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOST, reason="re-INVITE failed")]
    assert "BYE" in wire.words()


def test_a_glare_is_retried_between_2_1_and_4_seconds_as_we_own_the_call_id() -> None:
    wire, handle, _ = up()
    wire.agent.reinvite(handle, wire.now, SDP)
    wire.receive(answer(wire.last("INVITE").request, 491))
    wire.words()
    wire.advance(2.09)
    assert wire.words() == []
    wire.advance(2)
    again = wire.last("INVITE").request
    assert again.cseq == (3, "INVITE")
    wire.receive(answer(again, 200, sdp=SDP))
    assert wire.took() == [ReofferAnswered(handle=handle, sdp=SDP, source=PEER)]


def test_an_offer_of_theirs_while_ours_is_out_gets_491() -> None:
    wire, handle, invite = up()
    wire.agent.reinvite(handle, wire.now, SDP)
    wire.words()
    theirs = partial(request, call_id=invite.call_id, from_tag="bob", to_tag=handle)
    wire.receive(theirs("INVITE", cseq=7))
    wire.receive(theirs("UPDATE", cseq=8, branch="z9hG4bK-u", body=SDP))
    assert wire.words() == ["491 INVITE", "491 UPDATE"]
    assert wire.took() == []


def test_their_early_update_with_an_offer_gets_491_and_without_one_200() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 180))
    wire.words()
    theirs = partial(request, call_id=invite.call_id, from_tag="bob", to_tag=handle)
    wire.receive(theirs("UPDATE", cseq=1, body=SDP))
    wire.receive(theirs("UPDATE", cseq=2, branch="z9hG4bK-2"))
    assert wire.words() == ["491 UPDATE", "200 UPDATE"]


def test_their_reinvite_is_ours_to_answer() -> None:
    wire, handle, invite = up()
    theirs = request("INVITE", cseq=7, call_id=invite.call_id, from_tag="bob", to_tag=handle)
    wire.receive(theirs)
    assert wire.took() == [Reoffer(handle=handle, sdp=SDP, source=PEER)]
    wire.agent.accept_reoffer(handle, wire.now, SDP)
    assert wire.words() == ["200 INVITE"]
    wire.advance(0.6)
    assert wire.words() == ["200 INVITE"]
    wire.receive(
        request(
            "ACK",
            cseq=7,
            branch="z9hG4bK-a",
            call_id=invite.call_id,
            from_tag="bob",
            to_tag=handle,
        )
    )
    wire.advance(60)
    assert wire.words() == []
    assert wire.agent.call_of(handle) is not None


def test_an_info_comes_through_once() -> None:
    wire, handle, invite = up()
    info = request(
        "INFO",
        cseq=9,
        call_id=invite.call_id,
        from_tag="bob",
        to_tag=handle,
        headers="Content-Type: application/dtmf-relay;x=y\r\n",
        body=b"Signal=1\r\nDuration=160\r\n",
    )
    wire.receive(info)
    wire.receive(info)
    assert wire.words() == ["200 INFO", "200 INFO"]
    assert wire.took() == [
        Info(
            handle=handle,
            content_type="application/dtmf-relay",
            body=b"Signal=1\r\nDuration=160\r\n",
        )
    ]


# --- challenges

CHALLENGE = 'Proxy-Authenticate: Digest realm="p", nonce="{}", qop="auth", algorithm=SHA-256\r\n'


def test_a_challenge_is_answered_once_per_nonce() -> None:
    wire = Wire()
    handle = wire.call(credentials=Credentials("u", "p"))
    first = wire.last("INVITE").request
    wire.receive(answer(first, 407, headers=CHALLENGE.format("n1")))
    second = wire.last("INVITE").request
    assert wire.words() == ["INVITE", "ACK", "INVITE"]
    assert second.cseq == (2, "INVITE")
    assert (second.call_id, second.from_tag) == (first.call_id, first.from_tag)
    assert second.via.branch != first.via.branch
    assert 'nonce="n1"' in (second.get("proxy-authorization") or "")
    wire.receive(answer(second, 407, headers=CHALLENGE.format("n1")))
    assert wire.took() == [Rejected(handle=handle, status=407, reason="Whatever")]


def test_a_stale_nonce_is_replaced_and_a_proxy_chain_passed() -> None:
    wire = Wire()
    handle = wire.call(credentials=Credentials("u", "p"))
    wire.receive(answer(wire.last("INVITE").request, 407, headers=CHALLENGE.format("n1")))
    wire.receive(answer(wire.last("INVITE").request, 407, headers=CHALLENGE.format("n2")))
    www = 'WWW-Authenticate: Digest realm="w", nonce="n3"\r\n'
    wire.receive(answer(wire.last("INVITE").request, 401, headers=www))
    last = wire.last("INVITE").request
    assert 'nonce="n2"' in (last.get("proxy-authorization") or "")
    assert 'nonce="n3"' in (last.get("authorization") or "")
    wire.receive(answer(last, 200, sdp=SDP))
    assert [type(event) for event in wire.took()] == [Answered]
    ack = wire.last("ACK").request
    assert ack.cseq == (4, "ACK")
    assert ack.lines("authorization") == last.lines("authorization")
    assert ack.lines("proxy-authorization") == last.lines("proxy-authorization")
    wire.agent.bye(handle, wire.now)
    bye = wire.last("BYE").request
    assert "nc=00000003" in (bye.get("proxy-authorization") or "")
    assert 'uri="sip:bob@192.0.2.2:5070"' in (bye.get("authorization") or "")


def test_a_challenge_ends_the_branches_that_rang_before_it() -> None:
    wire = Wire()
    wire.call(credentials=Credentials("u", "p"))
    first = wire.last("INVITE").request
    wire.receive(answer(first, 180, tag="rang"))
    wire.receive(answer(first, 407, headers=CHALLENGE.format("n1")))
    wire.words()
    wire.receive(
        request("INFO", call_id=first.call_id or "", to_tag=first.from_tag, from_tag="rang")
    )
    assert wire.words() == ["481 INFO"]


def test_endless_challenges_end() -> None:
    wire = Wire()
    handle = wire.call(credentials=Credentials("u", "p"))
    for number in range(20):
        if wire.agent.call_of(handle) is None:
            break
        headers = CHALLENGE.format(number)
        wire.receive(answer(wire.last("INVITE").request, 407, headers=headers))
    assert wire.took() == [Rejected(handle=handle, status=407, reason="Whatever")]
    assert wire.words().count("INVITE") == 6


def test_a_challenge_without_credentials_is_a_refusal() -> None:
    wire = Wire()
    handle = wire.call()
    wire.receive(answer(wire.last("INVITE").request, 401, headers=CHALLENGE.format("n1")))
    assert wire.took() == [Rejected(handle=handle, status=401, reason="Whatever")]


def test_a_challenged_bye_is_repeated_with_credentials() -> None:
    wire = Wire()
    handle = wire.call(credentials=Credentials("u", "p"))
    wire.receive(answer(wire.last("INVITE").request, 200, sdp=SDP))
    wire.agent.bye(handle, wire.now)
    wire.receive(answer(wire.last("BYE").request, 407, headers=CHALLENGE.format("n1")))
    again = wire.last("BYE").request
    assert again.cseq == (3, "BYE")
    wire.receive(answer(again, 200))
    assert wire.took()[-1] == Ended(handle=handle, by=EndedBy.LOCAL)


# --- what we put on the wire


def test_what_an_invite_says() -> None:
    wire = Wire()
    handle = wire.call(headers=(("P-Asserted-Identity", "<sip:+65@x>"), ("Privacy", "id")))
    sent = wire.last("INVITE")
    text = sent.data.decode()
    assert sent.to == PEER
    assert text.startswith(
        "INVITE sip:bob@192.0.2.2:5070 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;"
    )
    for line in (
        "Max-Forwards: 70",
        f"From: <sip:alice@example.org>;tag={handle}",
        "To: <sip:bob@example.org>",
        "CSeq: 1 INVITE",
        "Contact: <sip:offhook@192.0.2.1:5060>",
        "P-Asserted-Identity: <sip:+65@x>",
        "Privacy: id",
        "Content-Type: application/sdp",
        f"Content-Length: {len(SDP)}",
    ):
        assert f"\r\n{line}\r\n" in text
    assert sent.request.body == SDP


@pytest.mark.parametrize(
    "change",
    [
        {"request_uri": "sip:a@b\r\nX: y"},
        {"request_uri": "nothing"},
        {"from_uri": "sip:a@b>\r\nX: y"},
        {"to_uri": "<sip:a"},
        {"headers": [("X", "a\r\nY: b")]},
        {"headers": [("X y", "a")]},
    ],
)
def test_nothing_breaks_out_of_its_header(change: dict[str, object]) -> None:
    wire = Wire()
    arguments: dict[str, object] = {
        "target": PEER,
        "request_uri": "sip:a@b",
        "from_uri": "sip:a@b",
        "to_uri": "sip:a@b",
        "sdp": SDP,
    }
    with pytest.raises(ValueError, match=r"."):
        wire.agent.invite(wire.now, **(arguments | change))  # type: ignore[arg-type]
    assert wire.empty()


@pytest.mark.parametrize("trying", ["before", "after"])
def test_a_reinvite_that_only_ever_gets_100_does_not_outlive_its_call(trying: str) -> None:
    wire, handle, invite = up()
    wire.agent.reinvite(handle, wire.now, SDP)
    again = wire.last("INVITE").request
    if trying == "before":
        wire.receive(answer(again, 100))
    wire.receive(request("BYE", call_id=invite.call_id, from_tag="bob", to_tag=handle))
    if trying == "after":
        wire.receive(answer(again, 100))
    wire.advance(33)
    assert wire.empty()
    assert [type(event) for event in wire.took()] == [Ended]


def test_a_peer_that_makes_up_branches_gets_only_so_many_answers() -> None:
    wire = Wire()
    wire.call()
    invite = wire.last("INVITE").request
    wire.words()
    for number in range(100):
        wire.receive(answer(invite, 200, tag=f"t{number}", sdp=SDP))
    assert wire.words().count("ACK") == 16
    assert wire.agent.transactions == 1 + 15


def test_what_a_peer_says_is_fit_for_a_database() -> None:
    wire = Wire()
    wire.call()
    refusal = answer(wire.last("INVITE").request, 480)
    wire.receive(refusal.replace(b"Whatever", b"caf\xc3\xa9 \xff\x00\x1b[0m"))
    (event,) = wire.took()
    assert isinstance(event, Rejected)
    assert event.reason == "caf\u00e9 \ufffd[0m"


def test_the_cseq_of_an_early_dialog_counts_after_the_answer() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 180))
    theirs = partial(request, call_id=invite.call_id, from_tag="bob", to_tag=handle)
    wire.receive(theirs("UPDATE", cseq=5, branch="z9hG4bK-5"))
    wire.receive(answer(invite, 200, sdp=SDP))
    wire.words()
    wire.receive(theirs("INFO", cseq=4, branch="z9hG4bK-4"))
    assert wire.words() == ["500 INFO"]


def test_a_bye_that_is_worked_on_is_repeated_every_t2_only() -> None:
    """Timer E in Proceeding (RFC 3261 §17.1.2.2): T2, however short the interval had been."""
    wire = Wire()
    handle = wire.call()
    wire.receive(answer(wire.last("INVITE").request, 200, sdp=SDP))
    wire.agent.bye(handle, wire.now)
    wire.collect()
    began = wire.now
    wire.receive(answer(wire.last("BYE").request, 100))
    wire.sent.clear()
    wire.advance(31)
    at = [sent.at - began for sent in wire.sent if sent.word == "BYE"]
    assert at == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    wire.advance(2)
    assert [type(event) for event in wire.took()][-1] is Ended
