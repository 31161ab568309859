"""What an API key may be limited to."""

from __future__ import annotations

from enum import StrEnum

from offhook.session.tenancy import KeyGrant


class Scope(StrEnum):
    """What a key may be limited to; ``*`` is all of them."""

    CALLFLOWS_WRITE = "callflows:write"
    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"


ALL_SCOPES = "*"


def allows(grant: KeyGrant, scope: Scope) -> bool:
    """Whether the key's scopes include ``scope``."""
    return ALL_SCOPES in grant.scopes or scope in grant.scopes
