"""Offer and answer of one audio stream (RFC 3264), and how others write their descriptions."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.negotiated import Codec
from offhook.sip.descriptions import MediaDirection, SdpError
from offhook.sip.sdp import answer, make_offer, parse_answer


def sdp(*media: str, session: str = "c=IN IP4 192.0.2.2") -> bytes:
    """A description with those lines."""
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.2", "s=-", session, "t=0 0", *media]
    return ("\r\n".join(line for line in lines if line) + "\r\n").encode()


OFFER = sdp(
    "m=audio 4000 RTP/AVP 8 0 101",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=sendrecv",
)


def test_an_offer_is_written_out_in_full() -> None:
    offer = make_offer(host="192.0.2.1", port=4002, session_id=7, version=3)
    assert offer.decode().split("\r\n") == [
        "v=0",
        "o=offhook 7 3 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "m=audio 4002 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "",
    ]


def test_an_offer_over_ipv6_with_less_in_it() -> None:
    offer = make_offer(
        host="2001:db8::1",
        port=4002,
        codecs=(Codec.PCMA,),
        dtmf_payload_type=None,
        direction=MediaDirection.SENDONLY,
        rtcp_mux=True,
    ).decode()
    assert "c=IN IP6 2001:db8::1\r\n" in offer
    assert "m=audio 4002 RTP/AVP 8\r\n" in offer
    assert "telephone-event" not in offer
    assert "a=rtcp-mux\r\na=sendonly\r\n" in offer


def test_an_answer_takes_the_offerers_first_codec_and_its_numbers() -> None:
    settled, body = answer(OFFER, host="192.0.2.1", port=4002)
    assert msgspec.structs.asdict(settled) == {
        "remote_host": "192.0.2.2",
        "remote_port": 4000,
        "codec": "PCMA",
        "payload_type": 8,
        "receive_types": {0: Codec.PCMU, 8: Codec.PCMA},
        "dtmf_payload_type": 101,
        "dtmf_receive_payload_type": 101,
        "send": True,
        "receive": True,
        "remote_rtcp_port": None,
        "rtcp_mux": False,
        "dtmf_clock_rate": 8000,
        "ptime": 20,
        "send_key": None,
        "receive_key": None,
    }
    assert b"m=audio 4002 RTP/AVP 8 101\r\n" in body


def test_an_answer_may_prefer_a_codec() -> None:
    settled, _ = answer(OFFER, host="192.0.2.1", port=4002, preferred=["G722", "PCMU"])
    assert (settled.codec, settled.payload_type) == ("PCMU", 0)


def test_both_sides_of_offer_and_answer_agree() -> None:
    offer = make_offer(host="192.0.2.1", port=4002)
    theirs, body = answer(offer, host="192.0.2.2", port=5000, preferred=["PCMA"])
    ours = parse_answer(body)
    assert (ours.codec, ours.payload_type) == (theirs.codec, theirs.payload_type) == ("PCMA", 8)
    assert (ours.remote_host, ours.remote_port) == ("192.0.2.2", 5000)
    assert (theirs.remote_host, theirs.remote_port) == ("192.0.2.1", 4002)
    assert ours.dtmf_payload_type == theirs.dtmf_receive_payload_type == 101


def test_dynamic_payload_types_and_odd_cases() -> None:
    offer = sdp(
        "m=AUDIO 4000 rtp/avp 18 97 0 96",
        "a=rtpmap:97 pcma/8000/1",
        "a=rtpmap:0 PCMU/16000",
        "a=RTPMAP:96 Telephone-Event/8000",
        "a=rtpmap:x y",
        "a=rtpmap:99999999999999999999 PCMU/8000",
    )
    settled, body = answer(offer, host="192.0.2.1", port=4002)
    assert (settled.codec, settled.payload_type, settled.dtmf_payload_type) == ("PCMA", 97, 96)
    assert b"m=audio 4002 rtp/avp 97 96\r\n" in body
    assert b"a=rtpmap:97 PCMA/8000\r\n" in body


def test_telephone_event_at_another_rate_does_not_count() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/16000")
    assert answer(offer, host="192.0.2.1", port=1)[0].dtmf_payload_type is None


@pytest.mark.parametrize(
    ("attribute", "send", "receive", "answered"),
    [
        ("sendrecv", True, True, "sendrecv"),
        ("sendonly", False, True, "recvonly"),
        ("recvonly", True, False, "sendonly"),
        ("inactive", False, False, "inactive"),
        ("SENDONLY", False, True, "recvonly"),
    ],
)
@pytest.mark.parametrize("level", ["session", "media"])
def test_directions(attribute: str, send: bool, receive: bool, answered: str, level: str) -> None:
    if level == "media":
        offer = sdp("m=audio 4000 RTP/AVP 0", f"a={attribute}")
    else:
        offer = sdp("m=audio 4000 RTP/AVP 0", session=f"c=IN IP4 192.0.2.2\r\na={attribute}")
    settled, body = answer(offer, host="192.0.2.1", port=4002)
    assert (settled.send, settled.receive) == (send, receive)
    assert f"a={answered}\r\n".encode() in body


def test_a_null_address_is_a_hold() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", session="c=IN IP4 0.0.0.0")
    settled, body = answer(offer, host="192.0.2.1", port=4002)
    assert (settled.send, settled.receive) == (False, True)
    assert b"a=recvonly\r\n" in body


def test_the_streams_own_address_rtcp_port_and_mux_count() -> None:
    offer = sdp(
        "m=audio 4000/2 RTP/AVP 0",
        "c=IN IP4 192.0.2.99/127",
        "a=rtcp:4777 IN IP4 192.0.2.99",
        "a=rtcp-mux",
    )
    settled, body = answer(offer, host="192.0.2.1", port=4002)
    assert (settled.remote_host, settled.remote_rtcp_port, settled.rtcp_mux) == (
        "192.0.2.99",
        4777,
        True,
    )
    assert b"a=rtcp-mux\r\n" in body


def test_other_streams_are_refused_in_their_places() -> None:
    offer = sdp(
        "m=video 5000 RTP/AVP 31",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4000 RTP/AVP 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    )
    _, body = answer(offer, host="192.0.2.1", port=4002)
    assert [line for line in body.decode().split("\r\n") if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 31",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4002 RTP/AVP 0",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
    ]


def test_line_feeds_alone_and_unknown_lines_are_taken() -> None:
    text = OFFER.replace(b"\r\n", b"\n") + b"b=AS:64\nk=clear:x\nz\nx=y\n"
    assert answer(text, host="192.0.2.1", port=1)[0].codec == "PCMA"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        sdp(),
        sdp("m=video 4000 RTP/AVP 0"),
        sdp("m=audio 0 RTP/AVP 0"),
        sdp("m=audio 4000 RTP/SAVP 0"),
        sdp("m=audio 4000 RTP/AVP 18 3"),
        sdp("m=audio 4000 RTP/AVP"),
        sdp("m=audio 4000"),
        sdp("m=audio x RTP/AVP 0"),
        sdp("m=audio 99999 RTP/AVP 0"),
        sdp("m=audio 4000 RTP/AVP 0", session=""),
        sdp("m=audio 4000 RTP/AVP 0", session="c=IN IP4"),
        sdp("m=audio 4000 RTP/AVP 0", session="c=IN IP4 300.1.2.3"),
        sdp("m=audio 4000 RTP/AVP 0", session="c=IN IP4 a_b$"),
        sdp("m=audio 4000 RTP/AVP 0", session="c=IN IP4 224.0.0.9/127"),
        sdp("m=audio 4000 RTP/AVP 0", "a=rtcp:x"),
        sdp(*["m=audio 4000 RTP/AVP 0"] * 40),
        sdp("m=audio 4000 RTP/AVP 0", *["a=rtpmap:0 PCMU/8000"] * 1000),
    ],
)
def test_what_is_no_usable_description(body: bytes) -> None:
    with pytest.raises(SdpError):
        answer(body, host="192.0.2.1", port=4002)
    with pytest.raises(SdpError):
        parse_answer(body)


def test_an_answer_with_a_codec_that_was_not_offered_is_refused() -> None:
    with pytest.raises(SdpError, match="no common codec"):
        parse_answer(sdp("m=audio 4000 RTP/AVP 8"), codecs=(Codec.PCMU,))


def test_an_answer_without_telephone_event() -> None:
    settled = parse_answer(sdp("m=audio 4000 RTP/AVP 0"))
    # Some phones send the events that we offered all the same; we send them tones.
    assert (settled.dtmf_payload_type, settled.dtmf_receive_payload_type) == (None, 101)


def test_telephone_event_without_an_rtpmap_is_the_one_that_was_offered() -> None:
    settled = parse_answer(sdp("m=audio 4000 RTP/AVP 0 101"))
    assert (settled.dtmf_payload_type, settled.dtmf_receive_payload_type) == (101, 101)
    settled, body = answer(sdp("m=audio 4000 RTP/AVP 0 101"), host="192.0.2.1", port=4002)
    assert settled.dtmf_payload_type == 101
    assert b"a=rtpmap:101 telephone-event/8000" in body
    other = sdp("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 speex/8000")
    assert answer(other, host="192.0.2.1", port=4002)[0].dtmf_payload_type is None


def test_every_codec_of_an_answer_may_come() -> None:
    settled = parse_answer(sdp("m=audio 4000 RTP/AVP 0 97", "a=rtpmap:97 PCMA/8000"))
    assert (settled.codec, settled.payload_type) == (Codec.PCMU, 0)
    assert settled.receive_types == {0: Codec.PCMU, 8: Codec.PCMA, 97: Codec.PCMA}


def test_a_connection_address_of_the_other_family_is_refused() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", session="c=IN IP6 2001:db8::1")
    with pytest.raises(SdpError, match="another family"):
        answer(offer, host="192.0.2.1", port=4002)


def test_a_connection_address_may_be_a_host_name() -> None:
    named = sdp("m=audio 4000 RTP/AVP 0", session="c=IN IP4 media-1.example.org")
    assert parse_answer(named).remote_host == "media-1.example.org"


def test_telephone_event_may_have_another_number_each_way() -> None:
    body = sdp("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000")
    settled = parse_answer(body, dtmf_payload_type=101)
    assert (settled.dtmf_payload_type, settled.dtmf_receive_payload_type) == (96, 101)
    assert parse_answer(body, dtmf_payload_type=None).dtmf_payload_type is None


def test_rtcp_mux_counts_only_when_it_was_offered() -> None:
    body = sdp("m=audio 4000 RTP/AVP 0", "a=rtcp-mux")
    assert not parse_answer(body).rtcp_mux
    assert parse_answer(body, rtcp_mux=True).rtcp_mux


@given(st.lists(st.sampled_from(OFFER.split(b"\r\n")) | st.binary(max_size=20), max_size=20))
def test_arbitrary_descriptions_fail_only_as_they_may(lines: list[bytes]) -> None:
    for body in (b"\r\n".join(lines), b"v=0\r\n" + b"\n".join(lines)):
        with contextlib.suppress(SdpError):
            answer(body, host="192.0.2.1", port=4002)


@pytest.mark.parametrize(
    ("lines", "milliseconds"),
    [
        ((), 20),
        (("a=ptime:30",), 30),
        (("a=ptime:60", "a=maxptime:40"), 40),
        (("a=maxptime:10",), 10),
        (("a=maxptime:150",), 20),
        (("a=ptime:25",), 20),
        (("a=ptime:5",), 10),
        (("a=ptime:120",), 60),
        (("a=ptime:30.0",), 30),
        (("a=ptime:0",), 20),
        (("a=ptime:-30", "a=maxptime:"), 20),
        (("a=ptime:soon",), 20),
        (("a=ptime:" + "9" * 4000,), 60),
    ],
)
def test_we_send_packets_as_long_as_the_peer_wants(
    lines: tuple[str, ...], milliseconds: int
) -> None:
    description = OFFER + "".join(line + "\r\n" for line in lines).encode()
    assert answer(description, host="192.0.2.1", port=4002)[0].ptime == milliseconds
    assert parse_answer(description).ptime == milliseconds
