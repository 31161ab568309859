"""The grammar of header values: lists, parameters, name-addr, URIs, Via, CSeq (RFC 3261 §25.1).

All text is ``str`` decoded with ``surrogateescape``, so octets that are not UTF-8 survive a round trip.
Every function has a fast path for what real peers send and a careful one for the rest; a value that
breaks the grammar raises :class:`GrammarError`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote as urllib_quote
from urllib.parse import unquote_to_bytes

_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")
_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")
_NO_URI = re.compile(r'[ \t<>"]')
"""A character that no URI holds."""
_HEX = frozenset("0123456789abcdefABCDEF")
_SPECIAL = {separator: re.compile(f'["<>{separator}]') for separator in ",;"}
MAX_CSEQ = 2**31 - 1
"""RFC 3261 §8.1.1.5."""


class GrammarError(ValueError):
    """A value breaks the grammar of RFC 3261 §25.1."""


class NameAddr(NamedTuple):
    """``From``, ``To``, ``Contact``, ``Route``: display name, URI and header parameters."""

    display: str
    uri: str
    params: Mapping[str, str | None]


class SipUri(NamedTuple):
    """The parts of a URI that routing needs; schemes other than sip and sips leave the host empty."""

    scheme: str
    user: str
    host: str
    """Lower case; an IPv6 address without its brackets."""
    port: int | None
    params: Mapping[str, str | None]


class Via(NamedTuple):
    """One Via value."""

    transport: str
    """Upper case."""
    host: str
    port: int | None
    branch: str
    """Empty when there is none (RFC 2543)."""
    params: Mapping[str, str | None]


def readable(text: str) -> str:
    """A peer's text made safe for logs, JSON and databases: no control characters, no lone surrogates.

    Octets that are no UTF-8 become U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    text = octets(text).decode("utf-8", "replace")
    return "".join(char for char in text if char.isprintable())


def octets(text: str) -> bytes:
    """The octets that a text from the wire was decoded from; the only way to encode such a text."""
    return text.encode("utf-8", "surrogateescape")


def decoded(data: bytes) -> str:
    """The text of octets from the wire; :func:`octets` restores those that are not UTF-8."""
    return data.decode("utf-8", "surrogateescape")


def is_token(text: str) -> bool:
    """Whether ``text`` is a token of RFC 3261 §25.1."""
    return bool(text) and _TOKEN.issuperset(text)


def _end_of_quote(text: str, start: int) -> int:
    """The index after the closing quote of the quoted string that opens at ``start``."""
    i = start + 1
    quote = text.find('"', i)
    while quote >= 0:
        backslash = text.find("\\", i, quote)
        if backslash < 0:
            return quote + 1
        i = backslash + 2
        if i > quote:  # it was escaped
            quote = text.find('"', i)
    raise GrammarError("unterminated quoted string")


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at ``separator`` (``,`` or ``;``) outside quoted strings and angle brackets."""
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(separator)]
    parts: list[str] = []
    begin = i = 0
    bracket = False
    special = _SPECIAL[separator]
    while (found := special.search(text, i)) is not None:
        i = found.end()
        char = found[0]
        if char == "<":
            bracket = True
        elif char == ">":
            bracket = False
        elif bracket:
            continue
        elif char == '"':
            i = _end_of_quote(text, i - 1)
        else:
            parts.append(text[begin : i - 1].strip())
            begin = i
    parts.append(text[begin:].strip())
    return parts


def split_list(value: str) -> list[str]:
    """The elements of a comma-separated header value, empty ones left out."""
    if "," not in value:
        value = value.strip()
        return [value] if value else []
    return [part for part in split_outside_quotes(value, ",") if part]


def parse_params(text: str) -> dict[str, str | None]:
    """``;a=b;c`` as a mapping: names in lower case, values unquoted, None where there is no ``=``.

    The first of repeated names counts. Empty parameters (``;;``) are skipped.
    """
    params: dict[str, str | None] = {}
    if not text:
        return params
    for part in split_outside_quotes(text, ";") if '"' in text else text.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if name and name not in params:
            params[name] = unquote(value.strip()) if equals else None
    return params


def unquote(text: str) -> str:
    """A quoted string without its quotes and escapes; anything else unchanged."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    if "\\" not in text:
        return text
    out: list[str] = []
    i = 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            i += 1
        out.append(text[i])
        i += 1
    return "".join(out)


def unescape(text: str) -> str:
    """``text`` with its ``%`` escapes decoded (RFC 3261 §19.1.2); a bad escape stays as it is."""
    if "%" not in text:
        return text
    return decoded(unquote_to_bytes(octets(text)))


def escape_user(user: str) -> str:
    """A number or name as the user part of a URI: what may not stand there is escaped (§19.1.2)."""
    return urllib_quote(octets(user), safe="-_.!~*'()&=+$,;?/")


def quote(text: str) -> str:
    """``text`` as a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=256)
def parse_name_addr(value: str) -> NameAddr:
    """Parse a name-addr or addr-spec with its parameters (RFC 3261 §20.10).

    Remembered: the same From and To come with every message of a dialog.
    """
    value = value.strip()
    display = ""
    rest = value
    if value.startswith('"'):
        end = _end_of_quote(value, 0)
        display = unquote(value[:end])
        rest = value[end:].lstrip()
        if not rest.startswith("<"):
            raise GrammarError("a quoted display name without <")
    left = rest.find("<")
    if left < 0:
        return _parse_addr_spec(display, rest)
    if left:
        words = rest[:left].split()
        if not all(is_token(word) for word in words):
            raise GrammarError("a display name that is neither tokens nor quoted")
        display = " ".join(words)
    right = rest.find(">", left)
    if right < 0:
        raise GrammarError("< without >")
    uri = rest[left + 1 : right].strip()
    tail = rest[right + 1 :].lstrip()
    if not uri or (tail and tail[0] != ";"):
        raise GrammarError("text after >, or nothing inside <>")
    return NameAddr(display, uri, parse_params(tail[1:]) if tail else {})


def _parse_addr_spec(display: str, text: str) -> NameAddr:
    """An address without brackets: every parameter belongs to the header, not to the URI (§20)."""
    uri, semicolon, params = text.partition(";")
    uri = uri.strip()
    if not uri or " " in uri or '"' in uri or "?" in uri:
        raise GrammarError("no URI, or one that needs angle brackets")
    return NameAddr(display, uri, parse_params(params) if semicolon else {})


def uri_of(value: str) -> str:
    """The URI inside a name-addr."""
    left = value.find("<")
    if left < 0 or '"' in value:
        return parse_name_addr(value).uri
    right = value.find(">", left)
    if right < 0:
        raise GrammarError("< without >")
    uri = value[left + 1 : right].strip()
    if not uri or "<" in uri or " " in uri:
        raise GrammarError("no URI inside <>")
    return uri


def check_address(value: str) -> None:
    """Raise :class:`GrammarError` unless ``value`` is a name-addr with a URI in it."""
    if '"' in value or "<" not in value:
        uri_scheme(parse_name_addr(value).uri)
        return
    right = value.find(">")
    tail = value[right + 1 :].lstrip()
    if value[0] == "<" and right > 1 and (not tail or tail[0] == ";"):
        uri_scheme(value[1:right].strip())
    else:
        uri_scheme(parse_name_addr(value).uri)


def tag_of(value: str) -> str:
    """The ``tag`` parameter of a From or To value; empty when there is none."""
    if '"' in value:
        return parse_name_addr(value).params.get("tag") or ""
    start = value.rfind(">") + 1
    tail = value[start:]
    at = tail.find(";tag=")
    if at < 0:
        at = tail.lower().find(";tag=") if ";" in tail else -1
        if at < 0:
            if ";" not in tail or "tag" not in tail.lower():
                return ""
            return parse_name_addr(value).params.get("tag") or ""
    at += 5
    end = tail.find(";", at)
    return (tail[at:] if end < 0 else tail[at:end]).strip()


def parse_host_port(text: str) -> tuple[str, int | None]:
    """``host[:port]`` with the host in lower case and IPv6 brackets taken off."""
    text = text.strip()
    if text.startswith("["):
        host, port = _split_ipv6_reference(text)
    else:
        host, colon, port = text.partition(":")
        host = host.strip()
        if colon and not port.strip():
            raise GrammarError("empty port")
    if not host or " " in host or "\t" in host:
        raise GrammarError("no host")
    port = port.strip()
    return host.lower(), _parse_port(port) if port else None


def _split_ipv6_reference(text: str) -> tuple[str, str]:
    """``[host]:port`` as host and port; the port is empty where there is none."""
    close = text.find("]")
    if close < 0:
        raise GrammarError("[ without ]")
    host, rest = text[1:close], text[close + 1 :].strip()
    if rest and not rest.startswith(":"):
        raise GrammarError("text after an IPv6 reference")
    if not _is_ipv6(host):
        raise GrammarError("not an IPv6 address")
    return host, rest[1:]


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or int(text) > 65535:
        raise GrammarError("bad port")
    return int(text)


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def uri_scheme(uri: str) -> str:
    """The scheme in lower case; raises when there is none."""
    if uri.startswith("sip:"):
        return "sip"  # nearly always
    scheme, colon, _ = uri.partition(":")
    if not colon or not scheme or not scheme[0].isalpha() or not _SCHEME.issuperset(scheme):
        raise GrammarError("no URI scheme")
    return scheme.lower()


def check_uri_text(uri: str) -> None:
    """Raise unless ``uri`` could stand in a request line (RFC 3261 §19.1.1, table 1).

    No spaces, brackets or bad escapes, and no headers.
    """
    if not uri or _NO_URI.search(uri) is not None:
        raise GrammarError("a character that no URI holds")
    at = uri.find("%")
    while at >= 0:
        if len(uri) < at + 3 or uri[at + 1] not in _HEX or uri[at + 2] not in _HEX:
            raise GrammarError("a bad escape in the URI")
        at = uri.find("%", at + 3)
    if "?" in uri.rpartition("@")[2] and uri[:4].lower() in ("sip:", "sips"):
        raise GrammarError("headers in the Request-URI")


def parse_uri(uri: str) -> SipUri:
    """Parse a URI (RFC 3261 §19.1). The user part keeps its escapes; headers (``?``) are dropped."""
    scheme = uri_scheme(uri)
    rest = uri[len(scheme) + 1 :]
    if scheme not in ("sip", "sips"):
        return SipUri(scheme, rest.partition(";")[0], "", None, {})
    # The user part may hold ';', '?' and ',', so the @ is looked for first.
    user, at, address = rest.rpartition("@")
    if not at:
        user, address = "", rest
    address = address.partition("?")[0]
    host_port, semicolon, params = address.partition(";")
    host, port = parse_host_port(host_port)
    return SipUri(
        scheme,
        user.partition(":")[0] if at else "",
        host,
        port,
        parse_params(params) if semicolon else {},
    )


def parse_via(value: str) -> Via:
    """Parse one Via value, white space around its separators allowed (RFC 3261 §7.3.1)."""
    sent, semicolon, tail = value.partition(";")
    protocol = sent.split("/", 2)
    if len(protocol) != 3:
        raise GrammarError("Via without protocol")
    if protocol[0].strip().upper() != "SIP":
        raise GrammarError("Via of another protocol")
    words = protocol[2].split(None, 1)
    if len(words) != 2 or not is_token(words[0]):
        raise GrammarError("Via without sent-by")
    host, port = parse_host_port(words[1])
    params = parse_params(tail) if semicolon else {}
    return Via(words[0].upper(), host, port, params.get("branch") or "", params)


def parse_cseq(value: str) -> tuple[int, str]:
    """``4711 INVITE`` as number and method."""
    words = value.split()
    if len(words) != 2 or not is_token(words[1]):
        raise GrammarError("CSeq is not a number and a method")
    return parse_number(words[0], MAX_CSEQ), words[1]


def parse_number(text: str, maximum: int) -> int:
    """A decimal number of 0..maximum; leading zeros allowed."""
    text = text.strip()
    if not text or len(text) > 20 or not (text.isascii() and text.isdigit()):
        raise GrammarError("not a number")
    number = int(text)
    if number > maximum:
        raise GrammarError("number out of range")
    return number
