"""Session timers (RFC 4028) and reliable provisional responses (RFC 3262), with time in the test's hands."""

from __future__ import annotations

import pytest
from tests.unit.sip.wire import PEER, SDP, Wire, answer, request

from offhook.sip import Canceled, Confirmed, Ended, EndedBy, RefreshDue, Rejected, Reoffer
from offhook.sip.message import parse
from offhook.sip.reliable import MAX_WAITING
from offhook.sip.session_timer import Refresher, SessionExpires, session_expires_of

UPDATES = "Allow: INVITE, BYE, UPDATE\r\n"


def calling(headers: str, seconds: int = 1800) -> tuple[Wire, str]:
    """A call of ours that was answered with these headers."""
    wire = Wire()
    handle = wire.agent.invite(
        wire.now,
        target=PEER,
        request_uri="sip:bob@192.0.2.2:5070",
        from_uri="sip:alice@example.org",
        to_uri="sip:bob@example.org",
        sdp=SDP,
        session_expires=seconds,
    )
    invite = wire.last("INVITE").request
    assert invite.get("session-expires") == (str(seconds) if seconds else None)
    wire.receive(answer(invite, 200, sdp=SDP, headers=headers))
    wire.words()
    wire.took()
    return wire, handle


def called(headers: str) -> tuple[Wire, str]:
    """A call to us that we answered."""
    wire = Wire()
    wire.receive(request(headers=headers))
    handle = wire.took()[-1].handle
    wire.agent.accept(handle, wire.now, SDP)
    wire.receive(request("ACK", branch="z9hG4bK-ack", to_tag=handle))
    wire.took()
    return wire, handle


def test_we_refresh_after_half_of_the_interval_by_update() -> None:
    wire, _ = calling(f"{UPDATES}Session-Expires: 600;refresher=uac\r\n")
    wire.advance(299.9)
    assert wire.words() == []
    wire.advance(0.2)
    update = wire.last("UPDATE").request
    assert update.get("session-expires") == "600;refresher=uac"
    assert update.sdp is None
    wire.receive(answer(update, 200, headers="Session-Expires: 600;refresher=uac\r\n"))
    wire.words()
    wire.advance(299.9)
    assert wire.words() == []
    wire.advance(0.2)
    assert wire.words() == ["UPDATE"]


def test_a_peer_without_update_is_refreshed_by_an_offer_of_the_application() -> None:
    wire, handle = calling("Session-Expires: 600;refresher=uac\r\n")
    wire.advance(301)
    assert wire.took() == [RefreshDue(handle=handle)]
    assert wire.agent.reinvite(handle, wire.now, SDP)
    invite = wire.last("INVITE").request
    assert invite.get("session-expires") == "600;refresher=uac"
    wire.receive(answer(invite, 200, sdp=SDP, headers="Session-Expires: 600;refresher=uac\r\n"))
    wire.words()
    wire.took()
    wire.advance(299)
    assert wire.took() == []
    wire.advance(2)
    assert wire.took() == [RefreshDue(handle=handle)]


def test_a_peer_that_refuses_update_is_refreshed_by_an_offer() -> None:
    wire, handle = calling(f"{UPDATES}Session-Expires: 800;refresher=uac\r\n")
    wire.advance(401)
    wire.receive(answer(wire.last("UPDATE").request, 501))
    wire.advance(101)
    assert wire.took() == [RefreshDue(handle=handle)]


def test_a_session_that_nobody_could_refresh_ends_with_its_interval() -> None:
    wire, handle = calling("Session-Expires: 600;refresher=uac\r\n")
    wire.advance(600.1)
    *due, ended = wire.took()
    assert due == [RefreshDue(handle=handle)] * len(due)
    assert ended == Ended(handle=handle, by=EndedBy.LOST, reason="session expired")
    assert wire.words() == ["BYE"]


def test_a_refresh_without_an_answer_ends_the_call() -> None:
    wire, _ = calling(f"{UPDATES}Session-Expires: 600;refresher=uac\r\n")
    wire.advance(301 + 33)
    (ended,) = wire.took()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.reason) == (EndedBy.LOST, "no answer to a session refresh")


def test_a_peer_that_does_not_refresh_is_hung_up_before_the_end() -> None:
    wire, handle = calling("Session-Expires: 600;refresher=uas\r\n")
    wire.advance(600 - 32.1)
    assert wire.words() == []
    wire.advance(0.2)
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOST, reason="session expired")]
    assert wire.words() == ["BYE"]


def test_a_peer_without_timers_has_no_end_of_the_session() -> None:
    wire, _ = calling(UPDATES)
    wire.advance(10_000)
    assert wire.words() == []
    assert wire.took() == []


def test_an_interval_of_a_second_does_not_make_us_send_twice_a_second() -> None:
    wire, _ = calling(f"{UPDATES}Session-Expires: 1;refresher=uac\r\n")
    wire.advance(44)
    assert wire.words() == []


def test_an_interval_that_is_too_short_for_the_peer_is_asked_for_longer() -> None:
    wire = Wire()
    wire.agent.invite(
        wire.now,
        target=PEER,
        request_uri="sip:bob@192.0.2.2",
        from_uri="sip:alice@x",
        to_uri="sip:bob@x",
        sdp=SDP,
        session_expires=90,
    )
    for minimum in (200, 300, 400):
        invite = wire.last("INVITE").request
        wire.receive(answer(invite, 422, headers=f"Min-SE: {minimum}\r\n"))
        again = wire.last("INVITE").request
        assert again.cseq[0] == invite.cseq[0] + 1
        assert (again.get("session-expires"), again.get("min-se")) == (str(minimum), str(minimum))
    wire.took()
    wire.receive(answer(again, 422, headers="Min-SE: 500\r\n"))
    (refused,) = wire.took()
    assert isinstance(refused, Rejected)
    assert refused.status == 422


@pytest.mark.parametrize("minimum", ["Min-SE: 90\r\n", "", "Min-SE: nine\r\n", "Min-SE: 86401\r\n"])
def test_a_422_that_asks_for_nothing_usable_is_a_refusal(minimum: str) -> None:
    wire = Wire()
    wire.agent.invite(
        wire.now,
        target=PEER,
        request_uri="sip:bob@192.0.2.2",
        from_uri="sip:alice@x",
        to_uri="sip:bob@x",
        sdp=SDP,
        session_expires=90,
    )
    wire.receive(answer(wire.last("INVITE").request, 422, headers=minimum))
    (refused,) = wire.took()
    assert isinstance(refused, Rejected)


@pytest.mark.parametrize(
    ("headers", "agreed", "required"),
    [
        ("", None, False),
        ("Supported: timer\r\n", None, False),
        ("Supported: timer\r\nSession-Expires: 600\r\n", "600;refresher=uas", False),
        ("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", "600;refresher=uac", True),
        ("Supported: timer\r\nx: 600 ; refresher=UAS\r\n", "600;refresher=uas", False),
        ("Session-Expires: 600;refresher=uac\r\n", "600;refresher=uas", False),
        ("Session-Expires: 10\r\n", "90;refresher=uas", False),
        ("Session-Expires: ten\r\n", None, False),
    ],
)
def test_what_a_caller_asks_for_is_agreed(
    headers: str, agreed: str | None, *, required: bool
) -> None:
    wire, _ = called(headers)
    response = wire.last("200 INVITE").response
    assert response.get("session-expires") == agreed
    assert (response.get("require") == "timer") is required


def test_a_call_that_its_caller_refreshes_goes_on() -> None:
    asks = "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n"
    wire, handle = called(asks)
    for cseq in range(2, 5):
        wire.advance(500)
        refresh = request(
            "UPDATE", cseq=cseq, branch=f"z9hG4bK-{cseq}", to_tag=handle, headers=asks
        )
        wire.receive(refresh)
        assert wire.last("200 UPDATE").response.get("session-expires") == "600;refresher=uac"
    assert wire.took() == []
    wire.advance(570)
    assert wire.took() == [Ended(handle=handle, by=EndedBy.LOST, reason="session expired")]


def test_too_short_a_refresh_is_422_and_the_call_goes_on() -> None:
    wire, handle = called("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n")
    short = "Supported: timer\r\nSession-Expires: 20\r\n"
    wire.receive(request("UPDATE", cseq=2, branch="z9hG4bK-2", to_tag=handle, headers=short))
    assert wire.last("422 UPDATE").response.get("min-se") == "90"
    assert wire.took() == []


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("1800", SessionExpires(1800)),
        ("1800;refresher=uac", SessionExpires(1800, Refresher.UAC)),
        ("1800 ;Refresher = UAS;x", SessionExpires(1800, Refresher.UAS)),
        ("1800;refresher=both", SessionExpires(1800)),
        ("4000000000", SessionExpires(86_400)),
        ("99999999999999999999", None),
        ("", None),
        ("-1", None),
    ],
)
def test_session_expires_is_read(value: str, read: SessionExpires | None) -> None:
    wire = Wire()
    wire.call()
    response = answer(wire.last("INVITE").request, 200, headers=f"Session-Expires: {value}\r\n")
    assert session_expires_of(parse(response)) == read


# --- reliable provisional responses


def test_a_reliable_response_is_repeated_until_its_prack_and_the_next_waits() -> None:
    wire = Wire()
    wire.receive(request(headers="Require: 100rel\r\n"))
    handle = wire.took()[-1].handle
    wire.agent.ring(handle, wire.now)
    first = wire.last("180 INVITE").response
    wire.words()
    wire.agent.ring(handle, wire.now, 183, SDP)
    wire.advance(1.6)
    assert wire.words() == ["180 INVITE"] * 2  # after 0.5 s and 1 s more
    rack = f"RAck: {first.get('rseq')} 1 INVITE\r\n"
    wire.receive(request("PRACK", cseq=2, branch="z9hG4bK-p", to_tag=handle, headers=rack))
    second = wire.last("183 INVITE").response
    assert wire.words() == ["200 PRACK", "183 INVITE"]
    assert int(second.get("rseq") or 0) == int(first.get("rseq") or 0) + 1
    wire.agent.accept(handle, wire.now, SDP)
    assert wire.words() == []  # the description is not acknowledged
    rack = f"RAck: {second.get('rseq')} 1 INVITE\r\n"
    wire.receive(request("PRACK", cseq=3, branch="z9hG4bK-q", to_tag=handle, headers=rack))
    assert wire.words() == ["200 PRACK", "200 INVITE"]
    wire.receive(request("ACK", branch="z9hG4bK-ack", to_tag=handle))
    assert wire.took() == [Confirmed(handle=handle, sdp=None, source=PEER)]
    wire.advance(40)
    assert wire.took() == []


def test_a_caller_who_never_acknowledges_is_refused_after_64_t1() -> None:
    wire = Wire()
    wire.receive(request(headers="Require: 100rel\r\n"))
    handle = wire.took()[-1].handle
    wire.agent.ring(handle, wire.now)
    wire.advance(32.1)
    assert "504 INVITE" in wire.words()
    assert wire.took() == [Canceled(handle=handle, reason="no PRACK")]
    wire.receive(request("ACK"))
    wire.advance(40)
    assert wire.empty()


def test_an_offer_in_a_prack_is_answered_in_its_200() -> None:
    wire = Wire()
    wire.receive(request(headers="Supported: 100rel\r\n"))
    handle = wire.took()[-1].handle
    wire.agent.ring(handle, wire.now, 183, SDP)
    rack = f"RAck: {wire.last('183 INVITE').response.get('rseq')} 1 INVITE\r\n"
    wire.receive(
        request("PRACK", cseq=2, branch="z9hG4bK-p", to_tag=handle, headers=rack, body=SDP)
    )
    (offered,) = wire.took()
    assert isinstance(offered, Reoffer)
    wire.agent.accept_reoffer(handle, wire.now, SDP)
    assert wire.last("200 PRACK").response.sdp == SDP


def test_an_invite_without_an_offer_gets_no_reliable_response_that_would_need_one() -> None:
    wire = Wire()
    wire.receive(request(headers="Require: 100rel\r\n", body=b"\0"[:0]))
    handle = wire.took()[-1].handle
    wire.agent.ring(handle, wire.now)
    assert wire.words() == []
    wire.agent.accept(handle, wire.now, SDP)
    assert wire.words() == ["200 INVITE"]


def test_reliable_responses_are_acknowledged_once_each_and_in_order() -> None:
    wire = Wire()
    wire.call()
    invite = wire.last("INVITE").request

    def ring(rseq: int, status: int = 180) -> list[str]:
        wire.words()
        headers = f"Require: 100rel\r\nRSeq: {rseq}\r\n"
        wire.receive(answer(invite, status, headers=headers))
        return wire.words()

    assert ring(10) == ["PRACK"]
    assert ring(10) == []
    assert ring(12) == []  # 11 is missing
    assert ring(11, 183) == ["PRACK"]
    assert ring(12) == ["PRACK"]
    assert len(wire.took()) == 3


@pytest.mark.parametrize(
    ("rseq", "acknowledged"),
    [("4294967295", True), ("4294967296", False), ("", False), ("one", False), ("-1", False)],
)
def test_a_number_that_does_not_fit_into_32_bits_is_no_rseq(
    rseq: str, *, acknowledged: bool
) -> None:
    wire = Wire()
    wire.call()
    invite = wire.last("INVITE").request
    wire.words()
    wire.receive(answer(invite, 180, headers=f"Require: 100rel\r\nRSeq: {rseq}\r\n"))
    assert wire.words() == (["PRACK"] if acknowledged else [])


@pytest.mark.parametrize(
    "rack",
    ["{rseq} 1", "{rseq} 1 UPDATE", "{rseq} 2 INVITE", "9 1 INVITE", "{rseq} x INVITE", "x"],
)
def test_a_prack_that_names_another_response_is_481_and_that_is_repeated(rack: str) -> None:
    wire = Wire()
    wire.receive(request(headers="Require: 100rel\r\n"))
    handle = wire.took()[-1].handle
    wire.agent.ring(handle, wire.now)
    rseq = wire.last("180 INVITE").response.get("rseq")
    wire.words()
    line = f"RAck: {rack.format(rseq=rseq)}\r\n"
    wire.receive(request("PRACK", cseq=2, branch="z9hG4bK-p", to_tag=handle, headers=line))
    assert wire.words() == ["481 PRACK"]
    wire.advance(0.6)
    assert wire.words() == ["180 INVITE"]


def test_provisional_answers_that_wait_are_bounded_and_the_first_ones_count() -> None:
    wire = Wire()
    wire.receive(request(headers="Require: 100rel\r\n"))
    handle = wire.took()[-1].handle
    for status in range(180, 200):
        wire.agent.ring(handle, wire.now, status)
    told = []
    for cseq in range(2, 20):
        wire.collect()
        ringing = [sent for sent in wire.sent if sent.word.endswith(" INVITE")][-1].response
        told.append(ringing.status)
        wire.words()
        rack = f"RAck: {ringing.get('rseq')} 1 INVITE\r\n"
        branch = f"z9hG4bK-{cseq}"
        wire.receive(request("PRACK", cseq=cseq, branch=branch, to_tag=handle, headers=rack))
        if len(wire.sent) == 1:
            break
    assert told == list(range(180, 180 + 1 + MAX_WAITING))


def test_a_bye_after_a_prack_has_the_next_cseq() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 180, headers="Require: 100rel\r\nRSeq: 1\r\n"))
    prack = wire.last("PRACK").request
    assert (prack.get("rack"), prack.cseq) == ("1 1 INVITE", (2, "PRACK"))
    wire.receive(answer(prack, 200))
    wire.receive(answer(invite, 200, sdp=SDP))
    assert wire.last("ACK").request.cseq == (1, "ACK")
    wire.agent.bye(handle, wire.now)
    assert wire.last("BYE").request.cseq == (3, "BYE")


def test_the_ack_counts_also_when_another_request_came_before_our_answer() -> None:
    wire, handle = called("")
    wire.receive(request("INVITE", cseq=2, branch="z9hG4bK-2", to_tag=handle))
    wire.receive(request("INFO", cseq=3, branch="z9hG4bK-3", to_tag=handle))
    wire.agent.accept_reoffer(handle, wire.now, SDP)
    wire.took()
    wire.receive(request("ACK", cseq=2, branch="z9hG4bK-ack2", to_tag=handle))
    assert [type(event) for event in wire.took()] == [Confirmed]
    wire.advance(40)
    assert wire.took() == []


def test_the_cause_of_a_bye_is_told() -> None:
    wire, handle = called("")
    reason = 'Reason: Q.850;cause=31;text="Normal, unspecified"\r\n'
    wire.receive(request("BYE", cseq=2, branch="z9hG4bK-2", to_tag=handle, headers=reason))
    (ended,) = wire.took()
    assert isinstance(ended, Ended)
    assert ended.q850_cause == 31
