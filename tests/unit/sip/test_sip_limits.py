"""The bounds of what peers may send: the last that is taken, and the first that is not."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import pytest
from tests.unit.sip.wire import PEER, request

from offhook.negotiated import SrtpSuite
from offhook.sip.crypto_lines import attributes_of, crypto_lines, new_key
from offhook.sip.descriptions import SdpError, SessionDescription
from offhook.sip.grammar import GrammarError
from offhook.sip.message import MessageError, Request, parse
from offhook.sip.registering import read_register

CONTACT = b"Contact: <sip:alice@192.0.2.2:5070>\r\n"


def refused(
    wrong: type[Exception], words: str, *, when: bool
) -> AbstractContextManager[object, bool | None]:
    """Expects the error where ``when`` says so."""
    return pytest.raises(wrong, match=words) if when else nullcontext()


def read(lines: str) -> int:
    """Reads a REGISTER with these header lines; returns the number of its contacts."""
    data = request("REGISTER", uri="sip:192.0.2.1", headers=lines).replace(CONTACT, b"")
    message = parse(data)
    assert isinstance(message, Request)
    return len(read_register(message, handle="h", source=PEER, admitted_as="alice").contacts)


@pytest.mark.parametrize("count", [10, 11])
@pytest.mark.parametrize("header", ["Contact", "Path"])
def test_a_register_has_up_to_ten_contacts_and_ten_proxies(header: str, count: int) -> None:
    lines = "".join(f"{header}: <sip:a{number}@192.0.2.2>\r\n" for number in range(count))
    with refused(GrammarError, "too many contacts", when=count == 11):
        assert read(lines) == (10 if header == "Contact" else 0)


@pytest.mark.parametrize("length", [512, 513])
@pytest.mark.parametrize("header", ["Contact", "Path"])
def test_a_contact_has_up_to_512_characters(header: str, length: int) -> None:
    uri = "sip:" + "a" * (length - len("sip:@192.0.2.2")) + "@192.0.2.2"
    assert len(uri) == length
    with refused(GrammarError, "too long", when=length == 513):
        read(f"{header}: <{uri}>\r\n")


@pytest.mark.parametrize("octets", [16_384, 16_385])
def test_a_description_has_up_to_16_kib(octets: int) -> None:
    head = b"v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 4000 RTP/AVP 0\r\na="
    with refused(SdpError, "too long", when=octets == 16_385):
        assert len(SessionDescription(head.ljust(octets, b"x")).media) == 1


@pytest.mark.parametrize("count", [32, 33])
def test_a_description_has_up_to_32_streams(count: int) -> None:
    body = "v=0\r\nc=IN IP4 192.0.2.2\r\n" + "m=audio 4000 RTP/AVP 0\r\n" * count
    with refused(SdpError, "too many streams", when=count == 33):
        assert len(SessionDescription(body.encode()).media) == 32


def test_of_a_stream_64_keys_are_looked_at() -> None:
    suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80
    lines = attributes_of({tag: new_key(suite) for tag in range(1, 66)})
    found = crypto_lines([line.removeprefix("a=") for line in lines], [suite])
    assert [line.tag for line in found] == list(range(1, 65))


def test_the_keys_of_other_suites_count_as_well() -> None:
    strange = ["crypto:1 F8_128_HMAC_SHA1_80 inline:x"] * 64
    suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80
    usable = [line.removeprefix("a=") for line in attributes_of({7: new_key(suite)})]
    assert [line.tag for line in crypto_lines(strange[1:] + usable, [suite])] == [7]
    assert list(crypto_lines(strange + usable, [suite])) == []


@pytest.mark.parametrize("lines", [512, 513])
def test_a_message_has_up_to_512_lines(lines: int) -> None:
    plain = request("OPTIONS")
    more = lines - plain.partition(b"\r\n\r\n")[0].count(b"\r\n") - 1
    with refused(MessageError, "too many header lines", when=lines == 513):
        parse(request("OPTIONS", headers="X-A: b\r\n" * more))


@pytest.mark.parametrize("octets", [65_536, 65_537])
def test_a_message_has_up_to_64_kib(octets: int) -> None:
    with refused(MessageError, "too long", when=octets == 65_537):
        parse(request("OPTIONS").ljust(octets, b" "))


@pytest.mark.parametrize("length", [2048, 2049])
def test_a_request_uri_has_up_to_2048_characters(length: int) -> None:
    uri = "sip:" + "a" * (length - len("sip:@192.0.2.1")) + "@192.0.2.1"
    message = parse(request("OPTIONS", uri=uri))
    assert isinstance(message, Request)
    assert (message.problem == "Request-URI too long") is (length == 2049), message.problem
