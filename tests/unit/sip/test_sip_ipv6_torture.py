"""The cases of RFC 5118: IPv6 addresses in SIP and SDP, right and wrong. The messages are written by us."""

from __future__ import annotations

import pytest
from tests.unit.sip.wire import Wire

from offhook.sip import Address, IncomingInvite
from offhook.sip.descriptions import MediaTerms
from offhook.sip.grammar import GrammarError, parse_uri
from offhook.sip.message import parse
from offhook.sip.sdp import answer
from offhook.sip.transport import Transport

OURS, PEER = Address("udp", "2001:db8::1", 5060), Address("udp", "2001:db8::9:1", 6050)


def message(
    method: str = "OPTIONS",
    *,
    uri: str = "sip:[2001:db8::10]",
    via: str = "SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111",
    contact: str = "<sip:user@[2001:db8::9:1]:6050>",
    body: str = "",
) -> bytes:
    text = body.replace("\n", "\r\n")
    kind = "Content-Type: application/sdp\r\n" if text else ""
    return (
        f"{method} {uri} SIP/2.0\r\nTo: <sip:user@example.com>\r\n"
        f"From: <sip:user@example.com>;tag=81x2\r\nVia: {via}\r\nCall-ID: SSG9559905523997077\r\n"
        f"Max-Forwards: 70\r\nContact: {contact}\r\nCSeq: 98176 {method}\r\n{kind}"
        f"Content-Length: {len(text)}\r\n\r\n{text}"
    ).encode()


def wire() -> Wire:
    return Wire(transports=[Transport(OURS)])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(message(), 200, id="4.1 an IPv6 reference"),
        pytest.param(message(uri="sip:2001:db8::10"), 400, id="4.2 without brackets"),
        pytest.param(message(uri="sip:[2001:db8::10:5070]"), 200, id="4.3 a port inside"),
        pytest.param(message(uri="sip:[2001:db8::10]:5070"), 200, id="4.4 a port outside"),
        pytest.param(
            message(
                via="SIP/2.0/UDP [2001:db8::9:1]:6050;received=[2001:db8::9:255];branch=z9hG4bKas3"
            ),
            200,
            id="4.5 received with brackets",
        ),
        pytest.param(
            message(
                via="SIP/2.0/UDP [2001:db8::9:1]:6050;received=2001:db8::9:255;branch=z9hG4bKas3"
            ),
            200,
            id="4.5 received without brackets",
        ),
        pytest.param(
            message(
                via="SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\r\n"
                "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK.SSG9559905523997077"
            ),
            200,
            id="4.7 both kinds in Via",
        ),
        pytest.param(
            message(via="SIP/2.0/UDP 2001:db8::9:1;branch=z9hG4bKa"), None, id="no way back"
        ),
        pytest.param(
            message(uri="sip:user@[2001:db8:::192.0.2.1]"), 400, id="4.10 three colons in a URI"
        ),
    ],
)
def test_a_request_with_ipv6_addresses(data: bytes, status: int | None) -> None:
    agent = wire()
    agent.receive(data, PEER)
    assert agent.words() == ([] if status is None else [f"{status} OPTIONS"])


def test_a_port_inside_the_brackets_is_part_of_the_address() -> None:
    inside, outside = parse_uri("sip:[2001:db8::10:5070]"), parse_uri("sip:[2001:db8::10]:5070")
    assert (inside.host, inside.port) == ("2001:db8::10:5070", None)
    assert (outside.host, outside.port) == ("2001:db8::10", 5070)
    with pytest.raises(GrammarError):
        parse_uri("sip:user@[2001:db8::10")


def test_the_answer_goes_back_to_an_ipv6_address() -> None:
    agent = wire()
    agent.receive(message(), PEER)
    (sent,) = agent.sent
    assert sent.to == Address("udp", "2001:db8::9:1", 6050)
    assert sent.message.via.host == "2001:db8::9:1"


_SDP = """v=0
o=assistant 971731711378798081 0 IN IP6 2001:db8::20
s=Live video feed for today's meeting
c=IN IP6 2001:db8::20
t=3338481189 3370017201
m=audio 6000 RTP/AVP 0
"""


@pytest.mark.parametrize(
    ("body", "host"),
    [
        pytest.param(_SDP, "2001:db8::20", id="4.6 an address without brackets"),
        pytest.param(
            "v=0\no=bob 280744730 28977631 IN IP4 host.example.com\ns=\nt=0 0\n"
            "m=audio 22334 RTP/AVP 0\nc=IN IP6 2001:db8::1\nm=video 6024 RTP/AVP 107\n"
            "c=IN IP4 192.0.2.1\n",
            "2001:db8::1",
            id="4.8 one kind for each stream",
        ),
        pytest.param(
            _SDP.replace("c=IN IP6 2001:db8::20", "c=IN IP6 ::ffff:192.0.2.10"),
            "::ffff:192.0.2.10",
            id="4.9 an IPv4 address inside",
        ),
    ],
)
def test_a_description_with_ipv6_addresses(body: str, host: str) -> None:
    agent = wire()
    agent.receive(message("INVITE", body=body), PEER)
    (event,) = agent.took()
    assert isinstance(event, IncomingInvite)
    assert event.sdp is not None
    media, ours = answer(event.sdp, host="2001:db8::1", port=4000, terms=MediaTerms())
    assert media.remote_host == host
    assert b"c=IN IP6 2001:db8::1\r\n" in ours


def test_every_message_can_be_framed() -> None:
    for uri in ("sip:[2001:db8::10]", "sip:2001:db8::10", "sip:[:::]", "sip:[", "sip:]"):
        parse(message(uri=uri)).check()
