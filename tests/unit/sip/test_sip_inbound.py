"""Calls we receive: ring, accept, refuse; CANCEL, BYE, lost ACKs; what fits nothing; limits."""

from __future__ import annotations

from functools import partial

import pytest
from tests.unit.sip.wire import PEER, SDP, Wire, answer, request

from offhook.sip import (
    Address,
    Canceled,
    Confirmed,
    Ended,
    EndedBy,
    IncomingInvite,
    Reoffer,
    ReofferAnswered,
)


def ringing(wire: Wire, data: bytes | None = None) -> str:
    """An INVITE comes in; returns its handle."""
    wire.receive(data or request())
    event = wire.took()[-1]
    assert isinstance(event, IncomingInvite)
    return event.handle


def up() -> tuple[Wire, str]:
    """A wire with a call that was accepted and confirmed."""
    wire = Wire()
    handle = ringing(wire)
    wire.agent.accept(handle, wire.now, SDP)
    wire.receive(request("ACK", branch="z9hG4bK-ack", to_tag=handle))
    assert wire.words() == ["200 INVITE"]
    assert wire.took() == [Confirmed(handle=handle, sdp=None, source=PEER)]
    return wire, handle


def test_an_incoming_call_is_reported_with_all_it_says() -> None:
    wire = Wire()
    wire.receive(request(headers="P-Asserted-Identity: <sip:+6512341234@x>\r\n"))
    (event,) = wire.took()
    assert isinstance(event, IncomingInvite)
    assert event.source == PEER
    assert event.request_uri == "sip:offhook@192.0.2.1:5060"
    assert event.from_ == "<sip:alice@example.org>;tag=alice"
    assert event.to == "<sip:offhook@192.0.2.1>"
    assert event.sdp == SDP
    assert event.asserted == ("<sip:+6512341234@x>",)


def test_100_is_sent_only_when_the_application_takes_longer_than_200_ms() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.advance(0.19)
    assert wire.words() == []
    wire.advance(0.02)
    assert wire.words() == ["100 INVITE"]
    wire.agent.ring(handle, wire.now)
    assert wire.words() == ["180 INVITE"]
    quick = Wire()
    quick.agent.ring(ringing(quick), quick.now)
    quick.advance(60)
    assert quick.words() == ["180 INVITE"]


def test_a_retransmitted_invite_gets_the_latest_response_again() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.receive(request())
    assert wire.words() == ["100 INVITE"]
    wire.agent.ring(handle, wire.now, 183, SDP)
    wire.receive(request())
    first, second = wire.sent
    assert first.data == second.data
    assert first.response.sdp == SDP
    assert first.response.to_tag == handle
    assert wire.took() == []


def test_the_200_is_repeated_until_its_ack() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.accept(handle, wire.now, SDP)
    wire.advance(12)
    assert [sent.at - 100 for sent in wire.sent] == [0, 0.5, 1.5, 3.5, 7.5, 11.5]
    assert len({sent.data for sent in wire.sent}) == 1
    wire.receive(request())
    wire.sent.clear()
    wire.receive(request("ACK", branch="z9hG4bK-ack", to_tag=handle))
    wire.advance(60)
    assert wire.sent == []
    assert wire.took() == [Confirmed(handle=handle, sdp=None, source=PEER)]


def test_a_200_that_is_never_acknowledged_ends_in_our_bye() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.accept(handle, wire.now, SDP)
    wire.advance(32)
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOST, reason="no ACK")]
    assert wire.last("BYE").at == 132.0
    wire.advance(33)
    assert wire.empty()


def test_an_ack_with_the_invites_own_branch_counts_too() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.accept(handle, wire.now, SDP)
    wire.receive(request("ACK", to_tag=handle))
    assert wire.took() == [Confirmed(handle=handle, sdp=None, source=PEER)]


def test_a_late_offer_is_answered_in_the_ack() -> None:
    wire = Wire()
    wire.receive(request(body=b""))
    (event,) = wire.took()
    assert isinstance(event, IncomingInvite)
    assert event.sdp is None
    wire.agent.accept(event.handle, wire.now, SDP)
    wire.receive(request("ACK", branch="z9hG4bK-a", to_tag=event.handle, body=SDP))
    assert wire.took() == [Confirmed(handle=event.handle, sdp=SDP, offered=True, source=PEER)]


@pytest.mark.parametrize("status", [302, 404, 486, 500, 603])
def test_a_refusal_is_repeated_until_its_ack(status: int) -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.reject(handle, wire.now, status, headers=[("Contact", "<sip:x@y>")])
    wire.advance(6)
    assert [sent.at - 100 for sent in wire.sent] == [0, 0.5, 1.5, 3.5]
    assert all(sent.word == f"{status} INVITE" for sent in wire.sent)
    wire.sent.clear()
    wire.receive(request("ACK", to_tag=handle))
    wire.advance(4)
    assert wire.words() == []
    assert wire.took() == []
    wire.receive(request())
    assert wire.words() == []
    wire.advance(2)
    assert wire.empty()


def test_a_refusal_that_is_never_acknowledged_is_given_up_after_32_s() -> None:
    wire = Wire()
    wire.agent.reject(ringing(wire), wire.now, 486)
    wire.advance(31.9)
    assert wire.words().count("486 INVITE") == 11
    wire.advance(0.2)
    assert wire.empty()


def test_the_reason_phrase_and_status_of_a_refusal_are_checked() -> None:
    wire = Wire()
    handle = ringing(wire)
    with pytest.raises(ValueError, match="one line"):
        wire.agent.reject(handle, wire.now, 486, "Busy\r\nX: y")
    with pytest.raises(ValueError, match="699"):
        wire.agent.reject(handle, wire.now, 200)
    with pytest.raises(ValueError, match="199"):
        wire.agent.ring(handle, wire.now, 200)
    wire.agent.reject(handle, wire.now, 486, "Besetzt")
    assert wire.last("486 INVITE").response.reason == "Besetzt"


# --- the caller gives up


def test_a_cancel_is_answered_and_the_invite_too() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.ring(handle, wire.now)
    wire.receive(request("CANCEL", headers="Reason: SIP;cause=200\r\n"))
    assert wire.took() == [Canceled(handle=handle, reason="SIP;cause=200")]
    cancel = wire.last("200 CANCEL").response
    assert cancel.to_tag == wire.last("487 INVITE").response.to_tag == handle
    wire.receive(request("CANCEL"))
    wire.receive(request("ACK", to_tag=handle))
    assert wire.words() == ["180 INVITE", "200 CANCEL", "487 INVITE", "200 CANCEL"]
    assert wire.took() == []
    wire.agent.accept(handle, wire.now, SDP)
    wire.advance(33)
    assert wire.words() == []
    assert wire.empty()


def test_a_cancel_after_our_200_changes_nothing() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.accept(handle, wire.now, SDP)
    wire.receive(request("CANCEL"))
    assert wire.words() == ["200 INVITE", "200 CANCEL"]
    assert wire.took() == []
    wire.receive(request("ACK", branch="z9hG4bK-2", to_tag=handle))
    assert wire.took() == [Confirmed(handle=handle, sdp=None, source=PEER)]


def test_a_cancel_of_nothing_gets_481() -> None:
    wire = Wire()
    wire.receive(request("CANCEL"))
    assert wire.words() == ["481 CANCEL"]
    assert wire.empty()


def test_a_bye_before_the_answer_is_a_cancel() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.ring(handle, wire.now)
    wire.receive(request("BYE", cseq=2, branch="z9hG4bK-2", to_tag=handle))
    assert wire.words() == ["180 INVITE", "200 BYE", "487 INVITE"]
    assert wire.took() == [Canceled(handle=handle)]


# --- the end


def test_a_bye_before_the_ack_ends_the_call_and_the_repetition() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.accept(handle, wire.now, SDP)
    wire.receive(request("BYE", cseq=2, branch="z9hG4bK-2", to_tag=handle))
    assert wire.took() == [Ended(handle=handle, by=EndedBy.REMOTE)]
    assert wire.words() == ["200 INVITE", "200 BYE"]
    wire.receive(request("ACK", branch="z9hG4bK-3", to_tag=handle))
    wire.advance(33)
    assert wire.words() == []
    assert wire.empty()


def test_our_bye_waits_for_the_ack() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.accept(handle, wire.now, SDP)
    wire.agent.bye(handle, wire.now)
    wire.agent.bye(handle, wire.now)
    assert wire.words() == ["200 INVITE"]
    wire.receive(request("ACK", branch="z9hG4bK-2", to_tag=handle))
    bye = wire.last("BYE")
    assert bye.to == PEER
    assert bye.request.uri == "sip:alice@192.0.2.2:5070"
    assert bye.request.get("from") == f"<sip:offhook@192.0.2.1>;tag={handle}"
    wire.receive(answer(bye.request, 200))
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOCAL)]


def test_our_bye_does_not_wait_for_ever_for_the_ack() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.agent.accept(handle, wire.now, SDP)
    wire.agent.bye(handle, wire.now)
    wire.advance(33)
    assert "BYE" in wire.words()
    wire.advance(33)
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOCAL)]
    wire.advance(33)
    assert wire.empty()


def test_hanging_up_an_unanswered_call_refuses_it() -> None:
    wire = Wire()
    wire.agent.bye(ringing(wire), wire.now)
    assert wire.words() == ["480 INVITE"]


def test_the_callees_route_set_is_the_record_route_as_it_stands() -> None:
    wire = Wire()
    routes = "Record-Route: <sip:192.0.2.3;lr>\r\nRecord-Route: <sip:192.0.2.4;lr>\r\n"
    handle = ringing(wire, request(headers=routes))
    wire.agent.ring(handle, wire.now)
    wire.agent.accept(handle, wire.now, SDP)
    for word in ("180 INVITE", "200 INVITE"):
        assert wire.last(word).response.lines("record-route") == [
            "<sip:192.0.2.3;lr>",
            "<sip:192.0.2.4;lr>",
        ]
    wire.receive(request("ACK", branch="z9hG4bK-2", to_tag=handle))
    wire.agent.bye(handle, wire.now)
    bye = wire.last("BYE")
    assert bye.request.lines("route") == ["<sip:192.0.2.3;lr>", "<sip:192.0.2.4;lr>"]
    assert bye.to == Address("udp", "192.0.2.3", 5060)


# --- inside the dialog


def test_a_hold_is_offered_and_answered() -> None:
    wire, handle = up()
    hold = request("INVITE", cseq=2, branch="z9hG4bK-2", to_tag=handle)
    wire.receive(hold)
    assert wire.took() == [Reoffer(handle=handle, sdp=SDP, source=PEER)]
    wire.receive(hold)
    wire.agent.accept_reoffer(handle, wire.now, SDP)
    wire.receive(hold)
    assert wire.words() == ["100 INVITE", "200 INVITE"]
    wire.receive(request("ACK", cseq=1, branch="z9hG4bK-old", to_tag=handle))
    wire.advance(0.5)
    assert wire.words() == ["200 INVITE"]
    wire.receive(request("ACK", cseq=2, branch="z9hG4bK-3", to_tag=handle))
    wire.advance(60)
    assert wire.words() == []


def test_a_reinvite_that_is_refused_or_canceled_leaves_the_call_up() -> None:
    wire, handle = up()
    wire.receive(request("INVITE", cseq=2, branch="z9hG4bK-2", to_tag=handle))
    wire.agent.reject_reoffer(handle, wire.now, 488)
    wire.receive(request("ACK", cseq=2, branch="z9hG4bK-2", to_tag=handle))
    wire.receive(request("INVITE", cseq=3, branch="z9hG4bK-3", to_tag=handle))
    wire.receive(request("CANCEL", cseq=3, branch="z9hG4bK-3", to_tag=handle))
    assert wire.words() == ["488 INVITE", "200 CANCEL", "487 INVITE"]
    wire.agent.accept_reoffer(handle, wire.now, SDP)
    assert wire.words() == []
    assert wire.agent.call_of(handle) is not None


def test_a_second_offer_before_the_first_is_answered_gets_500_with_retry_after() -> None:
    wire, handle = up()
    wire.receive(request("INVITE", cseq=2, branch="z9hG4bK-2", to_tag=handle))
    wire.receive(request("INVITE", cseq=3, branch="z9hG4bK-3", to_tag=handle))
    refused = wire.last("500 INVITE").response
    assert refused.retry_after is not None
    assert refused.retry_after <= 10
    assert len([event for event in wire.took() if isinstance(event, Reoffer)]) == 1


def test_a_reinvite_before_the_answer_gets_500() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.receive(request("INVITE", cseq=2, branch="z9hG4bK-2", to_tag=handle))
    assert wire.words() == ["500 INVITE"]


def test_a_bye_settles_an_offer_that_waits() -> None:
    wire, handle = up()
    wire.receive(request("UPDATE", cseq=2, branch="z9hG4bK-2", to_tag=handle, body=SDP))
    wire.receive(request("BYE", cseq=3, branch="z9hG4bK-3", to_tag=handle))
    assert wire.words() == ["200 BYE", "487 UPDATE"]
    assert [type(event) for event in wire.took()] == [Reoffer, Ended]
    wire.advance(33)
    assert wire.empty()


def test_an_update_is_answered_without_an_ack() -> None:
    wire, handle = up()
    wire.receive(request("UPDATE", cseq=2, branch="z9hG4bK-2", to_tag=handle, body=SDP))
    wire.agent.accept_reoffer(handle, wire.now, SDP)
    wire.advance(60)
    assert wire.words() == ["200 UPDATE"]


def test_our_glare_waits_at_most_two_seconds_as_the_call_id_is_theirs() -> None:
    wire, handle = up()
    wire.agent.reinvite(handle, wire.now, SDP)
    wire.receive(answer(wire.last("INVITE").request, 491))
    wire.words()
    wire.advance(2.0)
    again = wire.last("INVITE").request
    wire.receive(answer(again, 200, sdp=SDP))
    assert wire.took() == [ReofferAnswered(handle=handle, sdp=SDP, source=PEER)]


def test_a_request_out_of_order_gets_500() -> None:
    wire, handle = up()
    wire.receive(request("INFO", cseq=9, branch="z9hG4bK-9", to_tag=handle))
    wire.receive(request("INFO", cseq=8, branch="z9hG4bK-8", to_tag=handle))
    assert wire.words() == ["200 INFO", "500 INFO"]
    assert len(wire.took()) == 1


@pytest.mark.parametrize(
    ("method", "status"),
    [("OPTIONS", 200), ("MESSAGE", 405), ("REFER", 400), ("PRACK", 481), ("FOO", 501)],
)
def test_other_requests_inside_the_dialog(method: str, status: int) -> None:
    wire, handle = up()
    wire.receive(request(method, cseq=2, branch="z9hG4bK-2", to_tag=handle))
    assert wire.words() == [f"{status} {method}"]


@pytest.mark.parametrize("change", ["to_tag", "from_tag", "call_id"])
@pytest.mark.parametrize("method", ["BYE", "INFO", "INVITE", "UPDATE"])
def test_a_request_of_another_dialog_gets_481_and_harms_nobody(method: str, change: str) -> None:
    wire, handle = up()
    make = partial(request, method, cseq=5, branch="z9hG4bK-5", to_tag=handle)
    wire.receive(make(**{change: "other"}))  # type: ignore[arg-type]
    assert wire.words() == [f"481 {method}"]
    assert wire.took() == []


# --- outside all dialogs


def test_an_invite_that_came_two_ways_gets_482() -> None:
    wire = Wire()
    handle = ringing(wire)
    wire.receive(request(branch="z9hG4bK-other"))
    assert wire.words() == ["482 INVITE"]
    assert wire.took() == []
    wire.agent.reject(handle, wire.now, 486)
    wire.receive(request("ACK", to_tag=handle))
    wire.advance(5)
    ringing(wire, request(branch="z9hG4bK-other"))


def test_branches_are_told_apart_by_their_sender_and_method() -> None:
    wire = Wire()
    ringing(wire)
    ringing(
        wire,
        request(via="SIP/2.0/UDP 192.0.2.3:5070;branch=z9hG4bK-1", call_id="call-2"),
    )
    assert wire.agent.dialogs == 2


def test_rfc_2543_requests_are_matched_by_what_they_say() -> None:
    wire = Wire()
    via = "SIP/2.0/UDP 192.0.2.2:5070"
    old = partial(request, via=via)
    handle = ringing(wire, old())
    wire.receive(old())
    assert wire.words() == ["100 INVITE"]
    wire.agent.reject(handle, wire.now, 486)
    wire.receive(old("ACK", to_tag=handle))
    wire.advance(4)
    assert wire.words() == ["486 INVITE"]
    ringing(wire, old(cseq=2))
    wire.receive(old("CANCEL", cseq=2))
    assert wire.words() == ["200 CANCEL", "487 INVITE"]


def test_options_says_what_we_can() -> None:
    wire = Wire()
    wire.receive(request("OPTIONS"))
    text = wire.last("200 OPTIONS").data.decode()
    assert "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER\r\n" in text
    assert "Accept: application/sdp\r\n" in text
    assert wire.empty()


def test_what_fits_nothing_is_answered_without_keeping_anything() -> None:
    wire = Wire()
    for method in ("BYE", "REGISTER", "MESSAGE", "UPDATE", "INFO", "FOO", "ACK"):
        wire.receive(request(method, branch=f"z9hG4bK-{method}"))
    wire.receive(request("BYE", to_tag="x"))
    assert wire.words() == [
        "481 BYE",
        "405 REGISTER",
        "405 MESSAGE",
        "481 UPDATE",
        "481 INFO",
        "501 FOO",
        "481 BYE",
    ]
    assert wire.empty()


def test_the_same_stateless_answer_is_given_twice() -> None:
    wire = Wire()
    wire.receive(request("OPTIONS"))
    wire.receive(request("OPTIONS"))
    first, second = wire.sent
    assert first.data == second.data
    assert first.response.to_tag


def test_a_stray_response_is_dropped() -> None:
    wire = Wire()
    wire.call()
    invite = wire.last("INVITE").request
    stray = answer(invite, 200, sdp=SDP).replace(invite.via.branch.encode(), b"z9hG4bK-else")
    wire.receive(stray)
    doubled = answer(invite, 200, sdp=SDP).replace(
        b"\r\nFrom:", b"\r\nVia: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK-x\r\nFrom:"
    )
    wire.receive(doubled)
    assert wire.took() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Require: 100rel\r\n", CALL := 0),
        ("Require: 100rel, precondition\r\n", 420),
        ("Content-Type: text/plain\r\n", 415),
        ("Content-Encoding: gzip\r\n", 415),
        ("Accept: text/plain\r\n", 406),
        ('Accept: "a, b\r\n', 400),
        ("Accept: text/plain, application/*;q=0.1\r\n", CALL),
        ("Content-Type: text/plain\r\nContent-Disposition: x;handling=optional\r\n", CALL),
        ("Record-Route: <sip:a\r\n", 400),
        ("X-Long: " + "x" * 40_000 + "\r\n", CALL),
        ("Record-Route: " + "<sip:a;lr>," * 2_000 + "<sip:b;lr>\r\n", 400),
    ],
)
def test_what_an_invite_asks_of_us(headers: str, status: int) -> None:
    wire = Wire()
    wire.receive(request(headers=headers))
    assert wire.words() == ([f"{status} INVITE"] if status else [])
    assert len(wire.took()) == (0 if status else 1)


def test_a_description_inside_a_multipart_body_is_found() -> None:
    body = (
        b"--x\r\nContent-Type: application/isup\r\n\r\n\x01\x00\xff\r\n--x\r\n"
        b"Content-Type: Application/SDP\r\nContent-Disposition: session\r\n\r\n"
        + SDP
        + b"--x--\r\n"
    )
    wire = Wire()
    wire.receive(request(headers='Content-Type: multipart/mixed; boundary="x"\r\n', body=body))
    (event,) = wire.took()
    assert isinstance(event, IncomingInvite)
    assert event.sdp == SDP


# --- where responses go


@pytest.mark.parametrize(
    ("via", "to", "received"),
    [
        ("SIP/2.0/UDP 192.0.2.2:5070", PEER, None),
        ("SIP/2.0/UDP 192.0.2.2", Address("udp", "192.0.2.2", 5060), None),
        ("SIP/2.0/UDP 10.0.0.1:5999", Address("udp", "192.0.2.2", 5999), "192.0.2.2"),
        ("SIP/2.0/UDP 10.0.0.1:5999;rport", PEER, "192.0.2.2"),
        ("SIP/2.0/udp h.example.org;RPort", PEER, "192.0.2.2"),
        (
            "SIP/2.0/UDP h.example.org;maddr=192.0.2.9",
            Address("udp", "192.0.2.2", 5060),
            "192.0.2.2",
        ),
    ],
)
def test_where_a_response_goes(via: str, to: Address, received: str | None) -> None:
    wire = Wire()
    wire.receive(request("OPTIONS", via=f"{via};branch=z9hG4bK-1"))
    sent = wire.last("200 OPTIONS")
    assert sent.to == to
    assert sent.response.via.params.get("received") == received
    if "rport" in via.lower():
        assert sent.response.via.params["rport"] == "5070"


def test_all_vias_are_copied_in_order() -> None:
    wire = Wire()
    vias = "SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK-1;rport, SIP/2.0/TCP b;branch=z9hG4bK-2"
    wire.receive(request("OPTIONS", via=vias, headers="v: SIP/2.0/UDP c;branch=z9hG4bK-3\r\n"))
    assert wire.last("200 OPTIONS").response.values("via") == [
        "SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK-1;rport=5070;received=192.0.2.2",
        "SIP/2.0/TCP b;branch=z9hG4bK-2",
        "SIP/2.0/UDP c;branch=z9hG4bK-3",
    ]


# --- limits


def test_over_the_limit_new_calls_get_503_and_the_others_go_on() -> None:
    wire = Wire(max_dialogs=2)
    first = ringing(wire, request(call_id="a", branch="z9hG4bK-a"))
    ringing(wire, request(call_id="b", branch="z9hG4bK-b"))
    wire.receive(request(call_id="c", branch="z9hG4bK-c"))
    refused = wire.last("503 INVITE").response
    assert refused.retry_after == 5
    assert wire.took() == []
    wire.words()
    wire.agent.accept(first, wire.now, SDP)
    wire.receive(request("ACK", branch="z9hG4bK-k", call_id="a", to_tag=first))
    wire.receive(request("OPTIONS", branch="z9hG4bK-o"))
    wire.receive(request("BYE", cseq=2, branch="z9hG4bK-d", call_id="a", to_tag=first))
    assert wire.words() == ["200 INVITE", "503 OPTIONS", "200 BYE"]
    ringing(wire, request(call_id="c", branch="z9hG4bK-c2"))


def test_a_flood_of_invites_holds_no_more_than_the_limit() -> None:
    wire = Wire(max_dialogs=10)
    for number in range(1000):
        wire.receive(request(call_id=f"c{number}", branch=f"z9hG4bK-{number}"))
    assert wire.agent.dialogs == 10
    assert wire.agent.transactions == 10


def test_over_the_limit_of_transactions_requests_get_503_and_a_bye_is_taken() -> None:
    wire = Wire(max_transactions=3)
    handle = ringing(wire)
    wire.agent.accept(handle, wire.now, SDP)
    wire.receive(request("ACK", branch="z9hG4bK-k", to_tag=handle))
    wire.words()
    for number in range(2, 6):
        wire.receive(request("INFO", cseq=number, branch=f"z9hG4bK-{number}", to_tag=handle))
    assert wire.words() == ["200 INFO", "200 INFO", "503 INFO", "503 INFO"]
    assert wire.agent.transactions == 3
    wire.receive(request(call_id="other", branch="z9hG4bK-o"))
    assert wire.words() == ["503 INVITE"]
    wire.receive(request("BYE", cseq=9, branch="z9hG4bK-b", to_tag=handle))
    assert wire.words() == ["200 BYE"]


def test_requests_are_forgotten_in_time() -> None:
    wire, handle = up()
    wire.receive(request("BYE", cseq=2, branch="z9hG4bK-2", to_tag=handle))
    assert isinstance(wire.last("200 BYE").response.get("server"), str)
    assert not wire.empty()
    wire.advance(32.1)
    assert wire.empty()


def test_a_request_uri_may_not_be_endless() -> None:
    wire = Wire()
    wire.receive(request(uri="sip:" + "a" * 2100 + "@b"))
    assert wire.words() == ["414 INVITE"]


@pytest.mark.parametrize(
    ("method", "body"), [("INVITE", SDP), ("INVITE", b""), ("UPDATE", SDP), ("UPDATE", b"")]
)
def test_a_new_contact_moves_what_we_send(method: str, body: bytes) -> None:
    """Target refresh (RFC 3261 §12.2.2, RFC 3311 §5.1)."""
    wire, handle = up()
    moved = request(method, branch="z9hG4bK-2", to_tag=handle, cseq=2, body=body)
    wire.receive(moved.replace(b"<sip:alice@192.0.2.2:5070>", b"<sip:alice@192.0.2.9:5099>"))
    wire.agent.accept_reoffer(handle, wire.now, SDP)
    if method == "INVITE":
        wire.receive(request("ACK", branch="z9hG4bK-3", to_tag=handle, cseq=2))
    wire.agent.bye(handle, wire.now)
    bye = wire.last("BYE")
    assert bye.request.uri == "sip:alice@192.0.2.9:5099"
    assert (bye.to.host, bye.to.port) == ("192.0.2.9", 5099)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"From: <sip:alice@example.org>", b"From: sip:a b", "No uri"),
        (b"To: <sip:offhook@192.0.2.1>", b"To: <>", "Text after >"),
        (b"Max-Forwards: 70", b"Max-Forwards: many", "Not a number"),
        (b"Max-Forwards: 70", b"Max-Forwards: 256", "Number out of range"),
        (b"INVITE sip:offhook@", b"INVITE sip:off%zzhook@", "A bad escape"),
    ],
)
def test_a_value_that_breaks_the_grammar_is_400_that_says_so(
    old: bytes, new: bytes, problem: str
) -> None:
    wire = Wire()
    message = request().replace(old, new)
    assert message != request()
    wire.receive(message)
    assert wire.last("400 INVITE").response.reason.startswith(f"Bad Request - {problem}")
    assert wire.empty()


@pytest.mark.parametrize(
    ("via", "below"),
    [
        ("SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK-1", None),
        (
            "SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK-1\r\nVia: SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK-0",
            "10.0.0.7",
        ),
        (
            "SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK-1, SIP/2.0/UDP 10.0.0.7;received=203.0.113.9",
            "203.0.113.9",
        ),
        (
            "SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK-1\r\nVia: SIP/2.0/UDP [2001:db8::7]:5060",
            "2001:db8::7",
        ),
    ],
)
def test_where_a_proxy_got_a_request_from(via: str, below: str | None) -> None:
    """The second Via tells it, for the rule "Media" of execution.md."""
    wire = Wire()
    wire.receive(request(via=via))
    (event,) = wire.took()
    assert isinstance(event, IncomingInvite)
    assert (event.source, event.via_below) == (PEER, below)
