"""Each carrier of ``docs/trunks.md``: its section is read, its calls are taken, and ours go to it."""

from __future__ import annotations

import base64
import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from tests.unit.sip.wire import PEER, Wire, answer, request
from tests.unit.telephony.carrier_shapes import OURS, SHAPES, Shape, media

from offhook import config
from offhook.media.engine import MediaCapabilities
from offhook.negotiated import Codec, SrtpSuite
from offhook.sip import Answered, Credentials, IncomingInvite, Reoffer
from offhook.sip.negotiation import Negotiation
from offhook.telephony.number_formats import Party
from offhook.telephony.screening import caller_of, user_of
from offhook.telephony.trunks import Trunk, trunk_of

PAGE = (Path(__file__).parents[3] / "docs" / "trunks.md").read_text()
SECTIONS = {
    section["name"]: msgspec.convert(section, config.TrunkSection)
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for section in tomllib.loads(block)["trunks"]
}
NATIVE = MediaCapabilities(codecs=tuple(Codec), suites=tuple(SrtpSuite))


def test_the_page_and_the_shapes_have_the_same_carriers() -> None:
    assert set(SECTIONS) == {shape.name for shape in SHAPES}


def trunk(shape: Shape) -> Trunk:
    return trunk_of(SECTIONS[shape.name])


def negotiation(shape: Shape) -> Negotiation:
    made = Negotiation("192.0.2.1", 4000)
    made.terms = trunk(shape).terms(NATIVE)
    return made


def lines(text: str) -> str:
    return text.replace("\n", "\r\n")


def invite(shape: Shape) -> bytes:
    data = request(
        uri=shape.request_uri, headers=lines(shape.headers), body=lines(shape.sdp).encode()
    )
    return data.replace(
        b"From: <sip:alice@example.org>;tag=alice", b"From: " + shape.from_.encode()
    )


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_call_from_a_carrier_is_taken(shape: Shape) -> None:
    wire = Wire()
    wire.receive(invite(shape))
    (event,) = wire.took()
    assert isinstance(event, IncomingInvite)
    numbers = trunk(shape).numbers
    assert numbers.read(user_of(event.request_uri), Party.CALLED) == OURS
    assert numbers.read(caller_of(event), Party.CALLER) == shape.caller
    assert event.diverted == shape.diverted
    talk = negotiation(shape)
    ours = talk.offer() if event.sdp is None else talk.answer(event.sdp)
    if shape.sdp:
        _early(wire, event.handle, ours, reliable=shape.reliable)
    wire.agent.accept(event.handle, wire.now, ours)
    response = wire.last("200 INVITE").response
    assert response.get("session-expires") == shape.session
    assert response.values("record-route") == list(event_routes(shape))
    body = b"" if shape.sdp else lines(media("CUBE", more="a=ptime:20")).encode()
    ack = request("ACK", branch="z9hG4bK-ack", to_tag=event.handle, from_tag="far", body=body)
    wire.receive(ack)
    if not shape.sdp:
        talk.accept(body)
    settled = talk.media
    assert settled is not None
    assert settled.codec is shape.codec
    assert (settled.send_key is not None) is shape.secure
    assert shape.event is None or settled.dtmf_payload_type == shape.event
    _held_and_hung_up(wire, shape, event.handle, talk)


def _early(wire: Wire, handle: str, ours: bytes, *, reliable: bool) -> None:
    wire.agent.ring(handle, wire.now, 183, ours)
    rseq = wire.last("183 INVITE").response.get("rseq")
    assert (rseq is not None) is reliable
    if rseq is not None:
        rack = f"RAck: {rseq} 1 INVITE\r\n"
        prack = request(
            "PRACK", cseq=2, branch="z9hG4bK-p", to_tag=handle, from_tag="far", headers=rack
        )
        wire.receive(prack)
        assert wire.last("200 PRACK")


def event_routes(shape: Shape) -> list[str]:
    found = re.findall(r"^Record-Route: (.*)$", shape.headers, re.MULTILINE)
    return [value for line in found for value in line.split(",")]


def _held_and_hung_up(wire: Wire, shape: Shape, handle: str, talk: Negotiation) -> None:
    """It holds us its own way, and our BYE goes by its route."""
    wire.took()
    offer = shape.sdp or media("CUBE", more="a=ptime:20")
    if shape.hold.startswith("c="):
        held = re.sub(r"c=IN IP4 [0-9.]+", shape.hold, offer)
    else:
        held = offer.replace("\na=sendrecv", "").replace("\nm=audio", f"\n{shape.hold}\nm=audio", 1)
    reinvite = request(
        "INVITE",
        cseq=9,
        branch="z9hG4bK-hold",
        to_tag=handle,
        from_tag="far",
        body=lines(held).encode(),
    )
    wire.receive(reinvite)
    (event,) = wire.took()
    assert isinstance(event, Reoffer)
    assert event.sdp is not None
    wire.agent.accept_reoffer(handle, wire.now, talk.answer(event.sdp))
    assert talk.media is not None
    assert not talk.media.two_way
    ack = request("ACK", cseq=9, branch="z9hG4bK-ack9", to_tag=handle, from_tag="far")
    wire.receive(ack)
    wire.agent.bye(handle, wire.now)
    bye = wire.last("BYE")
    assert (bye.to.host, bye.to.port) == shape.hop


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_call_to_a_carrier_is_answered(shape: Shape) -> None:
    wire = Wire()
    talk = negotiation(shape)
    section = SECTIONS[shape.name]
    handle = wire.agent.invite(
        wire.now,
        target=PEER,
        request_uri="sip:bob@192.0.2.2:5070",
        from_uri="sip:alice@example.org",
        to_uri="sip:bob@example.org",
        sdp=talk.offer(),
        credentials=Credentials(section.username or "u", section.password or "p"),
        session_expires=section.session_timer,
    )
    if shape.secure:
        assert b"RTP/SAVP" in wire.last("INVITE").data
    profile = "RTP/SAVP" if shape.secure else "RTP/AVP"
    key = f"\na=crypto:1 {_first_suite(shape)} inline:{_key_for(shape)}" if shape.secure else ""
    body = lines(media("far", formats="0 101", more=f"a=ptime:20{key}", profile=profile)).encode()
    for status, headers, described in shape.answers:
        head = "".join(f"{line}\r\n" for line in headers.splitlines())
        wire.receive(
            answer(
                wire.last("INVITE").request,
                status,
                headers=head,
                sdp=body if described else None,
            )
        )
    answered = wire.took()[-1]
    assert isinstance(answered, Answered)
    assert answered.sdp == body
    assert talk.accept(body).codec is Codec.PCMU
    assert tuple(wire.words()) == shape.sent
    assert wire.agent.call_of(handle) is not None


def _first_suite(shape: Shape) -> SrtpSuite:
    return trunk(shape).terms(NATIVE).suites[0]


def _key_for(shape: Shape) -> str:
    return base64.b64encode(b"k" * _first_suite(shape).key_octets).decode()
