"""The parser: what peers really send, what RFC 3261 allows, what an attacker would try."""

from __future__ import annotations

import contextlib
import random

import pytest
import sipmessage
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.unit.sip.torture import MESSAGES
from tests.unit.sip.wire import OURS, PEER, SDP, Wire, answer, request

from offhook.sip import UserAgent
from offhook.sip.grammar import (
    GrammarError,
    parse_name_addr,
    parse_params,
    parse_uri,
    parse_via,
    split_list,
    tag_of,
    uri_of,
)
from offhook.sip.message import MAX_MESSAGE, MessageError, Request, Response, parse
from offhook.sip.transport import Transport


def req(text: str) -> Request:
    """Parse a request given with bare line feeds."""
    message = parse(text.replace("\n", "\r\n").encode("utf-8", "surrogateescape"))
    assert isinstance(message, Request)
    return message


def test_a_request_is_taken_apart() -> None:
    message = parse(request(headers="X-Own: a\r\nx-own:  b \r\n"))
    assert isinstance(message, Request)
    assert (message.method, message.uri) == ("INVITE", "sip:offhook@192.0.2.1:5060")
    assert message.call_id == "call-1"
    assert message.cseq == (1, "INVITE")
    assert message.from_tag == "alice"
    assert message.to_tag == ""
    assert message.lines("x-own") == ["a", "b"]
    assert message.body == SDP
    assert message.check() is None


def test_a_response_is_taken_apart() -> None:
    message = parse(b"SIP/2.0 180 Ringing all over\r\nCSeq: 1 INVITE\r\n\r\n")
    assert isinstance(message, Response)
    assert (message.status, message.reason) == (180, "Ringing all over")
    assert parse(b"sip/2.0 200\r\nCSeq: 1 INVITE\r\n\r\n").cseq == (1, "INVITE")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"hello",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"INVITE sip:a@b\r\n\r\n",
        b"SIP/2.0\r\n\r\n",
        b"SIP/2.0 20 OK\r\n\r\n",
        b"SIP/2.0 2000 OK\r\n\r\n",
        b"SIP/2.0 700 OK\r\n\r\n",
        "SIP/2.0 ²00 OK\r\n\r\n".encode(),
        b"SIP/3.0 200 OK\r\n\r\n",
        b"IN<ITE sip:a@b SIP/2.0\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 600 + b"\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nX: " + b"y" * MAX_MESSAGE + b"\r\n\r\n",
    ],
)
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse(data)


@pytest.mark.parametrize(("routes", "problem"), [(300, None), (400, "Header fields too long")])
def test_headers_that_are_parsed_may_not_be_endless_together(
    routes: int, problem: str | None
) -> None:
    route = "Record-Route: <sip:proxy.example.net;lr;x=" + "y" * 14 + ">\r\n"
    message = parse(request(headers=route * routes))
    assert isinstance(message, Request)
    assert message.check() == problem


def test_compact_names_any_case_and_folds() -> None:
    message = req(
        "OPTIONS sip:a@b SIP/2.0\nv: SIP/2.0/UDP h\n ;branch=z9hG4bKx\nf : <sip:a@b>\n\t;tag=1\n"
        "T: <sip:c@d>\nI: x\ncSEQ: 1\n OPTIONS\nL: 0\nk: a,\n b\n\n"
    )
    assert message.via.branch == "z9hG4bKx"
    assert message.from_tag == "1"
    assert message.get("to") == "<sip:c@d>"
    assert message.call_id == "x"
    assert message.cseq == (1, "OPTIONS")
    assert message.values("supported") == ["a", "b"]
    assert message.check() is None


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bare_line_feeds_and_leading_empty_lines_are_taken(end: str) -> None:
    text = f"{end}OPTIONS sip:a@b SIP/2.0{end}Call-ID: x{end}{end}body"
    message = parse(text.encode())
    assert message.call_id == "x"
    assert message.body == b"body"


def test_octets_that_are_not_utf_8_survive() -> None:
    raw = b"OPTIONS sip:a@b SIP/2.0\r\nSubject: caf\xe9 \xff\r\nCall-ID: x\r\n\r\n\xfe\xff"
    message = parse(raw)
    assert (message.get("subject") or "").encode("utf-8", "surrogateescape") == b"caf\xe9 \xff"
    assert message.body == b"\xfe\xff"
    wire = Wire()
    wire.receive(request("OPTIONS").replace(b"<sip:alice", b'"\xe9\xff" <sip:alice'))
    assert b'From: "\xe9\xff" <sip:alice@example.org>' in wire.last("200 OPTIONS").data


@pytest.mark.parametrize(
    ("declared", "body", "problem"),
    [
        ("3", b"abc", None),
        ("2", b"ab", None),
        ("4", b"abc", "Body shorter than its Content-Length"),
        ("-1", b"abc", "Bad Content-Length"),
        ("1e1", b"abc", "Bad Content-Length"),
        ("", b"abc", "Bad Content-Length"),
        ("0003", b"abc", None),
    ],
)
def test_content_length(declared: str, body: bytes, problem: str | None) -> None:
    message = parse(f"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: {declared}\r\n\r\nabc".encode())
    assert message.body == body
    assert message.problem == problem


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Call-ID: call-1\r\n", ""),
        ("CSeq: 1 INVITE\r\n", ""),
        ("CSeq: 1 INVITE", "CSeq: 2147483648 INVITE"),
        ("CSeq: 1 INVITE", "CSeq: -1 INVITE"),
        ("CSeq: 1 INVITE", "CSeq: 1 invite"),
        ("To: <sip:offhook@192.0.2.1>", "To: <>"),
        ("To: <sip:offhook@192.0.2.1>", "To: offhook"),
        ("To: <sip:offhook@192.0.2.1>", "Too: <sip:offhook@192.0.2.1>"),
        ("From: <sip:alice@example.org>", "From: <sip:alice@example.org"),
        ("From: <sip:alice@example.org>", "From: <sip:>alice@example.org>"),
        ("From: <sip:alice@example.org>", "From: <>sip:alice@example.org>"),
        ("From: <sip:alice@example.org>", "From: Ann <:alice@example.org>"),
        ("Max-Forwards: 70", "Max-Forwards: 256"),
        ("Max-Forwards: 70", "Max-Forwards: 70\r\nMax-Forwards: 70"),
        ("Max-Forwards: 70", "Max-Forwards 70"),
        ("Max-Forwards: 70", ": 70"),
        ("Max-Forwards: 70", "Subject: a\rX-Smuggled: b"),
        ("sip:offhook@192.0.2.1:5060 SIP", "sip:%4 SIP"),
        ("sip:offhook@192.0.2.1:5060 SIP", "4711 SIP"),
        (" SIP/2.0\r\nVia", " SIP/1.0\r\nVia"),
    ],
)
def test_what_makes_a_request_a_400(old: str, new: str) -> None:
    data = request().decode()
    assert old in data
    message = parse(data.replace(old, new, 1).encode())
    assert isinstance(message, Request)
    assert message.check()


# --- header values


@pytest.mark.parametrize(
    ("value", "display", "uri", "tag"),
    [
        ("<sip:a@b>;tag=1", "", "sip:a@b", "1"),
        ("<sip:a@b;tag=no>", "", "sip:a@b;tag=no", ""),
        ("sip:a@b;tag=1;x", "", "sip:a@b", "1"),
        ("<sip:a@b> ; TAG = 1 ;x=y", "", "sip:a@b", "1"),
        ('"x;tag=2 <y>" <sip:a@b>;tag=1', "x;tag=2 <y>", "sip:a@b", "1"),
        (r'"a\"b\\" <sip:a@b>;tag=1', 'a"b\\', "sip:a@b", "1"),
        ("Ann Lee <sip:a@b>;a=b;tag=1", "Ann Lee", "sip:a@b", "1"),
        ("Ann<sip:a@b>", "Ann", "sip:a@b", ""),
        ('<sip:a@b>;x="y;tag=2";tag=1', "", "sip:a@b", "1"),
        ("<sip:a@b>;nottag=2", "", "sip:a@b", ""),
        ("< sip:a@b >;tag=1", "", "sip:a@b", "1"),
    ],
)
def test_name_addr(value: str, display: str, uri: str, tag: str) -> None:
    parsed = parse_name_addr(value)
    assert (parsed.display, parsed.uri) == (display, uri)
    assert tag_of(value) == tag
    assert parsed.params.get("tag", "") == tag


@pytest.mark.parametrize(
    "value", ['"a <sip:a@b>', '"a" sip:a@b', "<sip:a@b", "<>", "a, b <sip:a@b>", "<sip:a@b> x", ""]
)
def test_what_is_no_name_addr(value: str) -> None:
    with pytest.raises(GrammarError):
        parse_name_addr(value)


@pytest.mark.parametrize(
    ("uri", "user", "host", "port", "params"),
    [
        ("sip:a@b", "a", "b", None, {}),
        ("SIP:+6512@B.Example:5061;transport=UDP;LR", "+6512", "b.example", 5061,
         {"transport": "UDP", "lr": None}),
        ("sips:a;x=y?z@b:1", "a;x=y?z", "b", 1, {}),
        ("sip:a:secret@b", "a", "b", None, {}),
        ("sip:[2001:DB8::1]:5060", "", "2001:db8::1", 5060, {}),
        ("sip:b;maddr=192.0.2.1?X=y", "", "b", None, {"maddr": "192.0.2.1"}),
        ("tel:+65-1234;phone-context=x", "+65-1234", "", None, {}),
    ],
)  # fmt: skip
def test_uri(
    uri: str, user: str, host: str, port: int | None, params: dict[str, str | None]
) -> None:
    parsed = parse_uri(uri)
    assert (parsed.user, parsed.host, parsed.port, parsed.params) == (user, host, port, params)


@pytest.mark.parametrize(
    "uri",
    ["", "a@b", ":a@b", "1sip:a", "sip:", "sip:a@", "sip:a@b:", "sip:a@b:65536", "sip:a@b:x",
     "sip:[::1", "sip:[::g]", "sip:[::1]x", "sip:a@b c"],
)  # fmt: skip
def test_what_is_no_uri(uri: str) -> None:
    with pytest.raises(GrammarError):
        parse_uri(uri)


def test_via_in_all_its_forms() -> None:
    via = parse_via("SIP / 2.0 / udp \t Host.Example : 5061 ; branch = z9hG4bKx ; RPORT;ttl=1")
    assert (via.transport, via.host, via.port, via.branch) == (
        "UDP",
        "host.example",
        5061,
        "z9hG4bKx",
    )
    assert via.params == {"branch": "z9hG4bKx", "rport": None, "ttl": "1"}
    assert parse_via("SIP/2.0/TLS [2001:db8::9]:5061;branch=x").host == "2001:db8::9"


@pytest.mark.parametrize(
    "value", ["", "SIP/2.0", "SIP/2.0/UDP", "UDP host", "HTTP/2.0/UDP h", "SIP/2.0/UDP ;branch=x"]
)
def test_what_is_no_via(value: str) -> None:
    with pytest.raises(GrammarError):
        parse_via(value)


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("", []),
        ("a", ["a"]),
        (" a , b,", ["a", "b"]),
        ('"a,b" <sip:x,y@z>, c', ['"a,b" <sip:x,y@z>', "c"]),
        (r'"a\",b", c', [r'"a\",b"', "c"]),
    ],
)
def test_lists(value: str, parts: list[str]) -> None:
    assert split_list(value) == parts


def test_parameters() -> None:
    assert parse_params('A = 1;b;c="x;\\"y";;a=2') == {"a": "1", "b": None, "c": 'x;"y'}


# --- an oracle


NOT_CUT = {"dblreq", "mcl01"}
"""Messages whose body the oracle does not cut to its Content-Length."""


def test_where_another_parser_understands_a_message_we_agree_with_it() -> None:
    agreed = set()
    for message in MESSAGES:
        try:
            theirs = sipmessage.Message.parse(message.data)
            ours = parse(message.data)
        except ValueError:
            continue
        if isinstance(theirs, sipmessage.Request):
            assert isinstance(ours, Request)
            assert (ours.method, ours.uri) == (theirs.method, str(theirs.uri))
        assert ours.body == theirs.body or message.name in NOT_CUT
        agreed.add(message.name)
    assert len(agreed) > 30


name = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._~", min_size=1, max_size=12)
host = st.from_regex(r"[a-z]([a-z0-9]{0,8}[a-z0-9])?(\.[a-z]{2,5}){0,2}", fullmatch=True)
port = st.none() | st.integers(1, 65535)


@given(name, host, port, name, name, st.integers(0, 2**31 - 1))
@examples(200)
def test_we_read_what_another_implementation_writes(
    user: str, where: str, number: int | None, tag: str, branch: str, cseq: int
) -> None:
    uri = sipmessage.URI(scheme="sip", user=user, host=where, port=number)
    theirs = sipmessage.Request("INVITE", uri)
    theirs.via = [
        sipmessage.Via(
            transport="UDP",
            host=where,
            port=number,
            parameters=sipmessage.Parameters(branch=f"z9hG4bK{branch}"),
        )
    ]
    theirs.from_address = sipmessage.Address(
        name='A, "b" <c>', uri=uri, parameters=sipmessage.Parameters(tag=tag)
    )
    theirs.to_address = sipmessage.Address(uri=uri)
    theirs.call_id = branch
    theirs.cseq = sipmessage.CSeq(sequence=cseq, method="INVITE")
    theirs.body = b"v=0\r\n"
    ours = parse(bytes(theirs))
    assert isinstance(ours, Request)
    assert ours.check() is None
    assert (ours.method, ours.uri, ours.cseq) == ("INVITE", str(uri), (cseq, "INVITE"))
    assert ours.via[:4] == ("UDP", where, number, f"z9hG4bK{branch}")
    assert (ours.from_tag, ours.to_tag, ours.body) == (tag, "", b"v=0\r\n")
    assert parse_name_addr(ours.get("from") or "").display == 'A, "b" <c>'


def test_another_implementation_reads_what_we_write() -> None:
    wire = Wire()
    handle = wire.call(headers=(("Privacy", "id"),))
    ours = wire.last("INVITE").request
    theirs = sipmessage.Message.parse(wire.last("INVITE").data)
    assert isinstance(theirs, sipmessage.Request)
    assert theirs.from_address.parameters["tag"] == handle
    assert theirs.via[0].parameters["branch"] == ours.via.branch
    assert theirs.cseq == sipmessage.CSeq(sequence=1, method="INVITE")
    wire.receive(request())
    wire.agent.ring(wire.took()[-1].handle, wire.now)
    answered = sipmessage.Message.parse(wire.last("180 INVITE").data)
    assert isinstance(answered, sipmessage.Response)
    assert answered.code == 180


# --- an attacker


@given(st.binary(max_size=400))
@examples(300)
def test_arbitrary_octets_never_raise(data: bytes) -> None:
    agent = UserAgent(transports=[Transport(OURS)], rng=random.Random(1))
    agent.receive(data, PEER, 0.0)
    agent.receive(b"INVITE sip:a@b SIP/2.0\r\n" + data + b"\r\n\r\n", PEER, 0.0)
    agent.handle_timers(100.0)


SEEDS = [message.data for message in MESSAGES] + [
    request(),
    request("BYE", to_tag="x"),
    request("CANCEL"),
    request("ACK"),
]


@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(0, 12), st.binary(max_size=6)), max_size=8
    ),
)
@examples(400)
def test_damaged_messages_never_raise(data: bytes, damage: list[tuple[int, int, bytes]]) -> None:
    for at, length, insert in damage:
        at %= len(data) + 1
        data = data[:at] + insert + data[at + length :]
    wire = Wire()
    wire.agent.receive(data, PEER, wire.now)
    for event in wire.agent.take_events():
        wire.agent.ring(event.handle, wire.now)
        wire.agent.accept(event.handle, wire.now, SDP)
    wire.agent.receive(data.replace(b"INVITE", b"ACK"), PEER, wire.now)
    wire.advance(70)
    assert wire.empty()


@given(
    st.integers(100, 699),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 12), st.binary(max_size=6)), max_size=6),
)
@examples(300)
def test_damaged_responses_never_raise(status: int, damage: list[tuple[int, int, bytes]]) -> None:
    wire = Wire()
    handle = wire.call()
    routes = "Record-Route: <sip:192.0.2.3;lr>\r\nReason: Q.850;cause=1\r\n"
    data = answer(wire.last("INVITE").request, status, sdp=SDP, headers=routes)
    for at, length, insert in damage:
        at %= len(data) + 1
        data = data[:at] + insert + data[at + length :]
    wire.agent.receive(data, PEER, wire.now)
    wire.agent.take_events()
    wire.agent.take_output()
    wire.agent.bye(handle, wire.now)
    wire.agent.take_output()
    wire.advance(0)
    assert wire.agent.dialogs <= 1


damage_ = st.lists(
    st.tuples(st.integers(0, 900), st.integers(0, 12), st.binary(max_size=6)), max_size=4
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["INVITE", "UPDATE", "INFO", "BYE", "ACK", "CANCEL", "OPTIONS"]),
            st.integers(1, 6),
            st.booleans(),
            damage_,
        ),
        max_size=8,
    )
)
@examples(300)
def test_damage_inside_a_dialog_never_raises_and_leaves_nothing(
    steps: list[tuple[str, int, bool, list[tuple[int, int, bytes]]]],
) -> None:
    wire = Wire()
    wire.receive(request())
    handle = wire.took()[-1].handle
    wire.agent.accept(handle, wire.now, SDP)
    for method, number, offer, damage in steps:
        body = SDP if offer else b""
        data = request(
            method, cseq=number, branch=f"z9hG4bK-{method}{number}", to_tag=handle, body=body
        )
        for at, length, insert in damage:
            at %= len(data) + 1
            data = data[:at] + insert + data[at + length :]
        wire.agent.receive(data, PEER, wire.now)
        for event in wire.agent.take_events():
            wire.agent.accept_reoffer(event.handle, wire.now, SDP)
        wire.agent.reinvite(handle, wire.now, SDP)
        wire.agent.take_output()
    for _ in range(8):  # whoever waits for a peer that has gone is done in time
        for left in list(wire.agent._calls.open):
            wire.agent.bye(left, wire.now)
        wire.advance(33)
    assert wire.empty()


@given(st.text(max_size=60))
def test_header_values_fail_only_as_they_may(text: str) -> None:
    for function in (
        parse_name_addr,
        parse_uri,
        parse_via,
        split_list,
        parse_params,
        tag_of,
        uri_of,
    ):
        with contextlib.suppress(GrammarError):
            function(text)
