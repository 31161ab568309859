"""API keys of requests and what they may access."""

from __future__ import annotations

import re
from dataclasses import dataclass

from offhook.session.scopes import Scope, allows
from offhook.session.tenancy import KeyGrant, SubAccount

SUB_ACCOUNT_ID = re.compile(r"[A-Za-z0-9\-._&]{3,50}")
"""``spec/api.md``."""

MAX_KEY_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request's key and the sub-account it is about."""

    grant: KeyGrant
    sub_account: SubAccount

    def may(self, scope: Scope) -> bool:
        """Whether the key's scopes include ``scope``."""
        return allows(self.grant, scope)


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
