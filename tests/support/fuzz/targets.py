"""What is fuzzed: each target takes any octets, and raises when an invariant does not hold.

``sip`` gives them to a user agent as a datagram, as headers of requests of a call to us, or as those of the
responses to our INVITE;
``sdp`` offers and answers them; ``stream`` divides them into messages, in one piece and in pieces.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path

from offhook.negotiated import Codec, NegotiatedMedia, SrtpSuite
from offhook.sip import Address, Credentials, IncomingInvite, UserAgent
from offhook.sip.descriptions import MediaTerms, SdpError, Security
from offhook.sip.identity_header import parse_identities
from offhook.sip.message import MessageError, Request, parse
from offhook.sip.negotiation import Negotiation
from offhook.sip.stream import SipFraming, StreamError
from offhook.sip.transport import Transport
from offhook.telephony.screening import caller_of, user_of

HERE = Path(__file__).parent
OURS, PEER = Address("udp", "192.0.2.1", 5060), Address("udp", "192.0.2.2", 5070)
WIDE = MediaTerms(tuple(Codec), Security.ACCEPTED, tuple(SrtpSuite))
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
METHODS = (b"INVITE", b"UPDATE", b"PRACK", b"INFO", b"BYE", b"ACK", b"OPTIONS", b"CANCEL")
LATER = (0.3, 1.0, 40.0, 700.0)
"""Seconds after which the timers run."""


def _request(method: bytes, cseq: int, tag: bytes, headers: bytes, body: bytes) -> bytes:
    to = b";tag=" + tag if tag else b""
    return b"".join(
        (
            method + b" sip:offhook@192.0.2.1 SIP/2.0\r\n",
            b"Via: SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK-%d%s\r\n" % (cseq, method),
            b"From: <sip:alice@x>;tag=alice\r\nTo: <sip:offhook@x>" + to + b"\r\n",
            b"Call-ID: call\r\nCSeq: %d %s\r\nContact: <sip:a@192.0.2.2>\r\n" % (cseq, method),
            headers,
            b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
        )
    )


def sip(data: bytes) -> None:
    """The first octet says how the others are used."""
    agent = UserAgent(transports=[Transport(OURS)], rng=random.Random(1))
    if not data:
        return
    kind, rest = data[0], data[1:]
    if kind < 128:
        agent.receive(data, PEER, 0.0)
    elif kind >= 192:
        _call(agent, kind, rest)
    else:
        headers, _, body = rest.partition(b"\r\n\r\n")
        agent.receive(_request(b"INVITE", 1, b"", headers + b"\r\n", SDP), PEER, 0.0)
        _answer(agent, kind, headers, body)
    _look_at(agent)
    for now in LATER:
        agent.handle_timers(now)
    _look_at(agent)


def _answer(agent: UserAgent, kind: int, headers: bytes, body: bytes) -> None:
    """The call rings and is answered; then a request inside it has the headers again, and the body."""
    for event in agent.take_events():
        if isinstance(event, IncomingInvite):
            tag = event.handle
            agent.ring(tag, 0.1, 183, SDP)
            agent.accept(tag, 0.2, SDP)
            agent.receive(_request(b"ACK", 1, tag.encode(), b"", b""), PEER, 0.2)
            method = METHODS[kind % len(METHODS)]
            agent.receive(_request(method, 2, tag.encode(), headers + b"\r\n", body), PEER, 0.3)
            agent.accept_reoffer(tag, 0.3, SDP)


STATUSES = (180, 183, 200, 302, 401, 407, 422, 486, 503, 600)


def _call(agent: UserAgent, kind: int, rest: bytes) -> None:
    """We call; what is fuzzed are the headers and the body of the first response, and of the second one."""
    agent.invite(
        0.0,
        target=PEER,
        request_uri="sip:b@192.0.2.2",
        from_uri="sip:a@x",
        to_uri="sip:b@x",
        sdp=SDP,
        credentials=Credentials("u", "p"),
        session_expires=90,
    )
    headers, _, body = rest.partition(b"\r\n\r\n")
    for status in (STATUSES[kind % len(STATUSES)], STATUSES[kind // 4 % len(STATUSES)]):
        for sent, _ in agent.take_output():
            request = parse(sent)
            if isinstance(request, Request) and request.method == "INVITE":
                agent.receive(_response(request, status, headers, body), PEER, 0.1)


def _response(request: Request, status: int, headers: bytes, body: bytes) -> bytes:
    lines = (f"Via: {request.get('via')}", f"From: {request.get('from')}")
    more = (f"To: {request.get('to')};tag=b", f"Call-ID: {request.call_id}")
    head = "\r\n".join((f"SIP/2.0 {status} X", *lines, *more, f"CSeq: {request.get('cseq')}"))
    length = b"\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head.encode() + b"\r\n" + headers + length + body


def _look_at(agent: UserAgent) -> None:
    """All that is sent is SIP; what is told can be read and encoded."""
    for sent, _ in agent.take_output():
        parse(sent)
    for event in agent.take_events():
        if isinstance(event, IncomingInvite):
            for text in (caller_of(event), user_of(event.request_uri), event.to, *event.identities):
                text.encode()
            parse_identities(event.identities)
            assert len(event.diverted) <= 10


def sdp(data: bytes) -> None:
    """Offered to us, and as the answer to our offer."""
    for offering in (False, True):
        negotiation = Negotiation("192.0.2.1", 4000)
        negotiation.terms = WIDE
        try:
            if offering:
                negotiation.offer()
                _usable(negotiation.accept(data))
            else:
                answer = negotiation.answer(data)
                assert answer.count(b"m=") == data.count(b"m=") or b"\r\nm=" in answer
                assert negotiation.media is not None
                _usable(negotiation.media)
        except SdpError:
            continue
        negotiation.offer()  # what is settled can be offered again


def _usable(media: NegotiatedMedia) -> None:
    assert 0 < media.remote_port < 65_536
    assert media.codec in tuple(Codec)
    assert 0 <= media.payload_type <= 127
    assert 10 <= media.ptime <= 60
    media.remote_host.encode("ascii")


def stream(data: bytes) -> None:
    """Messages do not depend on how the octets come, and each is one that the parser frames alike."""
    whole, at_once = _framed([data])
    size = data[0] % 17 + 1 if data else 1
    pieces, in_pieces = _framed([data[at : at + size] for at in range(0, len(data), size)])
    assert pieces == whole
    assert in_pieces == at_once
    for message in whole:
        with contextlib.suppress(MessageError):
            parse(message)


def _framed(chunks: list[bytes]) -> tuple[list[bytes], bool]:
    """The messages, and whether the stream was given up."""
    framing, messages = SipFraming(), []
    try:
        for chunk in chunks:
            framing.feed(chunk)
            while (message := framing.next()) is not None:
                messages.append(message)
    except StreamError:
        return messages, True
    return messages, False


TARGETS: dict[str, Callable[[bytes], None]] = {"sip": sip, "sdp": sdp, "stream": stream}
