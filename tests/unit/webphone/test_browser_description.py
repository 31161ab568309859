"""Offers of browsers: what is read, what is refused, what is answered."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.webphone.browser_offers import CHROMIUM

from offhook.negotiated import Codec
from offhook.sip.descriptions import SdpError
from offhook.webphone.browser_description import (
    Fingerprint,
    IceDtlsTransport,
    StreamTypes,
    read_offer,
    types_of,
    write_answer,
)

PLACE = IceDtlsTransport(
    "ours",
    "aPasswordOfTwentyTwoLetters",
    ["x 1 udp 2130706431 127.0.0.1 40000 typ host"],
    Fingerprint("sha-256", ":".join(["AB"] * 32)),
)


def test_an_offer_of_chromium_is_read() -> None:
    offer = read_offer(CHROMIUM)
    assert (offer.name, offer.password, offer.mid) == ("EsAw", "bP+XJMM09aR8AiX1jdukzR6Y", "0")
    assert offer.codecs == [Codec.OPUS, Codec.G722, Codec.PCMU, Codec.PCMA]
    assert [one.algorithm for one in offer.fingerprints] == ["sha-256"]
    assert types_of(offer, Codec.PCMA) == StreamTypes(8, 126)
    assert types_of(offer, Codec.OPUS) == StreamTypes(111, 110)


def test_what_firefox_says_of_the_whole_session_counts_for_the_stream() -> None:
    lines = CHROMIUM.splitlines()
    moved = next(line for line in lines if line.startswith("a=fingerprint"))
    lines.remove(moved)
    lines.insert(4, moved)
    assert read_offer("\r\n".join(lines)).fingerprints == read_offer(CHROMIUM).fingerprints


def test_the_answer_has_one_codec_and_is_understood_by_another_implementation() -> None:
    text = write_answer(read_offer(CHROMIUM), Codec.OPUS, PLACE)
    (media,) = SessionDescription.parse(text).media
    assert [str(codec) for codec in media.rtp.codecs] == ["opus/48000/2", "telephone-event/48000"]
    assert media.fmt == [111, 110]
    assert media.ice is not None
    assert media.ice.password == PLACE.password
    assert [one.port for one in media.ice_candidates] == [40000]
    assert media.dtls is not None
    assert (media.dtls.role, media.rtcp_mux, media.rtp.muxId) == ("server", True, "0")


def test_a_browser_without_telephone_event_is_answered_without() -> None:
    offer = read_offer(CHROMIUM.replace("110 126", "110"))
    text = write_answer(offer, Codec.PCMU, PLACE)
    assert "telephone-event" not in text
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("m=audio", "m=video"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        ("a=rtcp-mux", "a=rtcp-no"),
        ("a=setup:actpass", "a=setup:passive"),
        ("a=mid:0", "a=mid:0\x00 x"),
        ("a=ice-ufrag:EsAw", "a=ice-ufrag:E"),
        ("a=ice-ufrag:EsAw", "a=ice-ufrag:EsAw" + "w" * 300),
        ("bP+XJMM09aR8AiX1jdukzR6Y", "short"),
        ("sha-256 DA", "md5 DA"),
        ("sha-256 DA:", "sha-256 "),
        ("m=audio", "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nm=audio"),
        ("v=0", "w=0"),
        ("a=sendrecv", "a=x:" + "y" * 17_000),
    ],
)
def test_what_is_not_such_an_offer_is_refused(old: str, new: str) -> None:
    with pytest.raises(SdpError):
        read_offer(CHROMIUM.replace(old, new, 1))


def test_a_codec_that_the_browser_has_not_is_refused() -> None:
    with pytest.raises(SdpError, match="no PCMU"):
        types_of(read_offer(CHROMIUM.replace(" 0 8 ", " 8 ")), Codec.PCMU)


@given(st.lists(st.sampled_from(CHROMIUM.split("\r\n")) | st.text(max_size=60), max_size=40))
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    text = "v=0\r\n" + "\r\n".join(lines)
    try:
        offer = read_offer(text)
    except SdpError:
        return
    for codec in offer.codecs:
        answer = write_answer(offer, codec, PLACE)
        assert answer.count("\r\n") == answer.count("\n") == len(answer.splitlines())
