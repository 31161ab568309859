"""What a transport changes: retransmission, Via and Contact, large requests, and where the next one goes."""

from __future__ import annotations

import pytest
from tests.unit.sip.wire import OURS, PEER, SDP, Wire, answer, request

from offhook.sip import Address, Answered, Rejected
from offhook.sip.dialog import destination_of
from offhook.sip.message import Request, parse
from offhook.sip.transport import Protocol, Transport, Transports

TCP = Address("tcp", "192.0.2.1", 5060)
TLS = Address("tls", "192.0.2.1", 5061)
WIDE = Address("udp", "2001:db8::1", 5060)
TCP_PEER = Address("tcp", "192.0.2.2", 5070, 7)
LONG = (("X-Long", "a" * 1300),)


def both() -> Wire:
    return Wire(transports=[Transport(OURS), Transport(TCP)])


@pytest.mark.parametrize(
    ("local", "via", "contact"),
    [
        (OURS, "SIP/2.0/UDP 192.0.2.1:5060;rport", "<sip:offhook@192.0.2.1:5060>"),
        (TCP, "SIP/2.0/TCP 192.0.2.1:5060;rport", "<sip:offhook@192.0.2.1:5060;transport=tcp>"),
        (TLS, "SIP/2.0/TLS 192.0.2.1:5061;rport", "<sip:offhook@192.0.2.1:5061;transport=tls>"),
        (WIDE, "SIP/2.0/UDP [2001:db8::1]:5060;rport", "<sip:offhook@[2001:db8::1]:5060>"),
    ],
)
def test_each_transport_has_its_own_via_and_contact(local: Address, via: str, contact: str) -> None:
    wire = Wire(transports=[Transport(local)])
    wire.call(target=local._replace(port=9))
    invite = wire.last("INVITE").request
    assert (invite.get("via") or "").startswith(f"{via};branch=z9hG4bK")
    assert invite.get("contact") == contact


def test_over_tcp_nothing_is_sent_again_and_silence_ends_as_it_does_over_udp() -> None:
    wire = Wire(transports=[Transport(TCP)])
    wire.call(target=TCP_PEER)
    wire.advance(31.9)
    assert wire.words() == ["INVITE"]
    wire.advance(0.2)
    (event,) = wire.took()
    assert isinstance(event, Rejected)
    assert event.status == 408
    assert wire.empty()


def test_over_tcp_a_refusal_is_sent_once_and_forgotten_with_its_ack() -> None:
    wire = Wire(transports=[Transport(TCP)])
    wire.receive(request(via="SIP/2.0/TCP 192.0.2.2:5070;branch=z9hG4bK-1"), TCP_PEER)
    handle = wire.took()[0].handle
    wire.agent.reject(handle, wire.now, 486)
    wire.advance(20)
    assert [word for word in wire.words() if word != "100 INVITE"] == ["486 INVITE"]
    ack = request("ACK", via="SIP/2.0/TCP 192.0.2.2:5070;branch=z9hG4bK-1")
    wire.receive(ack, TCP_PEER)
    wire.advance(0)
    assert wire.empty()


def test_over_tcp_a_final_response_ends_the_transaction_at_once() -> None:
    wire = Wire(transports=[Transport(TCP)])
    wire.call(target=TCP_PEER)
    wire.receive(answer(wire.last("INVITE").request, 486), TCP_PEER)
    wire.advance(0)
    assert wire.words() == ["INVITE", "ACK"]
    assert wire.empty()


def test_an_answer_goes_to_the_connection_and_without_it_to_the_port_of_the_via() -> None:
    wire = Wire(transports=[Transport(TCP)])
    source = Address("tcp", "192.0.2.2", 40_123, 7)
    wire.receive(
        request("OPTIONS", via="SIP/2.0/TCP 192.0.2.2:5070;rport;branch=z9hG4bK-1"), source
    )
    assert wire.last("200 OPTIONS").to == Address("tcp", "192.0.2.2", 5070, 7)


def test_a_large_request_moves_to_tcp() -> None:
    wire = both()
    handle = wire.call(headers=LONG)
    sent = wire.last("INVITE")
    assert sent.to == Address("tcp", PEER.host, PEER.port)
    assert (sent.request.get("via") or "").startswith("SIP/2.0/TCP 192.0.2.1:5060;")
    wire.advance(10)
    assert wire.words() == ["INVITE"]
    wire.receive(answer(sent.request, 200, sdp=SDP), sent.to._replace(flow=3))
    assert isinstance(wire.took()[0], Answered)
    assert wire.last("ACK").to == PEER  # where the Contact says
    wire.agent.bye(handle, wire.now)
    assert wire.last("BYE").to == PEER


def test_a_small_one_does_not_nor_one_where_we_have_no_tcp() -> None:
    wire = both()
    wire.call()
    assert wire.last("INVITE").to == PEER
    alone = Wire()
    alone.call(headers=LONG)
    assert alone.last("INVITE").to == PEER


def test_a_peer_without_tcp_gets_large_requests_over_udp_and_that_is_remembered() -> None:
    wire = both()
    wire.call(headers=LONG)
    there = wire.last("INVITE").to
    wire.words()
    wire.agent.unreachable(there, wire.now, "connection refused")
    again = wire.last("INVITE")
    assert again.to == PEER
    assert (again.request.get("via") or "").startswith("SIP/2.0/UDP 192.0.2.1:5060;")
    wire.advance(0.6)
    assert wire.words() == ["INVITE", "INVITE"]
    wire.call(headers=LONG)
    assert wire.last("INVITE").to == PEER
    wire.advance(600)
    wire.call(headers=LONG)
    assert wire.last("INVITE").to == there


def test_where_nothing_at_all_can_be_sent_the_request_fails() -> None:
    wire = both()
    wire.call(headers=LONG)
    wire.agent.unreachable(wire.last("INVITE").to, wire.now, "no TCP")
    wire.agent.unreachable(PEER, wire.now, "no UDP")
    (event,) = wire.took()
    assert isinstance(event, Rejected)
    assert event.problem == "no UDP"


@pytest.mark.parametrize(
    ("uri", "peer", "leads_to"),
    [
        ("sip:a@192.0.2.2:5070", TCP_PEER, TCP_PEER),
        ("sip:a@192.0.2.2", TCP_PEER, Address("tcp", "192.0.2.2", 5060, 7)),
        ("sip:a@192.0.2.9;transport=tcp", TCP_PEER, Address("tcp", "192.0.2.9", 5060)),
        ("sip:a@192.0.2.2;transport=TCP", PEER, Address("tcp", "192.0.2.2", 5060)),
        ("sip:a@192.0.2.2;transport=tls", PEER, Address("tls", "192.0.2.2", 5061)),
        ("sips:a@192.0.2.2", PEER, Address("tls", "192.0.2.2", 5061)),
        ("sip:a@192.0.2.2;transport=sctp", PEER, Address("udp", "192.0.2.2", 5060)),
        ("sip:a@192.0.2.2;transport=udp", TCP_PEER, Address("udp", "192.0.2.2", 5060)),
        (
            "sip:a@192.0.2.2:5061;transport=udp",
            Address("tls", "192.0.2.2", 40_000, 7),
            Address("tls", "192.0.2.2", 5061, 7),
        ),
        (
            "sip:x@df7jal23ls0d.invalid;transport=ws",
            Address("ws", "192.0.2.2", 40_000, 7),
            Address("ws", "192.0.2.2", 40_000, 7),
        ),
        ("sip:a@10.0.0.1", TCP_PEER, TCP_PEER),
        ("sip:a@[2001:db8::2]:5070", WIDE, Address("udp", "2001:db8::2", 5070)),
    ],
)
def test_where_the_next_request_inside_a_dialog_goes(
    uri: str, peer: Address, leads_to: Address
) -> None:
    assert destination_of(uri, peer) == leads_to


def test_a_transport_that_we_have_not_is_not_used_for_a_contact() -> None:
    ours = Transports([Transport(OURS)])
    there = Address("tcp", "192.0.2.2", 5060)
    assert ours.reachable(there, PEER) == Address("udp", "192.0.2.2", 5060)
    assert Transports([Transport(OURS), Transport(TCP)]).reachable(there, PEER) == there


def test_of_two_addresses_the_one_of_the_right_ip_version_sends() -> None:
    ours = Transports([Transport(OURS), Transport(WIDE)])
    assert ours.to(PEER).local == OURS
    assert ours.to(Address("udp", "2001:db8::2", 5060)).local == WIDE
    assert ours.to(Address("udp", "sip.example", 5060)).local == OURS


def test_a_second_udp_address_answers_what_came_to_it() -> None:
    second = Transport(Address("udp", "192.0.2.8", 5060))
    wire = Wire(transports=[Transport(OURS), second])
    wire.agent.transports.join(2, second)
    source = PEER._replace(flow=2)
    wire.receive(request(), source)
    wire.agent.accept(wire.took()[0].handle, wire.now, SDP)
    sent = wire.last("200 INVITE")
    assert sent.to.flow == 2
    message = parse(sent.data)
    assert not isinstance(message, Request)
    assert message.get("contact") == "<sip:offhook@192.0.2.8:5060>"


def test_what_is_reliable_and_what_is_encrypted() -> None:
    assert [each for each in Protocol if not each.reliable] == [Protocol.UDP]
    assert [each for each in Protocol if each.secure] == [Protocol.TLS, Protocol.WSS]
