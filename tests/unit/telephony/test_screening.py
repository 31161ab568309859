"""Who calls whom: from the headers of an INVITE; and which addresses are a trunk's."""

from __future__ import annotations

import logging
from ipaddress import ip_network
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client import CollectorRegistry
from tests.unit.sip.wire import OURS, Wire, request

from offhook import config
from offhook.sip import Address, Admitted, Ignored, IncomingInvite, ScreenedOut
from offhook.sip.agent_events import Credentials
from offhook.sip.auth import ClientAuth
from offhook.sip.message import Request, Response, parse
from offhook.telephony import screening
from offhook.telephony.bans import BAN_TIME
from offhook.telephony.inbound_refusals import InboundRefusals
from offhook.telephony.line import Line
from offhook.telephony.screening import InboundScreening, caller_of, user_of
from offhook.telephony.sip_users import sip_user_of
from offhook.telephony.trunks import Trunk, in_networks, trunk_of


@pytest.mark.parametrize(
    ("value", "user"),
    [
        ("sip:+6512341234@192.0.2.1", "+6512341234"),
        ("<sip:+6512341234@x;user=phone>;tag=1", "+6512341234"),
        ('"Doe, John" <sip:+6512341234@x>', "+6512341234"),
        ("sip:%2B65%36@x", "+656"),
        ("sip:6512%3612%34;phone-context=x@y", "65126124"),
        ("sip:%zz@x", "%zz"),
        ("sip:%ff@x", "\ufffd"),
        ("sip:%00%0a@x", ""),
        ("tel:+65-1234.1234;phone-context=x", "+6512341234"),
        ("<tel:+1(201)555-0123>", "+12015550123"),
        ("sip:x", ""),
        ("nonsense", ""),
        ('"never closed <sip:a@b>', ""),
    ],
)
def test_the_user_of_a_uri_or_header(value: str, user: str) -> None:
    assert user_of(value) == user


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        (b"", "alice"),
        (b"P-Asserted-Identity: <sip:+6512341234@x>\r\n", "+6512341234"),
        (b'P-Asserted-Identity: "Doe, John" <sip:+6512341234@x>\r\n', "+6512341234"),
        (
            b'P-Asserted-Identity: "Doe, John" <sip:john@x>, <tel:+6512341234>\r\n',
            "+6512341234",
        ),
        (
            b"P-Asserted-Identity: <sip:john@x>\r\nP-Asserted-Identity: <tel:+6512341234>\r\n",
            "+6512341234",
        ),
        (
            b"P-Asserted-Identity: <sip:+6512341234@x>, <tel:+6599999999>\r\n",
            "+6512341234",
        ),
        (b"P-Asserted-Identity: <sip:john@x>\r\n", "john"),
        (b"P-Asserted-Identity: <tel:+6512341234>\r\nPrivacy: id\r\n", "anonymous"),
        (b"P-Asserted-Identity: <tel:+6512341234>\r\nPrivacy: header;user\r\n", "anonymous"),
        (b"P-Asserted-Identity: <tel:+6512341234>\r\nPrivacy: none\r\n", "+6512341234"),
        (b'P-Asserted-Identity: "J\xf6rg" <sip:+6512341234@x>\r\n', "+6512341234"),
        (b"P-Asserted-Identity: <sip:\xff\xfe@x>\r\n", "\ufffd\ufffd"),
        (b'P-Asserted-Identity: "never closed <sip:+6512341234@x>\r\n', "alice"),
    ],
)
def test_the_caller_is_the_first_telephone_number_that_is_asserted(
    headers: bytes, caller: str
) -> None:
    wire = Wire()
    wire.receive(request().replace(b"Max-Forwards", headers + b"Max-Forwards"))
    (event,) = wire.took()
    assert isinstance(event, IncomingInvite)
    assert caller_of(event) == caller
    caller_of(event).encode()  # fit for JSON and for the database
    "".join(event.asserted).encode()


@pytest.mark.parametrize(
    ("host", "networks", "inside"),
    [
        ("198.51.100.7", ["198.51.100.0/28"], True),
        ("198.51.100.16", ["198.51.100.0/28"], False),
        ("198.51.100.7", ["198.51.100.7"], True),
        ("198.51.100.7", ["192.0.2.1", "198.51.100.0/24"], True),
        ("::ffff:198.51.100.7", ["198.51.100.0/28"], True),
        ("2001:db8::7", ["2001:db8::/32"], True),
        ("2001:db8::7", ["198.51.100.0/28"], False),
        ("fe80::1%eth0", ["fe80::/10"], True),
        ("198.51.100.7", [], False),
        ("not an address", ["0.0.0.0/0"], False),
    ],
)
def test_an_address_in_networks(host: str, networks: list[str], inside: bool) -> None:
    parsed = [ip_network(text, strict=False) for text in networks]
    assert in_networks(host, parsed) is inside


# --- bans

CARRIER = "198.51.100.7"
BY_NAME = "203.0.113.8"
UNKNOWN = "203.0.113.66"
TEN = 10
"""Refused calls that bring a ban."""


class Clock:
    """A monotonic clock in the test's hands."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def invite() -> Request:
    message = parse(request())
    assert isinstance(message, Request)
    return message


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(screening, "time", clock)
    return clock


def screen(refusals: InboundRefusals | None = None) -> InboundScreening:
    """A carrier known by its network, and one known by name that is sent to only."""
    trunks = {
        "carrier": Trunk(
            name="carrier",
            transport="udp",
            host="192.0.2.9",
            port=5060,
            inbound_from=(ip_network("198.51.100.0/28"),),
        ),
        "named": Trunk(name="named", transport="udp", host="sip.example.net", port=5060),
    }
    endpoint = SimpleNamespace(
        is_address_of=lambda host, address: (host, address) == ("sip.example.net", BY_NAME)
    )
    line = cast(Line, SimpleNamespace(trunks=trunks, users={}, endpoint=endpoint))
    return InboundScreening(
        line, lambda received: None, knows=lambda called: True, refusals=refusals
    )


def source(host: str) -> Address:
    return Address("udp", host, 5060)


def test_a_network_of_a_trunk_is_let_in(clock: Clock) -> None:
    assert screen().judge(invite(), source(CARRIER)) == Admitted("carrier")


def test_an_unknown_address_is_banned_after_ten_refusals_for_ten_minutes(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    registry = CollectorRegistry()
    judge = screen(InboundRefusals(registry))
    caplog.set_level(logging.INFO)
    for _ in range(TEN):
        assert not judge.ignores(invite(), source(UNKNOWN))
        assert judge.judge(invite(), source(UNKNOWN)) == ScreenedOut(403)
    assert judge.ignores(invite(), source(UNKNOWN))
    assert isinstance(judge.judge(invite(), source(UNKNOWN)), Ignored)
    assert (
        registry.get_sample_value("offhook_addresses_banned_total", {"reason": "unknown_address"})
        == 1
    )
    refused = "offhook_inbound_calls_refused_total"
    assert registry.get_sample_value(refused, {"reason": "unknown_address"}) == TEN
    assert registry.get_sample_value(refused, {"reason": "banned"}) == 1
    bans = [one.message for one in caplog.records if one.levelno == logging.WARNING]
    assert bans == [f"address {UNKNOWN}: banned for 600 s: unknown address"]
    lines = [(one.levelname, one.message) for one in caplog.records if one.message not in bans]
    assert lines == [
        ("INFO", f"address {UNKNOWN}: a call is refused: it is no trunk's address: 403"),
        ("INFO", f"address {UNKNOWN}: a call is refused: banned: no answer"),
    ], "a line for each reason, not for each refusal"
    clock.now += BAN_TIME
    assert not judge.ignores(invite(), source(UNKNOWN))


@pytest.mark.parametrize("host", ["192.0.2.9", BY_NAME])
def test_an_address_of_a_trunk_is_refused_but_never_banned(host: str, clock: Clock) -> None:
    judge = screen()
    for _ in range(3 * TEN):
        assert judge.judge(invite(), source(host)) == ScreenedOut(403)
    assert not judge.ignores(invite(), source(host))
    assert not judge.bans(host)


def test_ours_is_no_trunk() -> None:
    assert not Trunk(name="t", transport="udp", host="192.0.2.9", port=5060).owns(OURS.host)


SECRET = "alice-secret"


def with_users(refusals: InboundRefusals | None = None) -> InboundScreening:
    """A trunk that we registered with, and a user; no address is known."""
    trunk = config.TrunkSection(
        name="carrier",
        address="udp:192.0.2.9:5060",
        username="line1",
        password="secret",
        register=True,
        registrars=("udp:192.0.2.10:5060",),
    )
    user = config.SipUserSection(username="alice", password=SECRET, number="+12025550123")
    endpoint = SimpleNamespace(is_address_of=lambda host, address: host == address)
    line = SimpleNamespace(
        trunks={"carrier": trunk_of(trunk)}, users={"alice": sip_user_of(user)}, endpoint=endpoint
    )
    return InboundScreening(
        cast(Line, line),
        lambda received: None,
        knows=lambda called: called == "+6568332048",
        refusals=refusals,
    )


def to(uri: str, **headers: str) -> Request:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    message = parse(request(uri=uri, headers=lines))
    assert isinstance(message, Request)
    return message


def test_a_call_to_our_registered_contact_is_the_trunks_from_any_address(clock: Clock) -> None:
    contact = trunk_of(
        config.TrunkSection(
            name="carrier", address="udp:x:5060", username="line1", password="secret", register=True
        )
    ).contact_user
    judge = with_users()
    assert judge.judge(to(f"sip:{contact}@192.0.2.1"), source(UNKNOWN)) == Admitted("carrier")
    assert judge.judge(to("sip:+6568332048@192.0.2.1"), source("192.0.2.10")) == Admitted("carrier")
    other = judge.judge(to("sip:0123456789abcdef0123@192.0.2.1"), source(UNKNOWN))
    assert isinstance(other, ScreenedOut)
    assert other.status == 401


@pytest.mark.parametrize(
    ("uri", "times"), [("sip:+6568332048@192.0.2.1", 48), ("sip:900442079460018@192.0.2.1", 5)]
)
def test_calls_without_credentials_bring_a_ban_sooner_to_foreign_numbers(
    clock: Clock, uri: str, times: int
) -> None:
    judge = with_users()
    for _ in range(times):
        judged = judge.judge(to(uri), source(UNKNOWN))
        assert isinstance(judged, ScreenedOut)
        assert judged.status == 401
    assert judge.judge(to(uri), source(UNKNOWN)) == Ignored()


def test_a_scanner_gets_no_answer_at_once_and_a_trunk_is_no_scanner(clock: Clock) -> None:
    registry = CollectorRegistry()
    judge = with_users(InboundRefusals(registry))
    asked = to("sip:100@192.0.2.1", User_Agent="friendly-scanner")
    assert not judge.ignores(asked, source("192.0.2.9"))
    assert not judge.ignores(asked, source("192.0.2.10"))
    assert judge.ignores(asked, source(UNKNOWN))
    assert judge.ignores(to("sip:100@192.0.2.1"), source(UNKNOWN))
    bans = registry.get_sample_value("offhook_addresses_banned_total", {"reason": "scanner"})
    assert bans == 1


def test_a_burst_of_registers_without_credentials_is_banned(clock: Clock) -> None:
    judge = with_users()
    assert judge.takes_registers
    for _ in range(48):
        judged = judge.judge_register(to("sip:192.0.2.1"), source(UNKNOWN))
        assert isinstance(judged, ScreenedOut)
    assert judge.judge_register(to("sip:192.0.2.1"), source(UNKNOWN)) == Ignored()


def test_the_password_of_a_trunk_registers_no_phone(clock: Clock) -> None:
    assert proven(with_users(), "line1", "secret") == ScreenedOut(403)
    assert proven(with_users(), "alice", SECRET) == Admitted("alice")


def proven(judge: InboundScreening, username: str, password: str) -> object:
    """What is judged of a REGISTER that answers the challenge it got."""
    uri = "sip:192.0.2.1"
    challenged = judge.judge_register(to(uri), source(UNKNOWN))
    assert isinstance(challenged, ScreenedOut)
    lines = "".join(f"{name}: {value}\r\n" for name, value in challenged.headers)
    response = parse(
        (
            f"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
            f"To: <sip:a@x>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n{lines}\r\n"
        ).encode()
    )
    assert isinstance(response, Response)
    client = ClientAuth(Credentials(username, password), lambda: "cnonce")
    assert client.absorb(response)
    proof = client.lines("REGISTER", uri, b"").removeprefix("Authorization: ").strip()
    data = request("REGISTER", uri=uri, headers=f"Authorization: {proof}\r\n")
    message = parse(data)
    assert isinstance(message, Request)
    return judge.judge_register(message, source(UNKNOWN))


def test_messages_that_are_no_sip_are_counted_without_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = CollectorRegistry()
    wire = Wire()
    wire.agent.screen(with_users(InboundRefusals(registry)))
    caplog.set_level(logging.DEBUG)
    for data in (b"\x00" * 40, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"INVITE nonsense\r\n\r\n"):
        wire.receive(data)
    assert wire.words() == []
    assert registry.get_sample_value("offhook_sip_messages_malformed_total") == 3
    assert caplog.records == []
