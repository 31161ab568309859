"""SIP messages out of a stream of octets (RFC 3261 §18.3), and its keep-alives (RFC 5626 §3.5.1). Pure.

On a stream a message ends where its Content-Length says. So this takes a head apart exactly as
:mod:`offhook.sip.message` does, or not at all: a head with two lengths, a folded one, or a line end that is
not CRLF could mean one message here and two there. Whoever sends such a head loses the connection:
there is no way to find the next message.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Final, final

from offhook.sip.message import MAX_MESSAGE

MAX_HEAD: Final = 32_768
"""Octets of one head, its empty line included."""
MAX_FIRST_LINE: Final = 4_096
"""Octets within which the first line ends."""
PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\n(?:content-length|l)[ \t]*:([^\r]*)(?=\r\n(.?))", re.IGNORECASE)
_DIGITS: Final = re.compile(rb"[ \t]*([0-9]{1,8})[ \t]*")
_STARTS: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~"
)
"""Octets of a token (RFC 3261 §25.1): how a request and a response begin."""


class StreamError(ValueError):
    """The octets cannot be divided into messages; the connection must be closed."""


class StreamFraming(ABC):
    """Divides what comes on one connection into messages."""

    @abstractmethod
    def feed(self, data: bytes) -> None:
        """Octets came."""

    @abstractmethod
    def next(self) -> bytes | None:
        """The next whole message; None: it is not complete. Raises :class:`StreamError`."""

    @abstractmethod
    def take_replies(self) -> bytes:
        """What the framing itself answers, to be sent now; often empty."""

    @abstractmethod
    def wrap(self, message: bytes) -> bytes:
        """A message as it is sent."""

    @abstractmethod
    def ping(self) -> bytes:
        """A keep-alive that the peer answers."""

    @property
    @abstractmethod
    def partial(self) -> bool:
        """Whether a message has begun and is not complete."""

    @property
    @abstractmethod
    def pongs(self) -> int:
        """How many of our keep-alives were answered."""


@final
class SipFraming(StreamFraming):
    """SIP over TCP and TLS."""

    __slots__ = ("_buffer", "_half", "_need", "_pongs", "_replies", "_scanned")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        """Octets of the buffer that are known to hold no end of the head."""
        self._need = 0
        """Octets of the message whose head is complete; 0: it is not."""
        self._half = False
        """Whether the octets before the buffer were one CRLF."""
        self._replies = b""
        self._pongs = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> bytes | None:
        buffer = self._buffer
        if not self._need:
            self._skip_empty_lines()
            self._find_end()
        need = self._need
        if not need or len(buffer) < need:
            return None
        message = bytes(buffer[:need])
        del buffer[:need]
        self._need = self._scanned = 0
        return message

    def take_replies(self) -> bytes:
        replies, self._replies = self._replies, b""
        return replies

    def wrap(self, message: bytes) -> bytes:
        return message

    def ping(self) -> bytes:
        return PING

    @property
    def partial(self) -> bool:
        return bool(self._buffer)

    @property
    def pongs(self) -> int:
        return self._pongs

    def _skip_empty_lines(self) -> None:
        """Two CRLF are a ping, which is answered once however many have come; one CRLF is a pong."""
        buffer, at = self._buffer, 0
        while buffer.startswith(b"\r\n", at):
            at += 2
            if self._half:
                self._half, self._replies = False, PONG
            else:
                self._half = True
                self._pongs += 1
        if at:
            del buffer[:at]
            self._scanned = 0
        if buffer and buffer != b"\r":
            self._half = False
            if buffer[0] not in _STARTS:
                raise StreamError("not SIP")

    def _find_end(self) -> None:
        buffer = self._buffer
        end = buffer.find(_END, max(0, self._scanned - 3))
        # Also of a whole head: what is taken must not depend on the pieces in which it comes.
        self._check_first_line()
        if end < 0:
            self._scanned = len(buffer)
            if len(buffer) > MAX_HEAD:
                raise StreamError("a head without an end")
            return
        if end + 4 > MAX_HEAD:
            raise StreamError("a head that is too long")
        self._need = end + 4 + length_of(bytes(buffer[: end + 2]))
        if self._need > MAX_MESSAGE:
            raise StreamError("a message that is too long")

    def _check_first_line(self) -> None:
        """A peer that speaks another protocol is not waited for."""
        buffer = self._buffer
        end = buffer.find(b"\r\n", 0, MAX_FIRST_LINE)
        if end < 0 and len(buffer) < MAX_FIRST_LINE:
            return
        if end < 0 or b"SIP/" not in buffer[:end].upper():
            raise StreamError("not SIP")


def length_of(head: bytes) -> int:
    """The Content-Length of a head that ends with the CRLF of its last line.

    Raises :class:`StreamError` where it is missing or could be read in two ways.
    """
    if head.count(b"\n") != head.count(b"\r\n") or head.count(b"\r") != head.count(b"\r\n"):
        raise StreamError("a line end that is not CRLF")
    found = _LENGTH.findall(head)
    if len(found) != 1:
        raise StreamError("no Content-Length" if not found else "several Content-Length")
    value, following = found[0]
    digits = _DIGITS.fullmatch(value)
    if digits is None or following in (b" ", b"\t"):
        raise StreamError("a bad Content-Length")
    return int(digits[1])
