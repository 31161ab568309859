"""Wideband codecs and SRTP by offer and answer: both sides, whatever their terms (RFC 3264, 4568)."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.negotiated import LAWS, Codec, NegotiatedMedia, SrtpKey, SrtpSuite
from offhook.sip.crypto_lines import attributes_of, crypto_lines, new_key
from offhook.sip.descriptions import MediaTerms, SdpError, Security
from offhook.sip.negotiation import Negotiation

ALL = tuple(SrtpSuite)
WIDE = (Codec.OPUS, Codec.G722, *LAWS)
SECURE = MediaTerms(security=Security.REQUIRED, suites=ALL)


def side(host: str, terms: MediaTerms) -> Negotiation:
    negotiation = Negotiation(host, 4000)
    negotiation.terms = terms
    return negotiation


def agree(
    caller: MediaTerms, callee: MediaTerms
) -> tuple[Negotiation, Negotiation, NegotiatedMedia, NegotiatedMedia]:
    one, two = side("192.0.2.1", caller), side("192.0.2.2", callee)
    body = two.answer(one.offer())
    one.accept(body)
    assert one.media is not None
    assert two.media is not None
    return one, two, one.media, two.media


def crypto(body: bytes) -> list[str]:
    return re.findall(r"^a=crypto:(.*)\r$", body.decode(), re.MULTILINE)


def offer(*crypto: str, profile: str = "RTP/SAVP", formats: str = "0") -> bytes:
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0"]
    lines += [f"m=audio 4000 {profile} {formats}", *(f"a=crypto:{line}" for line in crypto)]
    return ("\r\n".join(lines) + "\r\n").encode()


def inline(suite: SrtpSuite, octet: int = 1) -> str:
    return "inline:" + base64.b64encode(bytes([octet]) * suite.key_octets).decode()


# --- codecs


@pytest.mark.parametrize(
    ("caller", "callee", "codec"),
    [
        (WIDE, WIDE, Codec.OPUS),
        (WIDE, (Codec.G722, *LAWS), Codec.G722),
        (WIDE, LAWS, Codec.PCMU),
        ((Codec.PCMA, Codec.G722), WIDE, Codec.PCMA),
        ((Codec.G722,), WIDE, Codec.G722),
    ],
)
def test_the_first_codec_of_the_caller_that_both_have_is_taken(
    caller: tuple[Codec, ...], callee: tuple[Codec, ...], codec: Codec
) -> None:
    _, _, ours, theirs = agree(MediaTerms(caller), MediaTerms(callee))
    assert ours.codec is theirs.codec is codec
    assert ours.payload_type == theirs.payload_type
    assert theirs.receive_types[ours.payload_type] is codec
    assert ours.dtmf_payload_type == theirs.dtmf_receive_payload_type
    assert ours.dtmf_clock_rate == theirs.dtmf_clock_rate == codec.clock_rate
    assert ours.ptime == 20


def test_without_a_common_codec_there_is_no_call() -> None:
    with pytest.raises(SdpError, match="no common codec"):
        agree(MediaTerms((Codec.OPUS,)), MediaTerms(LAWS))


def test_wideband_codecs_are_written_as_their_rfcs_say() -> None:
    lines = side("192.0.2.1", MediaTerms(WIDE)).offer().decode().split("\r\n")
    assert "m=audio 4000 RTP/AVP 111 9 0 8 101 110" in lines
    assert "a=rtpmap:111 opus/48000/2" in lines, "RFC 7587 §7: always 48000/2"
    assert "a=rtpmap:9 G722/8000" in lines, "RFC 3551 §4.5.2: 8000 by an old mistake"
    assert {"a=rtpmap:101 telephone-event/8000", "a=rtpmap:110 telephone-event/48000"} <= set(lines)


def test_a_codec_and_a_telephone_event_keep_their_numbers_in_the_whole_call() -> None:
    ours = side("192.0.2.1", MediaTerms(WIDE))
    maps = ("96 OPUS/48000/2", "97 telephone-event/48000", "98 telephone-event/8000")
    attributes = "".join(f"a=rtpmap:{each}\r\n" for each in maps)
    body = offer(profile="RTP/AVP", formats="96 0 97 98") + attributes.encode()
    answered = ours.answer(body).decode()
    assert "m=audio 4000 RTP/AVP 96 97\r\n" in answered
    assert ours.media is not None
    assert (ours.media.codec, ours.media.dtmf_clock_rate) == (Codec.OPUS, 48_000)
    again = ours.offer().decode()
    assert "a=rtpmap:96 opus/48000/2\r\n" in again
    assert "m=audio 4000 RTP/AVP 96 " in again


def test_a_codec_that_the_terms_leave_out_is_not_taken_and_may_not_come() -> None:
    _, _, ours, theirs = agree(MediaTerms(WIDE), MediaTerms((Codec.PCMA,)))
    assert theirs.codec is Codec.PCMA
    assert Codec.OPUS not in theirs.receive_types.values()
    assert Codec.OPUS not in ours.receive_types.values()


# --- keys


@pytest.mark.parametrize("suite", ALL)
def test_each_suite_is_agreed_with_a_key_for_each_direction(suite: SrtpSuite) -> None:
    _, _, ours, theirs = agree(SECURE, SECURE._replace(suites=(suite,)))
    assert ours.send_key == theirs.receive_key
    assert ours.receive_key == theirs.send_key
    assert ours.send_key != ours.receive_key
    assert ours.send_key is not None
    assert ours.send_key.suite is suite
    assert len(ours.send_key.key) == suite.key_octets


def test_the_offerer_s_first_usable_suite_is_taken() -> None:
    for suites in (ALL, ALL[::-1]):
        _, _, ours, _ = agree(SECURE._replace(suites=suites), SECURE)
        assert ours.send_key is not None
        assert ours.send_key.suite is suites[0]


def test_an_offer_has_another_key_for_each_suite_and_each_trunk() -> None:
    ours = side("192.0.2.1", SECURE)
    first, second = crypto(ours.offer()), crypto(ours.offer())
    assert [line.split()[0] for line in first] == [str(tag) for tag in range(1, len(ALL) + 1)]
    assert len({line.split()[2] for line in first + second}) == 2 * len(ALL)


@pytest.mark.parametrize(
    ("caller", "callee", "outcome"),
    [
        (Security.OFF, Security.OFF, "plain"),
        (Security.OFF, Security.ACCEPTED, "plain"),
        (Security.ACCEPTED, Security.ACCEPTED, "plain"),
        (Security.REQUIRED, Security.ACCEPTED, "srtp"),
        (Security.REQUIRED, Security.REQUIRED, "srtp"),
        (Security.REQUIRED, Security.OFF, "SRTP is not allowed on this trunk"),
        (Security.OFF, Security.REQUIRED, "this trunk requires SRTP"),
    ],
)
def test_who_gets_srtp(caller: Security, callee: Security, outcome: str) -> None:
    terms = MediaTerms(suites=ALL)
    if outcome not in ("plain", "srtp"):
        with pytest.raises(SdpError, match=outcome):
            agree(terms._replace(security=caller), terms._replace(security=callee))
        return
    _, _, ours, theirs = agree(terms._replace(security=caller), terms._replace(security=callee))
    assert (ours.send_key is not None) == (theirs.send_key is not None) == (outcome == "srtp")


def test_a_renewed_offer_keeps_the_keys_both_ways() -> None:
    one, two, _, _ = agree(SECURE, SECURE)
    before = one.media
    two.answer(one.offer())
    assert one.media == before, "an offer alone changes nothing"
    one.answer(two.offer())
    assert before is not None
    assert one.media is not None
    assert (one.media.send_key, one.media.receive_key) == (before.send_key, before.receive_key)


def test_a_peer_may_change_its_key_and_its_suite() -> None:
    ours = side("192.0.2.1", SECURE)
    suite, other = SrtpSuite.AES_CM_128_HMAC_SHA1_80, SrtpSuite.AEAD_AES_128_GCM
    seen: list[NegotiatedMedia] = []
    for line in (
        f"1 {suite} {inline(suite, 1)}",
        f"1 {suite} {inline(suite, 2)}",
        f"1 {other} {inline(other, 3)}",
    ):
        ours.answer(offer(line))
        assert ours.media is not None
        seen.append(ours.media)
    assert [m.receive_key.key[0] for m in seen if m.receive_key] == [1, 2, 3]
    assert seen[0].send_key == seen[1].send_key != seen[2].send_key


def test_the_answer_repeats_tag_and_profile() -> None:
    suite = SrtpSuite.AES_CM_128_HMAC_SHA1_32
    body = side("192.0.2.1", SECURE).answer(
        offer(
            f"7 F8_128_HMAC_SHA1_80 {inline(suite)}",
            f"9 {suite} {inline(suite)}",
            profile="RTP/SAVPF",
        )
    )
    (line,) = crypto(body)
    assert line.split()[:2] == ["9", suite]
    assert b"m=audio 4000 RTP/SAVPF 0\r\n" in body


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace("1 ", "2 ", 1),
        lambda line: line.replace("_80", "_32"),
        lambda line: line[:-4],
        lambda _: "",
    ],
)
def test_an_answer_that_fits_none_of_our_keys_is_refused(change: object) -> None:
    assert callable(change)
    ours = side("192.0.2.1", SECURE._replace(suites=(SrtpSuite.AES_CM_128_HMAC_SHA1_80,)))
    (line,) = crypto(ours.offer())
    with pytest.raises(SdpError, match="key"):
        ours.accept(offer(*filter(None, [change(line)])))
    assert ours.media is None


def test_an_answer_without_srtp_to_an_offer_with_it_is_refused() -> None:
    ours = side("192.0.2.1", SECURE)
    ours.offer()
    with pytest.raises(SdpError, match="not encrypted"):
        ours.accept(offer(profile="RTP/AVP"))


SUITE = SrtpSuite.AES_CM_128_HMAC_SHA1_80
KEY = inline(SUITE)


@pytest.mark.parametrize(
    ("line", "usable"),
    [
        (f"1 {SUITE} {KEY}", True),
        (f"1 {SUITE.lower()} {KEY.replace('inline', 'INLINE')}", True),
        (f"1 {SUITE} {KEY}|2^20", True),
        (f"1 {SUITE} {KEY}|2^31 WSH=64", True),
        (f"1 {SUITE} {KEY}|1048576", True),
        (f"1 {SUITE} {KEY.rstrip('=')}", True),
        (f"1 {SUITE} {KEY}|2^10", False),
        (f"1 {SUITE} {KEY}|2^20|1:4", False),
        (f"1 {SUITE} {KEY}|1:4", False),
        (f"1 {SUITE} {KEY};{KEY}", False),
        (f"1 {SUITE} {KEY} KDR=1", False),
        (f"1 {SUITE} {KEY} UNENCRYPTED_SRTCP", False),
        (f"1 {SUITE} {KEY} UNAUTHENTICATED_SRTP", False),
        (f"1 {SUITE} {KEY} FEC_ORDER=FEC_SRTP", False),
        (f"1 {SUITE} uri:https://x/key", False),
        (f"1 {SUITE} {inline(SrtpSuite.AEAD_AES_128_GCM)}", False),
        (f"1 {SUITE} inline:*not base64*", False),
        (f"x {SUITE} {KEY}", False),
        (f"1234567890 {SUITE} {KEY}", False),
        (f"1 AES_CM_128_NULL {KEY}", False),
        (f"1 {SUITE}", False),
        ("", False),
    ],
)
def test_which_lines_are_usable(line: str, usable: bool) -> None:
    assert bool(list(crypto_lines([f"crypto:{line}"], ALL))) is usable


@given(st.text(max_size=200))
def test_no_line_raises(text: str) -> None:
    list(crypto_lines([f"crypto:{text}", f"crypto:1 {SUITE} {text}"], ALL))


@given(st.sampled_from(ALL))
def test_a_key_is_read_as_it_was_written(suite: SrtpSuite) -> None:
    key = new_key(suite)
    (line,) = attributes_of({5: key})
    (read,) = crypto_lines([line.removeprefix("a=")], ALL)
    assert read == (5, key)


def test_a_key_is_never_shown() -> None:
    key = SrtpKey(SUITE, b"secret-octets")
    _, _, ours, _ = agree(SECURE, SECURE)
    assert "secret" not in repr(key) + str(key)
    assert ours.send_key is not None
    assert repr(ours.send_key.key)[2:10] not in repr(ours)


def test_of_two_streams_the_one_that_the_terms_allow_is_taken() -> None:
    both = offer(f"1 {SUITE} {KEY}") + b"m=audio 5000 RTP/AVP 8\r\n"
    plain, secure = side("192.0.2.1", MediaTerms()), side("192.0.2.1", SECURE)
    assert b"m=audio 0 RTP/SAVP 0\r\n" in plain.answer(both)
    assert b"m=audio 0 RTP/AVP 8\r\n" in secure.answer(both)
    assert plain.media is not None
    assert plain.media.remote_port == 5000
    assert secure.media is not None
    assert secure.media.remote_port == 4000


def test_an_answer_with_the_tag_of_another_suite_is_refused() -> None:
    ours = side("192.0.2.1", SECURE)
    (first, *_others) = crypto(ours.offer())
    assert first.split()[1] != SUITE
    with pytest.raises(SdpError, match="none of our keys"):
        ours.accept(offer(f"1 {SUITE} {KEY}"))
