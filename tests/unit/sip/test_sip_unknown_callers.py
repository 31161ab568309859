"""Unknown addresses: how they are answered, what that costs, and what they cannot do to a call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.unit.sip.torture import MESSAGES
from tests.unit.sip.wire import PEER, SDP, Wire, answer, request

from offhook.sip import (
    Address,
    Admitted,
    Answered,
    Canceled,
    Confirmed,
    Ended,
    EndedBy,
    ForeignRequest,
    Ignored,
    IncomingInvite,
    Judgement,
    Screen,
    ScreenedOut,
    ServerAuth,
)
from offhook.sip.message import Request
from offhook.sip.received_request import MAX_RATIO

UNKNOWN = Address("udp", "203.0.113.66", 5066)
MOVED = SDP.replace(b"192.0.2.2", b"203.0.113.66")


class Doorman(Screen):
    """Lets the peer in; gives all others ``judgement``, or ignores their addresses."""

    def __init__(self, judgement: Judgement, *, deaf: bool = False) -> None:
        self.judgement = judgement
        self.deaf = deaf

    def ignores(self, request: Request, source: Address) -> bool:
        return self.deaf and source.host != PEER.host

    def judge(self, invite: Request, source: Address) -> Judgement:
        return Admitted("carrier") if source.host == PEER.host else self.judgement


def screened(judgement: Judgement, *, deaf: bool = False) -> Wire:
    wire = Wire()
    wire.agent.screen(Doorman(judgement, deaf=deaf))
    return wire


# --- outside every dialog


@pytest.mark.parametrize("status", [401, 403, 404, 480, 486])
def test_a_refused_caller_gets_one_answer_for_each_request_and_leaves_nothing(
    status: int,
) -> None:
    wire = screened(ScreenedOut(status))
    for _ in range(3):
        wire.receive(request(), UNKNOWN)
        assert wire.empty()
    assert wire.took() == []
    answers = [sent.data for sent in wire.sent]
    assert len(answers) == 3
    assert set(answers) == {answers[0]}, "the same To tag, so that it counts as a retransmission"
    wire.sent.clear()
    wire.receive(request("ACK", to_tag="x"), UNKNOWN)
    wire.advance(40)
    assert wire.words() == []


def test_a_caller_who_is_let_in_is_named() -> None:
    wire = screened(ScreenedOut(403))
    wire.receive(request())
    (event,) = wire.took()
    assert isinstance(event, IncomingInvite)
    assert event.admitted_as == "carrier"


def test_a_challenge_fits_into_one_and_a_half_times_the_request() -> None:
    auth = ServerAuth("offhook", secret=b"s" * 32)
    wire = screened(ScreenedOut(401, auth.challenge(UNKNOWN.host, 1.0)))
    message = request()
    wire.receive(message, UNKNOWN)
    (sent,) = wire.sent
    assert len(sent.data) <= MAX_RATIO * len(message)
    assert sent.response.lines("www-authenticate"), "still a challenge"


def test_a_request_too_small_for_any_answer_gets_none() -> None:
    wire = screened(ScreenedOut(403))
    tiny = (
        b"INVITE sip:a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf:<sip:a>;tag=1\r\nt:<sip:a>\r\n"
        b"i:1\r\nCSeq:1 INVITE\r\n\r\n"
    )
    wire.receive(tiny, UNKNOWN)
    assert wire.words() == []
    assert wire.empty()


OUTSIDE = [
    request(),
    request("OPTIONS"),
    request("BYE", to_tag="x"),
    request("INFO", to_tag="x"),
    request("CANCEL"),
    request("REGISTER"),
    request("NONSENSE"),
    request("INVITE", headers="Require: 100rel\r\n"),
    request("INVITE", headers="Accept: text/plain\r\n"),
    request("INVITE", headers="Content-Type: text/plain\r\n", body=b"hello"),
    request("INVITE", headers="Record-Route: <\r\n"),
    request("INVITE", cseq_method="BYE"),
    request(uri="http://x"),
    *(torture.data for torture in MESSAGES),
]


@examples(400)
@given(
    st.sampled_from(OUTSIDE),
    st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3)), max_size=4),
)
def test_what_an_unknown_address_sends_costs_little(
    message: bytes, changes: list[tuple[int, bytes]]
) -> None:
    for at, octets in changes:
        message = message[:at] + octets + message[at + len(octets) :]
    wire = screened(ScreenedOut(401, ServerAuth("offhook", secret=b"s").challenge("x", 1.0)))
    wire.receive(message, UNKNOWN)
    assert wire.empty()
    assert wire.took() == []
    assert len(wire.sent) <= 1
    assert sum(len(sent.data) for sent in wire.sent) <= MAX_RATIO * len(message)
    assert all(sent.to.host == UNKNOWN.host for sent in wire.sent)


@pytest.mark.parametrize("message", OUTSIDE)
def test_an_ignored_address_gets_no_answer_at_all(message: bytes) -> None:
    wire = screened(Ignored(), deaf=True)
    wire.receive(message, UNKNOWN)
    assert wire.words() == []
    assert wire.empty()


def test_an_ignored_address_is_heard_inside_a_call_and_in_its_responses() -> None:
    wire = screened(Ignored(), deaf=True)
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 200, sdp=SDP, contact="<sip:bob@203.0.113.66>"), UNKNOWN)
    assert [type(event) for event in wire.took()] == [Answered]
    bye = request("BYE", call_id=invite.call_id, from_tag="bob", to_tag=handle, cseq=9)
    wire.receive(bye, UNKNOWN)
    assert [type(event) for event in wire.took()] == [Ended]


def test_the_refusal_that_bans_an_address_is_still_sent() -> None:
    class Strict(Screen):
        banned = False

        def ignores(self, request: Request, source: Address) -> bool:
            return self.banned

        def judge(self, invite: Request, source: Address) -> Judgement:
            self.banned = True
            return ScreenedOut(403)

    wire = Wire()
    wire.agent.screen(Strict())
    wire.receive(request(), UNKNOWN)
    wire.receive(request(), UNKNOWN)
    assert wire.words() == ["403 INVITE"]


def test_a_screen_that_fails_costs_one_answer() -> None:
    class Broken(Screen):
        def ignores(self, request: Request, source: Address) -> bool:
            return False

        def judge(self, invite: Request, source: Address) -> Judgement:
            raise RuntimeError("a bug")

    wire = Wire()
    wire.agent.screen(Broken())
    with pytest.raises(RuntimeError):
        wire.receive(request(), UNKNOWN)
    assert wire.words() == ["500 INVITE"]
    assert wire.empty()


# --- inside a dialog


def inbound(headers: str = "", *, offer: bool = True) -> tuple[Wire, str]:
    """A call from the peer that is answered; without an offer, its ACK is still to come."""
    wire = Wire()
    wire.receive(request(headers=headers, body=None if offer else b""))
    handle = wire.took()[0].handle
    wire.agent.accept(handle, wire.now, SDP)
    if offer:
        wire.receive(request("ACK", to_tag=handle))
    wire.took()
    wire.words()
    return wire, handle


@pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE", "INFO", "OPTIONS"])
def test_a_request_with_stolen_tags_is_refused_and_changes_nothing(method: str) -> None:
    wire, handle = inbound()
    body = MOVED if method in ("INVITE", "UPDATE") else b""
    message = request(method, to_tag=handle, cseq=2, branch="z9hG4bK-2", body=body)
    wire.receive(message, UNKNOWN)
    assert wire.words() == [f"403 {method}"]
    assert wire.took() == [ForeignRequest(handle=handle, method=method, source=UNKNOWN)]
    assert wire.agent.dialogs == 1
    wire.receive(request("BYE", to_tag=handle, cseq=2))
    assert wire.words() == ["200 BYE"], "that CSeq did not count"


def test_a_cancel_with_a_stolen_branch_is_refused_and_the_call_rings_on() -> None:
    wire = Wire()
    wire.receive(request())
    handle = wire.took()[0].handle
    wire.words()
    wire.receive(request("CANCEL"), UNKNOWN)
    assert wire.words() == ["481 CANCEL"]
    assert wire.took() == []
    wire.receive(request("CANCEL"))
    assert wire.words() == ["200 CANCEL", "487 INVITE"]
    assert wire.took() == [Canceled(handle=handle)]


def test_a_cancel_from_the_trunk_is_obeyed() -> None:
    wire = Wire()
    wire.receive(request())
    handle = wire.took()[0].handle
    wire.agent.trust(handle, lambda host: host == UNKNOWN.host)
    wire.words()
    wire.receive(request("CANCEL"), UNKNOWN)
    assert wire.words() == ["200 CANCEL", "487 INVITE"]


def test_a_cancel_with_a_stolen_branch_leaves_a_re_offer_alone() -> None:
    wire, handle = inbound()

    def in_second_transaction(method: str, body: bytes = b"") -> bytes:
        return request(method, to_tag=handle, cseq=2, branch="z9hG4bK-2", body=body)

    wire.receive(in_second_transaction("INVITE", MOVED))
    wire.words()
    wire.receive(in_second_transaction("CANCEL"), UNKNOWN)
    assert wire.words() == ["481 CANCEL"]
    wire.receive(in_second_transaction("CANCEL"))
    assert wire.words() == ["200 CANCEL", "487 INVITE"]


def test_an_answer_in_an_ack_with_stolen_tags_does_not_count() -> None:
    wire, handle = inbound(offer=False)
    wire.receive(request("ACK", to_tag=handle, body=MOVED), UNKNOWN)
    assert wire.took() == [ForeignRequest(handle=handle, method="ACK", source=UNKNOWN)]
    wire.receive(request("ACK", to_tag=handle, body=SDP))
    assert wire.took() == [Confirmed(handle=handle, sdp=SDP, offered=True, source=PEER)]


@pytest.mark.parametrize(
    "headers",
    [
        "Record-Route: <sip:203.0.113.66;lr>\r\n",
        "Record-Route: <sip:10.0.0.1;lr>, <sip:x@203.0.113.66:5070;lr>\r\n",
    ],
)
def test_requests_from_the_route_set_are_obeyed(headers: str) -> None:
    wire, handle = inbound(headers)
    wire.receive(request("BYE", to_tag=handle, cseq=2), UNKNOWN)
    assert wire.took() == [Ended(handle=handle, by=EndedBy.REMOTE)]


def test_requests_from_the_address_of_the_contact_are_obeyed() -> None:
    wire = Wire()
    wire.receive(request().replace(b"alice@192.0.2.2", b"alice@203.0.113.66"))
    handle = wire.took()[0].handle
    wire.agent.accept(handle, wire.now, SDP)
    wire.receive(request("ACK", to_tag=handle), UNKNOWN)
    assert [type(event) for event in wire.took()] == [Confirmed]


def test_requests_from_the_trunk_are_obeyed() -> None:
    wire, handle = inbound()
    wire.agent.trust(handle, lambda host: host == UNKNOWN.host)
    wire.receive(request("BYE", to_tag=handle, cseq=2), UNKNOWN)
    assert wire.took() == [Ended(handle=handle, by=EndedBy.REMOTE)]


def test_whoever_answered_our_invite_may_hang_up() -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 200, sdp=SDP, contact="<sip:bob@example.net>"), UNKNOWN)
    wire.took()
    bye = request("BYE", call_id=invite.call_id, from_tag="bob", to_tag=handle, cseq=9)
    wire.receive(bye, UNKNOWN)
    assert wire.took() == [Ended(handle=handle, by=EndedBy.REMOTE)]


def test_octets_of_no_charset_in_a_nonce_are_just_a_wrong_nonce() -> None:
    auth = ServerAuth("offhook", secret=b"s" * 32)

    class ByDigest(Screen):
        def ignores(self, request: Request, source: Address) -> bool:
            return False

        def judge(self, invite: Request, source: Address) -> Judgement:
            auth.verify(invite, source.host, lambda user: "secret", 1.0)
            return ScreenedOut(401, auth.challenge(source.host, 1.0))

    wire = Wire()
    wire.agent.screen(ByDigest())
    for octet in (b"\x80", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80"):
        for name in (b"nonce", b"username", b"response", b"uri", b"cnonce", b"nc", b"realm"):
            fields = {
                b"realm": b"offhook", b"nonce": b"1.000-0", b"username": b"u", b"uri": b"sip:x",
                b"response": b"0", b"cnonce": b"1", b"nc": b"00000001",
            }  # fmt: skip
            fields[name] += octet
            values = b", ".join(key + b'="' + value + b'"' for key, value in fields.items())
            line = b"Authorization: Digest " + values + b", qop=auth\r\n"
            wire.receive(request().replace(b"Max-Forwards", line + b"Max-Forwards"), UNKNOWN)
            assert wire.words() == ["401 INVITE"]
    assert wire.empty()
