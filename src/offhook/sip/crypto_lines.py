"""Keys of SRTP in session descriptions: ``a=crypto`` (SDES, RFC 4568). Pure.

A key stands in the description itself, so it is as secret as the signalling is: over plain UDP it is not.
Lines that ask for what the engines do not have (an MKI, a key derivation rate, a part that is not encrypted)
are passed over, as are suites that are not known.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from offhook.negotiated import SrtpKey, SrtpSuite

MAX_LINES: Final = 64
_LIFETIME = re.compile(r"2\^([0-9]{1,2})|([0-9]{1,15})")
_LONG_ENOUGH: Final = 1 << 20
"""Packets: a call of four hours has fewer, and there is no new key in mid-call."""
_TAG = re.compile(r"[0-9]{1,9}", re.ASCII)


class CryptoLine(NamedTuple):
    """One usable ``a=crypto``."""

    tag: int
    key: SrtpKey


def crypto_lines(attributes: Iterable[str], suites: Sequence[SrtpSuite]) -> Iterator[CryptoLine]:
    """Those of a stream's attributes with one of ``suites``, in their order."""
    values = (
        value.split()
        for name, _, value in (attribute.partition(":") for attribute in attributes)
        if name.strip().lower() == "crypto"
    )
    for number, words in enumerate(values):
        if number >= MAX_LINES:
            return
        if (line := _line(words, suites)) is not None:
            yield line


def _line(words: list[str], suites: Sequence[SrtpSuite]) -> CryptoLine | None:
    if len(words) < 3 or not _TAG.fullmatch(words[0]) or words[1].upper() not in suites:
        return None
    # A window size is a hint (RFC 4568 §6.3.6); every other parameter would change the packets.
    if any(not word.upper().startswith("WSH=") for word in words[3:]):
        return None
    suite = SrtpSuite(words[1].upper())
    key = _key(words[2], suite)
    return CryptoLine(int(words[0]), SrtpKey(suite, key)) if key is not None else None


def _key(text: str, suite: SrtpSuite) -> bytes | None:
    """Master key and salt of ``inline:…``; None: unusable."""
    method, _, rest = text.partition(":")
    encoded, _, lifetime = rest.partition("|")
    if method.lower() != "inline" or ";" in rest or ":" in lifetime or "|" in lifetime:
        return None  # several keys, or an MKI
    if lifetime and not _lasts(lifetime):
        return None
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return key if len(key) == suite.key_octets else None


def _lasts(lifetime: str) -> bool:
    found = _LIFETIME.fullmatch(lifetime)
    if found is None:
        return False
    packets = 1 << min(int(found[1]), 62) if found[1] else int(found[2])
    return packets >= _LONG_ENOUGH


def new_key(suite: SrtpSuite) -> SrtpKey:
    """A random key."""
    return SrtpKey(suite, secrets.token_bytes(suite.key_octets))


def attributes_of(keys: Mapping[int, SrtpKey]) -> list[str]:
    """The lines of a description for keys by their tags."""
    return [
        f"a=crypto:{tag} {key.suite} inline:{base64.b64encode(key.key).decode()}"
        for tag, key in keys.items()
    ]
