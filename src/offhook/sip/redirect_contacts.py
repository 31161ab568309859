"""The contacts of a redirection, best first (RFC 3261 §8.1.3.4, §20.10)."""

from __future__ import annotations

from typing import Final

from offhook.sip.grammar import GrammarError, check_uri_text, parse_name_addr
from offhook.sip.message import Response

MAX_CONTACTS: Final = 8


def redirect_contacts(response: Response) -> tuple[str, ...]:
    """The URIs of a 3xx by falling ``q``; none when they cannot be read, or of another answer."""
    if not 300 <= response.status <= 399:
        return ()
    try:
        addresses = [parse_name_addr(value) for value in response.values("contact")[:MAX_CONTACTS]]
        uris = [
            (_q(address.params.get("q")), address.uri.partition("?")[0]) for address in addresses
        ]
        for _, uri in uris:
            check_uri_text(uri)
    except GrammarError:
        return ()
    return tuple(uri for _, uri in sorted(uris, key=lambda each: -each[0]))


def _q(text: str | None) -> float:
    """0 to 1; 1 where there is none or it is malformed."""
    if text is None or not text.replace(".", "", 1).isdigit() or not text.isascii():
        return 1.0
    return min(float(text), 1.0)
