"""Who asks: bearer keys, what they open, and the operator's own keys."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from offhook.session.tenancy import KeyGrant, SubAccount

SUB_ACCOUNT_ID = re.compile(r"[A-Za-z0-9\-._&]{3,50}")
"""``spec/api.md``."""

MAX_KEY_LENGTH = 512


class Scope(StrEnum):
    """What a key may be limited to; ``*`` is all of them."""

    CALLFLOWS_WRITE = "callflows:write"
    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"


ALL_SCOPES = "*"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request's key and the sub-account it is about."""

    grant: KeyGrant
    sub_account: SubAccount

    def may(self, scope: Scope) -> bool:
        """Whether the key's scopes include ``scope``."""
        return ALL_SCOPES in self.grant.scopes or scope in self.grant.scopes


def bearer_key(authorization: bytes | None) -> str | None:
    """The key of an ``Authorization: Bearer`` header (RFC 6750 §2.1), None for anything else."""
    if authorization is None or len(authorization) > MAX_KEY_LENGTH + 16:
        return None
    scheme, _, key = authorization.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    try:
        return key.strip().decode("ascii") or None
    except UnicodeDecodeError:
        return None


def digest(key: str) -> bytes:
    """What is stored of a key. Keys are long and random, so a plain SHA-256 is enough."""
    return sha256(key.encode()).digest()


class OperatorKeys:
    """The keys of ``[admin]``: ``sha256:…``, ``env:NAME`` or plain."""

    def __init__(self, configured: Sequence[str]) -> None:
        self._digests = tuple(
            each for text in configured if (each := self._digest_of(text)) is not None
        )

    @staticmethod
    def _digest_of(text: str) -> bytes | None:
        if text.startswith("sha256:"):
            return bytes.fromhex(text.removeprefix("sha256:"))
        if text.startswith("env:"):
            value = os.environ.get(text.removeprefix("env:"), "")
            return digest(value) if value else None
        return digest(text)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def accept(self, key: str | None) -> bool:
        """Whether ``key`` is one of them; every one is compared, in constant time."""
        candidate = digest(key or "")
        matches = [hmac.compare_digest(candidate, each) for each in self._digests]
        return key is not None and any(matches)
