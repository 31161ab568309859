"""Who a call was meant for before it was forwarded to us: Diversion (RFC 5806), History-Info (RFC 7044).

Both are read, neither is acted on. Where a call has both, Diversion counts: carriers that send both fill it
with more care.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote as unescape_header

from offhook.events import Diverted
from offhook.sip.grammar import (
    GrammarError,
    NameAddr,
    parse_name_addr,
    parse_uri,
    readable,
    unescape,
)
from offhook.sip.message import Message

MAX_DIVERSIONS: Final = 10
"""The latest that are told."""
MAX_WORDS: Final = 80
"""Characters of a number or a reason that are told."""


def diversions_of(message: Message) -> tuple[Diverted, ...]:
    """The forwardings of a call, the latest first; what is malformed is left out."""
    if not message.lines("diversion") and not message.lines("history-info"):
        return ()
    found = list(_of_diversion(message)) or list(reversed(list(_of_history(message))))
    return tuple(found[:MAX_DIVERSIONS])


def _of_diversion(message: Message) -> Iterator[Diverted]:
    """The topmost value is the latest diversion (RFC 5806 §4)."""
    for address in _addresses(message, "diversion"):
        reason = address.params.get("reason")
        told = readable(reason)[:MAX_WORDS] if reason else None
        if (address.params.get("privacy") or "off").lower() in ("full", "uri"):
            yield Diverted(number="anonymous", reason=told)  # RFC 5806 §4.2.4
        else:
            yield from _diverted(address.uri, told)


def _of_history(message: Message) -> Iterator[Diverted]:
    """Every target but the last one was left for the next; why is in its ``Reason`` (RFC 7044 §5)."""
    entries = _addresses(message, "history-info")
    for entry in entries[:-1]:
        uri, _, headers = entry.uri.partition("?")
        yield from _diverted(uri, _reason_in(headers))


def _addresses(message: Message, name: str) -> list[NameAddr]:
    try:
        return [parse_name_addr(value) for value in message.values(name)]
    except GrammarError:
        return []


def _diverted(uri: str, reason: str | None) -> Iterator[Diverted]:
    try:
        user = readable(unescape(parse_uri(uri).user.partition(";")[0]))
    except GrammarError:
        return
    if user:
        yield Diverted(number=user[:MAX_WORDS], reason=reason[:MAX_WORDS] if reason else None)


def _reason_in(headers: str) -> str | None:
    """``SIP;cause=302`` of ``Reason=SIP%3Bcause%3D302``."""
    for header in headers.split("&"):
        name, _, value = header.partition("=")
        if name.strip().lower() == "reason":
            return readable(unescape_header(value)) or None
    return None
