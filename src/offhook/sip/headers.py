"""Header names: compact forms (RFC 3261 §7.3.3 and later registrations) and the usual spellings."""

from __future__ import annotations

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
_COMMON = (
    "Via From To Call-ID CSeq Contact Max-Forwards Content-Type Content-Length User-Agent Server "
    "Allow Supported Accept Record-Route Route Require Reason Authorization Proxy-Authorization "
    "WWW-Authenticate Proxy-Authenticate P-Asserted-Identity Privacy Session-Expires Min-SE Date"
)
NAMES = {name: name.lower() for name in _COMMON.split()}
NAMES.update({name.upper(): full for name, full in COMPACT.items()})
NAMES.update(COMPACT)
"""Canonical names (lower case, long) of the usual spellings; others are looked up in lower case."""
PARSED = frozenset(
    [
        "accept",
        "allow",
        "authentication-info",
        "authorization",
        "call-id",
        "contact",
        "content-disposition",
        "content-encoding",
        "content-length",
        "content-type",
        "cseq",
        "from",
        "max-forwards",
        "min-se",
        "proxy-authenticate",
        "proxy-authentication-info",
        "rack",
        "reason",
        "record-route",
        "require",
        "retry-after",
        "rseq",
        "session-expires",
        "supported",
        "to",
        "via",
        "www-authenticate",
    ]
)
"""Headers with values that are parsed."""
SINGLE = ("call-id", "cseq", "from", "to", "max-forwards", "content-length")
"""Headers that occur once: a repetition makes a message ambiguous (RFC 4475 §3.3.8)."""
