"""WebSocket messages out of frames: in fragments, in pieces, and with limits."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from offhook.sip.message import MAX_MESSAGE
from offhook.sip.stream import StreamError
from offhook.telephony.transports.websocket import WebSocketFraming


class Browser:
    """A client whose handshake is done."""

    def __init__(self) -> None:
        self.protocol = ClientProtocol(
            parse_uri("ws://127.0.0.1/"), subprotocols=[Subprotocol("sip")], max_size=None
        )
        self.framing = WebSocketFraming()
        assert self.framing.partial
        self.protocol.send_request(self.protocol.connect())
        self.give()
        self.protocol.receive_data(self.framing.take_replies())
        assert not self.framing.partial

    def give(self) -> None:
        """Hand over what the client has to say."""
        self.framing.feed(b"".join(self.protocol.data_to_send()))


def test_fragments_are_one_message() -> None:
    browser = Browser()
    browser.protocol.send_text(b"OPTIONS ", fin=False)
    browser.give()
    assert browser.framing.next() is None
    assert browser.framing.partial
    browser.protocol.send_continuation(b"sip:a", fin=True)
    browser.protocol.send_text(b"next")
    browser.give()
    assert [browser.framing.next() for _ in range(3)] == [b"OPTIONS sip:a", b"next", None]
    assert not browser.framing.partial


def test_a_message_comes_in_single_octets() -> None:
    browser = Browser()
    browser.protocol.send_binary(b"OPTIONS")
    for octet in b"".join(browser.protocol.data_to_send()):
        browser.framing.feed(bytes([octet]))
    assert browser.framing.next() == b"OPTIONS"


def test_fragments_have_a_longest_length_together() -> None:
    browser = Browser()
    browser.protocol.send_text(b"a" * MAX_MESSAGE, fin=False)
    browser.protocol.send_continuation(b"a", fin=True)
    browser.give()
    with pytest.raises(StreamError):
        browser.framing.next()


def test_a_pong_is_counted_and_a_ping_answered() -> None:
    browser = Browser()
    browser.protocol.receive_data(browser.framing.ping())
    browser.give()
    assert browser.framing.pongs == 1
    browser.protocol.send_ping(b"x")
    browser.give()
    assert browser.framing.take_replies() == b"\x8a\x01x"


def test_octets_that_are_not_utf8_go_as_binary() -> None:
    framing = Browser().framing
    assert framing.wrap(b"text")[0] & 0x0F == 1
    assert framing.wrap(b"\xff")[0] & 0x0F == 2


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.0\r\n\r\n", b"INVITE x SIP/2.0\r\n\r\n"])
def test_what_is_no_handshake_ends_the_connection(octets: bytes) -> None:
    framing = WebSocketFraming()
    framing.feed(octets)
    with pytest.raises(StreamError):
        framing.next()


def test_nothing_is_written_before_the_handshake() -> None:
    framing = WebSocketFraming()
    assert (framing.wrap(b"x"), framing.ping()) == (b"", b"")


@given(st.binary(max_size=200))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    for framing in (WebSocketFraming(), Browser().framing):
        framing.feed(octets)
        with contextlib.suppress(StreamError):
            while framing.next() is not None:
                pass
        framing.take_replies()
