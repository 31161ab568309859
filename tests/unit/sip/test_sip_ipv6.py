"""IPv6 in SIP messages: the cases of RFC 5118 §4, written for this test."""

from __future__ import annotations

import contextlib

import pytest
from tests.unit.sip.wire import Wire

from offhook.sip import Address, IncomingInvite
from offhook.sip.grammar import GrammarError, parse_uri, parse_via
from offhook.sip.message import Request, parse
from offhook.sip.sdp import answer
from offhook.sip.transport import Transport

OURS = Address("udp", "2001:db8::10", 5060)
PEER = Address("udp", "2001:db8::9:1", 5062)
OFFER = (
    "v=0\r\no=user 1 1 IN IP6 2001:db8::20\r\ns=-\r\nc=IN IP6 2001:db8::20\r\nt=0 0\r\n"
    "m=audio 49170 RTP/AVP 0\r\n"
)


def message(
    method: str = "REGISTER",
    uri: str = "sip:[2001:db8::10]",
    via: str = "SIP/2.0/UDP [2001:db8::9:1]",
    body: str = "",
    contact: str = "<sip:caller@[2001:db8::1]>",
    more: str = "",
) -> bytes:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} {uri} SIP/2.0\r\nVia: {via};branch=z9hG4bKas3-111\r\n{more}"
        f"Max-Forwards: 70\r\nFrom: <sip:user@example.com>;tag=81x2\r\n"
        f"To: <sip:user@example.com>\r\nCall-ID: SSG9559905523997077@hlau_4100\r\n"
        f"Contact: {contact}\r\nCSeq: 98176 {method}\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        f"{body}"
    ).encode()


def wire() -> Wire:
    return Wire(transports=[Transport(OURS)])


def problem_of(data: bytes) -> str | None:
    request = parse(data)
    assert isinstance(request, Request)
    return request.check()


def test_4_1_an_ipv6_reference_is_valid() -> None:
    assert problem_of(message()) is None
    assert parse_uri("sip:[2001:db8::10]").host == "2001:db8::10"


def test_4_2_without_its_brackets_it_is_not() -> None:
    ours = wire()
    ours.receive(message("OPTIONS", uri="sip:2001:db8::10"), PEER)
    assert ours.words() == ["400 OPTIONS"]


def test_4_3_what_could_be_a_port_within_the_brackets_belongs_to_the_address() -> None:
    uri = parse_uri("sip:[2001:db8::10:5070]")
    assert (uri.host, uri.port) == ("2001:db8::10:5070", None)


def test_4_4_a_port_behind_the_brackets_is_a_port() -> None:
    uri = parse_uri("sip:[2001:db8::10]:5070")
    assert (uri.host, uri.port) == ("2001:db8::10", 5070)


@pytest.mark.parametrize("received", ["2001:db8::9:255", "[2001:db8::9:255]"])
def test_4_5_the_received_parameter_comes_with_and_without_brackets(received: str) -> None:
    via = parse_via(f"SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3-111")
    assert via.host == "2001:db8::9:1"
    assert via.params["received"] == received


def test_ours_has_none() -> None:
    ours = wire()
    ours.receive(message("OPTIONS"), PEER._replace(host="2001:db8::9:255"))
    via = ours.last("200 OPTIONS").response.get("via") or ""
    assert ";received=2001:db8::9:255" in via


@pytest.mark.parametrize(
    ("via", "contact"),
    [
        ("SIP/2.0/UDP [2001:db8::20]", "<sip:caller@[2001:db8::20]>"),  # 4.6
        ("SIP/2.0/UDP [2001:db8::9:1]", "<sip:caller@192.0.2.1>"),  # 4.7
        ("SIP/2.0/UDP [::ffff:192.0.2.10]:19823", "<sip:T@[::ffff:192.0.2.10]:19823>"),  # 4.9
    ],
)
def test_4_6_4_7_4_9_an_invite_with_addresses_of_both_versions_is_a_call(
    via: str, contact: str
) -> None:
    ours = wire()
    more = "Via: SIP/2.0/UDP 192.0.2.1:6543;branch=z9hG4bKas3-112\r\n"
    ours.receive(message("INVITE", via=via, contact=contact, more=more, body=OFFER), PEER)
    (event,) = ours.took()
    assert isinstance(event, IncomingInvite)
    ours.agent.accept(event.handle, ours.now, OFFER.encode())
    accepted = ours.last("200 INVITE").response
    assert accepted.get("contact") == "<sip:offhook@[2001:db8::10]:5060>"
    assert len(accepted.lines("via")) == 2


@pytest.mark.parametrize(
    "address", ["2001:db8::20", "::ffff:192.0.2.10", "2001:DB8::20", "2001:db8:0:0:0:0:0:20"]
)
def test_4_6_4_8_4_9_an_offer_may_have_ipv6_addresses(address: str) -> None:
    offer = OFFER.replace("2001:db8::20", address).encode()
    media, _ = answer(offer, host="2001:db8::10", port=4000)
    assert media.remote_host.lower() == address.lower()


@pytest.mark.parametrize(
    "uri", ["sip:user@[2001:db8:::192.0.2.1]", "sip:user@[::1", "sip:user@[]", "sip:user@[g::1]"]
)
def test_4_10_what_is_no_address_is_refused_and_breaks_nothing(uri: str) -> None:
    ours = wire()
    ours.receive(message("OPTIONS", uri=uri), PEER)
    assert ours.words() in (["400 OPTIONS"], ["200 OPTIONS"])
    with contextlib.suppress(GrammarError):
        parse_uri(uri)
