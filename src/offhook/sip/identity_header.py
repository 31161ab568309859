"""The ``Identity`` header of SIP (RFC 8224 §4): a signed token, and where its certificate is. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from offhook.sip.grammar import GrammarError, parse_params, readable
from offhook.sip.message import Message

MAX_HEADERS: Final = 4
"""Identity headers of one INVITE that are looked at."""
MAX_TOKEN: Final = 8_192
"""Characters of one header value."""


class IdentityHeader(NamedTuple):
    """One value."""

    token: str
    info: str
    """The URL of the certificate, without its brackets."""
    ppt: str
    """The extension of the token, lower case: ``shaken``; empty: none."""


def identity_values(message: Message) -> tuple[str, ...]:
    """The values as they came, readable; a longer one than :data:`MAX_TOKEN` counts as empty."""
    lines = message.lines("identity")[:MAX_HEADERS]
    return tuple(readable(line) if len(line) <= MAX_TOKEN else "" for line in lines)


def parse_identities(values: Iterable[str]) -> list[IdentityHeader | None]:
    """Each value taken apart; None for a malformed one."""
    return [_parse(value) for value in values]


def _parse(value: str) -> IdentityHeader | None:
    token, _, rest = value.partition(";")
    info, closed, more = rest.strip().removeprefix("info=").strip().partition(">")
    if not rest.strip().startswith("info=") or not info.startswith("<") or not closed:
        return None
    try:
        params = parse_params(more.strip().removeprefix(";"))
    except GrammarError:
        return None
    if (params.get("alg") or "ES256").upper() != "ES256":
        return None
    return IdentityHeader(token.strip(), info[1:].strip(), (params.get("ppt") or "").lower())
