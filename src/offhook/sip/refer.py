"""REFER: the peer of a call asks us to call another party (RFC 3515, RFC 4488, RFC 5589). Pure."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from offhook.sip.grammar import GrammarError, check_uri_text, parse_name_addr
from offhook.sip.message import Request


class ReferTarget(NamedTuple):
    """The ``Refer-To`` of a REFER."""

    uri: str
    """Without its headers (``?``)."""
    replaces: bool
    """Whether the new call is to take the place of another one (RFC 3891: an attended transfer)."""


def refer_target(request: Request) -> ReferTarget | None:
    """Where a REFER points to; None: missing, malformed, or several."""
    try:
        values = request.values("refer-to")
        if len(values) != 1:
            return None
        uri, _, headers = parse_name_addr(values[0]).uri.partition("?")
        check_uri_text(uri)
    except GrammarError:
        return None
    names = [unquote(header.partition("=")[0]).strip().lower() for header in headers.split("&")]
    return ReferTarget(uri, "replaces" in names)


def wants_no_subscription(request: Request) -> bool:
    """Whether the peer wants no news about it (RFC 4488 §4)."""
    return (request.get("refer-sub") or "").partition(";")[0].strip().lower() == "false"


def notify_lines(cseq: int) -> str:
    """Header lines of our NOTIFY: the only one, since the call ends then (RFC 3515 §2.4.4)."""
    return (
        f"Event: refer;id={cseq}\r\nSubscription-State: terminated;reason=noresource\r\n"
        "Content-Type: message/sipfrag;version=2.0\r\n"
    )


TRYING = b"SIP/2.0 100 Trying\r\n"
"""What we tell about a transfer that we follow: the leg that asked for it is hung up before its result."""
