"""Messages out of a stream of octets: whole, in pieces, many at once, or none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.message import MAX_MESSAGE, parse
from offhook.sip.stream import MAX_FIRST_LINE, MAX_HEAD, PING, PONG, SipFraming, StreamError


def message(body: bytes = b"", head: str = "", length: str | None = None) -> bytes:
    declared = f"Content-Length: {len(body)}\r\n" if length is None else length
    return (
        f"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\n{head}{declared}\r\n"
    ).encode() + body


def taken(framing: SipFraming) -> list[bytes]:
    """All messages that are complete."""
    return list(iter(framing.next, None))


def fed(*chunks: bytes) -> list[bytes]:
    framing, messages = SipFraming(), []
    for chunk in chunks:
        framing.feed(chunk)
        messages += taken(framing)
    return messages


def test_a_message_ends_where_its_content_length_says() -> None:
    one, two = message(b"v=0\r\n\r\nx"), message(b"")
    assert fed(one + two) == [one, two]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_the_pieces_in_which_a_stream_comes_change_nothing(
    bodies: list[bytes], data: st.DataObject
) -> None:
    messages = [message(body) for body in bodies]
    stream = b"\r\n".join(messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert fed(*pieces) == messages


def test_the_parser_sees_the_body_that_the_framing_cut_out() -> None:
    (found,) = fed(message(b"v=0\r\n"))
    assert parse(found).body == b"v=0\r\n"


@pytest.mark.parametrize(
    "name", ["Content-Length", "content-length", "l", "L", "Content-Length \t"]
)
def test_the_length_is_found_under_each_of_its_names(name: str) -> None:
    whole = message(b"hi", length=f"{name}:  2 \r\n")
    assert fed(whole) == [whole]


@pytest.mark.parametrize(
    ("length", "words"),
    [
        ("", "no Content-Length"),
        ("Content-Length: 2\r\nl: 2\r\n", "several Content-Length"),
        ("Content-Length: 2\r\nContent-Length: 3\r\n", "several Content-Length"),
        ("Content-Length: +2\r\n", "bad Content-Length"),
        ("Content-Length: 0x2\r\n", "bad Content-Length"),
        ("Content-Length:\r\n", "bad Content-Length"),
        ("Content-Length: 2\r\n 3\r\n", "bad Content-Length"),
        ("Content-Length:\r\n 2\r\n", "bad Content-Length"),
        ("Content-Length: 2, 2\r\n", "bad Content-Length"),
        ("Content-Length: 999999999\r\n", "bad Content-Length"),
        (f"Content-Length: {MAX_MESSAGE}\r\n", "a message that is too long"),
        ("X: a\nContent-Length: 9\r\nContent-Length: 2\r\n", "not CRLF"),
        ("X: a\rContent-Length: 9\r\nContent-Length: 2\r\n", "not CRLF"),
    ],
)
def test_a_length_that_could_be_read_in_two_ways_ends_the_stream(length: str, words: str) -> None:
    with pytest.raises(StreamError, match=words):
        fed(message(b"hi", length=length))


def test_what_came_before_the_error_is_still_a_message() -> None:
    framing = SipFraming()
    framing.feed(message() + message(length=""))
    assert framing.next() == message()
    with pytest.raises(StreamError):
        framing.next()


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 20,
        b" OPTIONS sip:a SIP/2.0\r\n",
        b"A" * MAX_FIRST_LINE,
        b"EHLO x\r\n",
    ],
)
def test_another_protocol_is_not_waited_for(octets: bytes) -> None:
    with pytest.raises(StreamError, match="not SIP"):
        fed(octets)


def test_a_head_has_a_longest_length() -> None:
    line = "X: " + "a" * 997 + "\r\n"
    with pytest.raises(StreamError, match="too long"):
        fed(message(head=line * (MAX_HEAD // 1002 + 1)))
    with pytest.raises(StreamError, match="without an end"):
        fed(message(head=line * (MAX_HEAD // 1002 + 1))[: MAX_HEAD + 1])


def test_a_ping_is_answered_and_a_pong_is_counted() -> None:
    framing = SipFraming()
    framing.feed(PING)
    assert (framing.next(), framing.take_replies(), framing.take_replies()) == (None, PONG, b"")
    framing.feed(b"\r")
    framing.next()
    framing.feed(b"\n")
    assert (framing.next(), framing.take_replies()) == (None, b"")
    assert framing.pongs == 2
    framing.feed(b"\r\n")
    assert (framing.next(), framing.take_replies()) == (None, PONG)


def test_an_empty_line_before_a_message_is_skipped() -> None:
    assert fed(b"\r\n" + message(b"x")) == [message(b"x")]


def test_many_pings_get_one_answer_a_time() -> None:
    framing = SipFraming()
    framing.feed(PING * 1000)
    framing.next()
    assert framing.take_replies() == PONG


def test_a_message_in_single_octets_costs_no_second_search() -> None:
    """Searching the whole head again for each octet would cost the square of its length."""
    framing = SipFraming()
    whole = message(head="X: " + "a" * 900 + "\r\n")
    for octet in whole[:-1]:
        framing.feed(bytes([octet]))
        assert framing.next() is None
    assert framing.partial
    assert framing._scanned == len(whole) - 1
    framing.feed(whole[-1:])
    assert framing.next() == whole
    assert not framing.partial


@given(st.binary(max_size=300))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    framing = SipFraming()
    framing.feed(octets)
    with contextlib.suppress(StreamError):
        taken(framing)
    assert len(framing.take_replies()) <= 2
