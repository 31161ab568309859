"""SIP messages from bytes (RFC 3261 §7), lazily: one pass over the header lines, values parsed on use.

A parser of hostile input: it is bounded in octets and lines, keeps octets that are not UTF-8
(``surrogateescape``), unfolds lines, knows compact names, and takes bare LF for CRLF. A datagram that it
cannot frame raises :class:`MessageError`. A message that it can frame but must not obey has a
``problem``, so that a request gets 400.
"""

from __future__ import annotations

from offhook.sip.agent_events import Address
from offhook.sip.grammar import (
    GrammarError,
    Via,
    check_address,
    check_uri_text,
    decoded,
    is_token,
    parse_cseq,
    parse_name_addr,
    parse_number,
    parse_uri,
    parse_via,
    split_list,
    split_outside_quotes,
    tag_of,
    uri_of,
    uri_scheme,
)
from offhook.sip.head_lines import split_leniently, unfold
from offhook.sip.headers import COMPACT, NAMES, PARSED, SINGLE
from offhook.sip.multipart import sdp_of_multipart

MAX_MESSAGE = 65_536
"""Octets of one message, head and body."""
MAX_HEADER_LINES = 512
MAX_PARSED = 16_384
"""Characters of all headers that are parsed, in total."""
MAX_URI = 2048
"""Characters of a Request-URI; more is 414."""


VERSION_PROBLEM = "Version not supported"
"""The problem of a message of another SIP version: 505 instead of 400."""
URI_PROBLEM = "Request-URI too long"
"""The problem of a Request-URI over :data:`MAX_URI`: 414 instead of 400."""


class MessageError(ValueError):
    """Not a SIP message; it cannot be answered."""


class Message:
    """What requests and responses share. Header names are asked for in lower case, long form."""

    __slots__ = ("_cseq", "_from_tag", "_headers", "_to_tag", "_via", "body", "problem", "source")

    def __init__(self, headers: dict[str, list[str]], body: bytes, problem: str | None) -> None:
        self._headers = headers
        self.body = body
        self.problem = problem
        """Why the message must not be obeyed; None when nothing is known against it."""
        self.source: Address | None = None
        """Where the message came from; set by the user agent."""
        self._via: Via | None = None
        self._cseq: tuple[int, str] | None = None
        self._from_tag: str | None = None
        self._to_tag: str | None = None

    def get(self, name: str) -> str | None:
        """The first value of a header, unfolded and stripped; None when absent."""
        values = self._headers.get(name)
        return values[0] if values else None

    def lines(self, name: str) -> list[str]:
        """The header's values, one per line it stood on."""
        return self._headers.get(name) or []

    def values(self, name: str) -> list[str]:
        """The elements of a comma-separated header over all its lines.

        Raises :class:`GrammarError`.
        """
        lines = self._headers.get(name)
        if not lines:
            return []
        if len(lines) == 1:
            return split_list(lines[0])
        return [part for line in lines for part in split_list(line)]

    def tokens(self, name: str) -> set[str]:
        """The elements of a header in lower case, parameters cut off."""
        return {value.partition(";")[0].strip().lower() for value in self.values(name)}

    @property
    def via(self) -> Via:
        """The topmost Via. Raises :class:`GrammarError` when it is missing or malformed."""
        if self._via is None:
            value = self.get("via")
            if value is None:
                raise GrammarError("no Via")
            if "," in value:
                value = split_outside_quotes(value, ",")[0]
            self._via = parse_via(value)
        return self._via

    @property
    def via_below(self) -> str | None:
        """Where the second Via's request came from: its ``received``, else its host; None: no second."""
        lines = self.lines("via")
        try:
            values = split_outside_quotes(lines[0], ",") if "," in lines[0] else lines[:1]
            via = parse_via(values[1] if len(values) > 1 else lines[1])
        except (GrammarError, IndexError):
            return None
        return via.params.get("received") or via.host

    @property
    def cseq(self) -> tuple[int, str]:
        """CSeq number and method. Raises :class:`GrammarError`."""
        if self._cseq is None:
            self._cseq = parse_cseq(self.get("cseq") or "")
        return self._cseq

    @property
    def call_id(self) -> str:
        """The Call-ID; empty when absent."""
        return self.get("call-id") or ""

    @property
    def from_tag(self) -> str:
        """The From tag; empty when absent. Raises :class:`GrammarError`."""
        if self._from_tag is None:
            self._from_tag = tag_of(self.get("from") or "")
        return self._from_tag

    @property
    def to_tag(self) -> str:
        """The To tag; empty when absent. Raises :class:`GrammarError`."""
        if self._to_tag is None:
            self._to_tag = tag_of(self.get("to") or "")
        return self._to_tag

    @property
    def contact_uri(self) -> str | None:
        """The URI of the first Contact, fit for a Request-URI; None when absent or malformed.

        Its headers (``?``) are cut off (RFC 3261 §19.1.5).
        """
        value = self.get("contact")
        if value is None:
            return None
        try:
            uri = uri_of(split_list(value)[0] if "," in value else value)
            if "?" in uri:
                headers = uri.find("?", uri.rfind("@") + 1)
                uri = uri[:headers] if headers >= 0 else uri
            check_uri_text(uri)
            return uri
        except (GrammarError, IndexError):
            return None

    @property
    def content_type(self) -> str:
        """Media type in lower case without parameters; empty when absent."""
        return (self.get("content-type") or "").partition(";")[0].strip().lower()

    @property
    def sdp(self) -> bytes | None:
        """The session description, taken out of a multipart body if need be; None when absent."""
        if not self.body:
            return None
        kind = self.content_type
        if kind == "application/sdp" or (not kind and self.body.startswith(b"v=")):
            return self.body
        if kind.startswith("multipart/"):
            return sdp_of_multipart(self.get("content-type") or "", self.body)
        return None


class Request(Message):
    """A request."""

    __slots__ = ("method", "uri")

    def __init__(
        self,
        method: str,
        uri: str,
        headers: dict[str, list[str]],
        body: bytes,
        problem: str | None,
    ) -> None:
        super().__init__(headers, body, problem)
        self.method = method
        self.uri = uri

    def check(self) -> str | None:
        """What makes this request a 400 (RFC 3261 §8.1.1, §16.3); None when nothing does."""
        if self.problem is not None:
            return self.problem
        headers = self._headers
        try:
            if self.cseq[1] != self.method:
                return "CSeq names another method"
            if not headers.get("call-id") or not headers["call-id"][0]:
                return "No Call-ID"
            for name in ("from", "to"):
                if name not in headers:
                    return "No " + name.capitalize()
                check_address(headers[name][0])
            for line in headers["via"]:
                if "," in line:
                    for value in split_outside_quotes(line, ","):
                        parse_via(value)
            if "max-forwards" in headers:
                parse_number(headers["max-forwards"][0], 255)
            check_uri_text(self.uri)
            if uri_scheme(self.uri) in ("sip", "sips"):
                parse_uri(self.uri)
        except GrammarError as error:
            return str(error).capitalize()
        for name in SINGLE:
            if len(headers.get(name, ())) > 1:
                return f"Repeated {name}"
        return None


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(
        self,
        status: int,
        reason: str,
        headers: dict[str, list[str]],
        body: bytes,
        problem: str | None,
    ) -> None:
        super().__init__(headers, body, problem)
        self.status = status
        self.reason = reason

    def check(self) -> str | None:
        """Why this response is dropped (RFC 3261 §8.1.3.3, §18.3); None when nothing is wrong."""
        if self.problem is not None:
            return self.problem
        try:
            if not self.from_tag and "from" not in self._headers:
                return "No From"
            if not self.to_tag and "to" not in self._headers:
                return "No To"
            if len(self.values("via")) > 1:
                return "A response for another hop"
            if "record-route" in self._headers:
                for value in self.values("record-route"):
                    parse_name_addr(value)
        except GrammarError as error:
            return str(error).capitalize()
        return None

    @property
    def retry_after(self) -> int | None:
        """Seconds of a ``Retry-After``; None when absent or malformed."""
        value = self.get("retry-after")
        if value is None:
            return None
        digits = value.partition(";")[0].partition("(")[0]
        try:
            return parse_number(digits, 2**32 - 1)
        except GrammarError:
            return None


def parse(data: bytes) -> Request | Response:
    """Parse one datagram. Raises :class:`MessageError` when it is no SIP message at all."""
    if len(data) > MAX_MESSAGE:
        raise MessageError("too long")
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")  # RFC 3261 §7.5
    head, blank, body = data.partition(b"\r\n\r\n")
    problem: str | None = None
    if not blank or b"\n\n" in head:
        head, body, problem = split_leniently(data)
    text = _head_text(head)
    lines = text.split("\r\n")
    if len(lines) > MAX_HEADER_LINES:
        raise MessageError("too many header lines")
    first = lines.pop(0)
    headers, garbled = _index(lines)
    if text.count("\r") != text.count("\r\n"):
        problem = problem or "A carriage return inside a line"
    body, problem = _frame(headers, body, problem)
    if len(text) > MAX_PARSED:
        problem = problem or _too_long(headers)
    if first[:4].upper() == "SIP/":
        return _response(first, headers, body, problem)
    return _request(first, headers, body, problem or garbled)


def _head_text(head: bytes) -> str:
    """The head with CRLF line ends and without continuation lines. Raises :class:`MessageError`."""
    text = decoded(head)
    if "\n" in text.replace("\r\n", ""):
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    if text.count("\r\n") > 4 * MAX_HEADER_LINES:
        raise MessageError("too many lines")
    return unfold(text) if "\r\n " in text or "\r\n\t" in text else text


def _index(lines: list[str]) -> tuple[dict[str, list[str]], str | None]:
    """The values of every header by its name, and what is wrong with a line if one is."""
    headers: dict[str, list[str]] = {}
    garbled = None
    names = NAMES
    for line in lines:
        name, colon, value = line.partition(":")
        key = names.get(name)
        if key is None:
            key = name.strip().lower()
            key = COMPACT.get(key, key)
            if not colon or not is_token(key):
                garbled = "A header line without a name"
                continue
        if key in headers:
            headers[key].append(value.strip())
        else:
            headers[key] = [value.strip()]
    return headers, garbled


def _too_long(headers: dict[str, list[str]]) -> str | None:
    """A problem when the headers that are parsed are too long together."""
    length = sum(len(value) for name in PARSED for value in headers.get(name, ()))
    return "Header fields too long" if length > MAX_PARSED else None


def _frame(
    headers: dict[str, list[str]], body: bytes, problem: str | None
) -> tuple[bytes, str | None]:
    """Cut the body to its Content-Length (RFC 3261 §18.3)."""
    declared = headers.get("content-length")
    if not declared:
        return body, problem
    try:
        length = parse_number(declared[0], 2**32 - 1)
    except GrammarError:
        return body, problem or "Bad Content-Length"
    if length > len(body):
        return body, problem or "Body shorter than its Content-Length"
    return (body[:length] if length < len(body) else body), problem


def _request(line: str, headers: dict[str, list[str]], body: bytes, problem: str | None) -> Request:
    words = line.split(" ")
    if len(words) != 3:
        words = line.split()
        if len(words) < 3:
            raise MessageError("no request line")
        words = [words[0], " ".join(words[1:-1]), words[-1]]
        problem = problem or "Bad request line"
    method, uri, version = words
    if not version[:4].upper() == "SIP/" or not is_token(method):
        raise MessageError("no request line")
    if len(uri) > MAX_URI:
        problem = URI_PROBLEM
    if version.upper() != "SIP/2.0":
        problem = VERSION_PROBLEM
    return Request(method, uri, headers, body, problem)


def _response(
    line: str, headers: dict[str, list[str]], body: bytes, problem: str | None
) -> Response:
    version, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    if version.upper() != "SIP/2.0":
        raise MessageError("version not supported")
    if len(code) != 3 or not (code.isascii() and code.isdigit()) or not "1" <= code[0] <= "6":
        raise MessageError("no status code")
    return Response(int(code), reason, headers, body, problem)
