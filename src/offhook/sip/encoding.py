"""Messages out: requests and responses as octets, from prebuilt parts (RFC 3261 §8.1.1, §8.2.6)."""

from __future__ import annotations

from collections.abc import Sequence

from offhook.sip.agent_events import Address
from offhook.sip.grammar import GrammarError, Via, is_token, octets
from offhook.sip.message import Request

REASONS = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    428: "Use Identity Header",
    438: "Invalid Identity Header",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
"""RFC 3261 §21, RFC 4028 §6, RFC 8224 §6.2.2."""

Headers = Sequence[tuple[str, str]]


def host_port(host: str, port: int | None) -> str:
    """``host:port`` with an IPv6 address in brackets."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


def header_lines(headers: Headers) -> str:
    """Header lines from pairs. Raises ValueError for a value with a line break."""
    if not headers:
        return ""
    for name, value in headers:
        if not is_token(name) or "\r" in value or "\n" in value or "\0" in value:
            raise ValueError(f"not a header: {name!r}")
    return "".join(f"{name}: {value}\r\n" for name, value in headers)


def encode(head: str, body: bytes = b"") -> bytes:
    """The finished message: ``head`` without its Content-Length and empty line, and the body."""
    return octets(f"{head}Content-Length: {len(body)}\r\n\r\n") + body


def reply_address(via: Via, source: Address) -> Address:
    """Where the response goes (RFC 3261 §18.2.2, RFC 3581 §4).

    Always to the host that asked. ``maddr`` is meant for multicast; obeying it would let a caller aim
    our answers at another host. Over a connection the answer takes the same one, and where that is closed
    a new one to the port of the Via.
    """
    if source.transport == "udp" and "rport" in via.params:
        return source
    port = via.port or default_port(source.transport)
    return Address(source.transport, source.host, port, source.flow)


def default_port(transport: str) -> int:
    """The port of a URI or Via that names none (RFC 3261 §19.1.2)."""
    return 5061 if transport in ("tls", "wss") else 5060


def reply_head(request: Request, source: Address) -> str:
    """Via lines (with ``received`` and ``rport``), From, Call-ID and CSeq of a response.

    Everything a response copies except To, which may get a tag (RFC 3261 §8.2.6.2).
    """
    lines = request.lines("via")
    first = lines[0]
    via = request.via
    top, comma, rest = first, "", ""
    if "," in first and '"' not in first:
        top, comma, rest = first.partition(",")
    if "rport" in via.params and via.params["rport"] is None:
        top = _fill_rport(top, source.port)
        top += f";received={source.host}"
    elif via.host != source.host:
        top += f";received={source.host}"
    out = f"Via: {top}{comma}{rest}\r\n"
    for line in lines[1:]:
        out += f"Via: {line}\r\n"
    return (
        f"{out}From: {request.get('from') or ''}\r\nCall-ID: {request.call_id}\r\n"
        f"CSeq: {request.get('cseq') or ''}\r\n"
    )


def _fill_rport(top: str, port: int) -> str:
    """Give the empty ``rport`` parameter its value."""
    at = top.lower().find(";rport")
    if at < 0:
        return f"{top};rport={port}"
    return f"{top[: at + 6]}={port}{top[at + 6 :]}"


def to_with_tag(request: Request, tag: str) -> str:
    """The To value with our tag, unless it has one or cannot be read."""
    value = request.get("to") or ""
    try:
        return value if not tag or request.to_tag else f"{value};tag={tag}"
    except GrammarError:
        return value


def response(
    status: int,
    head: str,
    to: str,
    extra: str = "",
    body: bytes = b"",
    reason: str | None = None,
) -> bytes:
    """A response: ``head`` of :func:`reply_head`, ``extra`` finished header lines."""
    phrase = reason if reason is not None else REASONS.get(status, "")
    if "\r" in phrase or "\n" in phrase:
        raise ValueError("a reason phrase is one line")
    return encode(f"SIP/2.0 {status} {phrase}\r\n{head}To: {to}\r\n{extra}", body)
