"""Offers one after the other inside a call (RFC 3261 §14, RFC 3311)."""

from __future__ import annotations

import pytest
from tests.unit.sip.wire import PEER, SDP, Wire, answer, request

from offhook.sip import Answered, Confirmed, Reoffer, ReofferAnswered

OTHER = SDP.replace(b"m=audio 4000", b"m=audio 4010")


def up() -> tuple[Wire, str]:
    """A call to us that was answered and acknowledged."""
    wire = Wire()
    wire.receive(request())
    handle = wire.took()[-1].handle
    wire.agent.accept(handle, wire.now, SDP)
    wire.receive(request("ACK", branch="z9hG4bK-ack", to_tag=handle))
    wire.took()
    wire.words()
    return wire, handle


def reinvited(wire: Wire, handle: str, cseq: int) -> list[str]:
    """The peer offers anew; what it is answered once we have accepted."""
    wire.receive(request("INVITE", cseq=cseq, branch=f"z9hG4bK-{cseq}", to_tag=handle))
    assert [type(event) for event in wire.took()] == [Reoffer]
    wire.agent.accept_reoffer(handle, wire.now, SDP)
    ack = request("ACK", cseq=cseq, branch=f"z9hG4bK-ack{cseq}", to_tag=handle)
    wire.receive(ack)
    assert wire.took() == [Confirmed(handle=handle, sdp=None, source=PEER)]
    return [word for word in wire.words() if word != "100 INVITE"]


def test_a_peer_may_offer_again_and_again() -> None:
    wire, handle = up()
    for cseq in range(2, 5):
        assert reinvited(wire, handle, cseq) == ["200 INVITE"]


def test_an_offer_that_was_answered_or_refused_leaves_the_way_to_ours() -> None:
    wire, handle = up()
    reinvited(wire, handle, 2)
    wire.receive(request("INVITE", cseq=3, branch="z9hG4bK-3", to_tag=handle))
    assert not wire.agent.reinvite(handle, wire.now, OTHER)
    wire.agent.reject_reoffer(handle, wire.now, 488)
    wire.receive(request("ACK", cseq=3, branch="z9hG4bK-3", to_tag=handle))
    wire.took()
    assert wire.agent.reinvite(handle, wire.now, OTHER)
    wire.receive(answer(wire.last("INVITE").request, 200, sdp=SDP))
    assert [type(event) for event in wire.took()] == [ReofferAnswered]
    assert wire.agent.reinvite(handle, wire.now, OTHER)


@pytest.mark.parametrize("renewed", [True, False])
def test_what_a_phone_described_early_counts_until_it_offers_anew(*, renewed: bool) -> None:
    wire = Wire()
    handle = wire.call()
    invite = wire.last("INVITE").request
    wire.receive(answer(invite, 183, sdp=SDP, headers="Require: 100rel\r\nRSeq: 1\r\n"))
    wire.receive(answer(wire.last("PRACK").request, 200))
    if renewed:
        update = request(
            "UPDATE", call_id=invite.call_id, branch="z9hG4bK-u", from_tag="bob", body=OTHER
        )
        update = update.replace(
            b"To: <sip:offhook@192.0.2.1>", b"To: " + (invite.get("from") or "").encode()
        )
        wire.receive(update)
        wire.agent.accept_reoffer(handle, wire.now, SDP)
        assert wire.last("200 UPDATE").response.sdp == SDP
    wire.took()
    wire.receive(answer(invite, 200))
    (answered,) = wire.took()
    assert isinstance(answered, Answered)
    assert answered.sdp == (None if renewed else SDP)
