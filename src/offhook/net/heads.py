"""Normalises the heads of answers for the strict parser of the HTTP library. Pure.

Customers' servers send heads that every client reads and llhttp refuses: the same length twice, a blank
before a colon, a line without a colon, 9 KiB of Content-Security-Policy. ``spec/webhooks.md`` calls them
answers, so the lines are brought into the form of RFC 9112 here. What HTTP itself makes ambiguous, two
lengths, stays an error (RFC 9112 §6.3): a wrong guess makes response smuggling possible.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from offhook.net.outgoing_errors import UnreadableAnswer

MAX_HEAD: Final = 64 * 1024
"""Octets of header lines (``spec/webhooks.md``)."""
_STATUS_LINE_ROOM: Final = 1024

_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PLAIN = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) [\x20-\x7e]*((?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\x20-\x7e]*)*)\r\n\r\n"
)
"""A head in the form of RFC 9112, as nearly every server sends it: status, fields."""
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,18}) *(?:\r\n|$)")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS = re.compile(rb"(?:HTTP/1\.[0-9]|ICY) +([1-5][0-9]{2})(?![0-9])")
_STARTS = (b"HTTP/", b"ICY ")
_NO_BODY = frozenset({204, 304})
_SWITCHING = 101


class AnswerFilter:
    """Filters the octets of one answer for the parser.

    :meth:`feed` returns what the parser may see. Interim answers (1xx) and octets after the end of the
    body are left out; :attr:`surplus` then says that the connection cannot be used again.
    """

    def __init__(self) -> None:
        self.surplus = False
        self._head: bytearray | None = bytearray()
        """None once the head is complete."""
        self._read = 0
        self._searched = 0
        self._left: int | None = None
        """Octets of the body that may still come; None: the parser knows."""

    def feed(self, data: bytes) -> bytes:
        """The octets of ``data`` for the parser. Raises :class:`UnreadableAnswer`."""
        if self._head is None:
            return self._body(data)
        if not self._head and (plain := _plain_head(data)) is not None:
            self._head, self._left = None, plain.length
            return data[: plain.end] + self._body(data[plain.end :])
        self._head += data
        self._read += len(data)
        while True:
            start = self._start()
            if not _may_be_http(self._head[start : start + 5]):
                return self._all()
            found = _END.search(self._head, max(start, self._searched - 3))
            length = found.end() if found else len(self._head)
            if length - start > MAX_HEAD + _STATUS_LINE_ROOM:
                raise UnreadableAnswer(f"the answer's headers are longer than {MAX_HEAD} octets")
            if found is None:
                self._searched = len(self._head)
                return b""
            status = _STATUS.match(self._head, start)
            if status is None:
                return self._all()
            if 100 <= int(status[1]) < 200 and int(status[1]) != _SWITCHING:
                self._forget_interim(found.end())
                continue
            head = self._clean(bytes(self._head[start : found.start()]), int(status[1]))
            rest = bytes(self._head[found.end() :])
            self._head = None
            return head + self._body(rest)

    def _start(self) -> int:
        """Where the status line begins: blank lines before it are ignored (RFC 9112 §2.2)."""
        assert self._head is not None
        return len(self._head) - len(self._head.lstrip(b"\r\n"))

    def _forget_interim(self, end: int) -> None:
        """Leave out a 1xx answer. It counts towards the size of the head, so there cannot be many."""
        assert self._head is not None
        if self._read - len(self._head) + end > MAX_HEAD:
            raise UnreadableAnswer("the answer is preceded by too many interim answers")
        del self._head[:end]
        self._searched = 0

    def _all(self) -> bytes:
        """Not HTTP: pass all octets to the parser, which reports the error."""
        assert self._head is not None
        everything, self._head = bytes(self._head), None
        return everything

    def _body(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        self.surplus = self.surplus or len(data) > self._left
        data = data[: self._left]
        self._left -= len(data)
        return data

    def _clean(self, head: bytes, status: int) -> bytes:
        """The head in the form of RFC 9112, and the content of its length fields."""
        first, _, rest = _FOLD.sub(b" ", head).partition(b"\n")
        first = first.rstrip(b"\r")
        lines = [b"HTTP/1.0" + first[3:] if first.startswith(b"ICY") else first]
        lengths: set[bytes] = set()
        coded = False
        for line in rest.split(b"\n"):
            name, colon, value = line.partition(b":")
            name = name.strip()
            value = _CONTROLS.sub(b" ", value.rstrip(b"\r")).strip()
            if not colon or not _TOKEN.fullmatch(name):
                continue
            if name.lower() == b"content-length":
                lengths.update(part.strip() for part in value.split(b","))
                continue
            coded = coded or name.lower() == b"transfer-encoding"
            lines.append(name + b": " + value)
        length = _the_length(lengths, coded=coded)
        if status in _NO_BODY:
            length = 0
        elif length is not None:
            lines.append(b"Content-Length: %d" % length)
        self._left = length
        return b"\r\n".join(lines) + b"\r\n\r\n"


class _PlainHead(NamedTuple):
    """A complete head that the parser may see as it came, and the one length it names."""

    end: int
    length: int


def _plain_head(data: bytes) -> _PlainHead | None:
    """The head at the beginning of ``data``; None: it is not plain, or not all of it is there."""
    head = _PLAIN.match(data)
    if head is None or head.end() > MAX_HEAD or int(head[1]) in _NO_BODY:
        return None
    fields = head[2].lower()
    length = _LENGTH.search(fields)
    if length is None or fields.count(b"content-length") > 1 or b"transfer-encoding" in fields:
        return None
    return _PlainHead(head.end(), int(length[1]))


def _may_be_http(start: bytes | bytearray) -> bool:
    return any(start[: len(known)] == known[: len(start)] for known in _STARTS)


def _the_length(lengths: set[bytes], *, coded: bool) -> int | None:
    """The one length of the body. Raises :class:`UnreadableAnswer` (RFC 9112 §6.3)."""
    if not lengths:
        return None
    if coded:
        raise UnreadableAnswer("the answer has both Content-Length and Transfer-Encoding")
    if not all(text.isdigit() and len(text) <= 18 for text in lengths):
        raise UnreadableAnswer("the answer's Content-Length is not a number")
    numbers = {int(text) for text in lengths}
    if len(numbers) > 1:
        raise UnreadableAnswer("the answer has two different Content-Lengths")
    return numbers.pop()
