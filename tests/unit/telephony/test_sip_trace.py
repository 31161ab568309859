"""Which SIP messages are kept, for how long, and what is taken out of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from offhook.sip import Address
from offhook.telephony.sip_trace import CALLS_OCTETS, MOST_MESSAGES, SipTraces, without_secrets

AT = datetime(2026, 11, 28, tzinfo=UTC)
FAR = Address("udp", "192.0.2.1", 5060)


def message(call_id: str, size: int = 0, name: str = "Call-ID") -> bytes:
    return (
        f"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z\r\n{name}: {call_id}\r\n\r\n".encode()
        + b"x" * size
    )


def traces(**octets: int) -> SipTraces:
    return SipTraces(lambda far: Address("udp", "127.0.0.1", 5060), lambda: AT, **octets)


def test_the_messages_of_a_call_are_kept_in_order_with_both_addresses() -> None:
    kept = traces()
    kept.claim("a@h")
    kept.tap(">", message("a@h"), FAR)
    kept.tap("<", message("a@h", name="i"), FAR)
    kept.tap("<", message("b@h"), FAR)
    seen = kept.of("a@h")
    assert [one.sent for one in seen] == [True, False]
    assert {(one.near, one.far) for one in seen} == {("udp:127.0.0.1:5060", "udp:192.0.2.1:5060")}
    assert seen[1].text == message("a@h", name="i").decode()


def test_an_invite_that_came_before_it_was_a_call_belongs_to_it() -> None:
    kept = traces()
    kept.tap("<", message("a@h"), FAR)
    assert kept.of("a@h") == ()
    kept.claim("a@h")
    assert len(kept.of("a@h")) == 1


def test_a_flood_of_strangers_removes_no_messages_of_a_call() -> None:
    kept = traces(strangers_octets=10_000)
    kept.claim("a@h")
    kept.tap("<", message("a@h"), FAR)
    for number in range(1000):
        kept.tap("<", message(f"scan-{number}", 100), FAR)
    assert len(kept.of("a@h")) == 1
    kept.claim("scan-0")
    kept.claim("scan-999")
    assert len(kept.of("scan-0")) == 0
    assert len(kept.of("scan-999")) == 1


def test_the_call_that_began_first_goes_first_when_the_space_is_full() -> None:
    kept = traces(calls_octets=5_000)
    for call_id in ("a", "b"):
        kept.claim(call_id)
        kept.tap("<", message(call_id, 2_500), FAR)
    assert kept.of("a") == ()
    assert len(kept.of("b")) == 1


def test_what_is_said_after_the_session_is_over_takes_no_calls_space() -> None:
    kept = traces()
    kept.claim("a")
    kept.tap("<", message("a"), FAR)
    kept.drop("a")
    kept.tap("<", message("a"), FAR)
    assert kept.of("a") == ()
    assert not kept._calls.groups
    assert kept._calls._left == CALLS_OCTETS


def test_one_call_keeps_a_bounded_number_of_messages() -> None:
    kept = traces()
    kept.claim("a")
    for _ in range(MOST_MESSAGES + 10):
        kept.tap("<", message("a"), FAR)
    assert len(kept.of("a")) == MOST_MESSAGES


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0" * 5000, message(""), b"Call-ID: a\r\n"])
def test_what_has_no_call_id_is_not_kept(data: bytes) -> None:
    kept = traces()
    kept.tap("<", data, FAR)
    kept.claim("a")
    kept.claim("")
    assert kept.of("a") == kept.of("") == ()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            b'Authorization: Digest username="u", nonce="n", response="0123456789abcdef", uri="sip:x"',
            b'Authorization: Digest username="u", nonce="n", response="hidden", uri="sip:x"',
        ),
        (
            b"Proxy-Authorization: Digest response=0aF3,q=1",
            b"Proxy-Authorization: Digest response=hidden,q=1",
        ),
        (
            b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKC|2^20|1:32",
            b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:hidden|2^20|1:32",
        ),
        (b"a=rtpmap:0 PCMU/8000", b"a=rtpmap:0 PCMU/8000"),
    ],
)
def test_digests_and_media_keys_are_taken_out(line: bytes, shown: bytes) -> None:
    assert without_secrets(b"v=0\r\n" + line + b"\r\n") == b"v=0\r\n" + shown + b"\r\n"
