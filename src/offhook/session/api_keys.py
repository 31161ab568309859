"""API keys: how they are made and stored."""

from __future__ import annotations

import hashlib
import re
import secrets

_PREFIX = "offhook_"
_KEY = re.compile(_PREFIX + r"[A-Za-z0-9_-]{43}")


def new_api_key() -> str:
    """A new API key: 256 random bits behind a prefix that secret scanners can look for."""
    return _PREFIX + secrets.token_urlsafe(32)


def key_digest(key: str) -> bytes:
    """The stored form of a key: its SHA-256. A key of 256 random bits needs no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def looks_like_key(text: str) -> bool:
    """Whether :func:`new_api_key` could have made ``text``."""
    return _KEY.fullmatch(text) is not None
