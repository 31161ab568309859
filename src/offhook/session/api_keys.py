"""API keys: how one is made, and what is kept of it."""

from __future__ import annotations

import hashlib
import secrets


def new_api_key() -> str:
    """A new API key: 256 random bits behind a prefix that secret scanners can look for."""
    return "offhook_" + secrets.token_urlsafe(32)


def key_digest(key: str) -> bytes:
    """What is stored of a key: its SHA-256. A key of 256 random bits needs no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
