"""Signing secrets of webhooks (Standard Webhooks): made, checked and read here and nowhere else."""

from __future__ import annotations

import base64
import binascii
import secrets
from functools import lru_cache

PREFIX = "whsec_"

NEW_BYTES = 32
"""Random bytes of a secret that is made here: as many as HMAC-SHA256 uses at best (RFC 2104 §3)."""

FEWEST_BYTES, MOST_BYTES = 24, 64
"""Minimum and maximum of any secret, by the Standard Webhooks specification."""


class BadSecret(ValueError):
    """A webhook secret is whsec_ and the base64 of 24 to 64 bytes; this is not one."""

    def __str__(self) -> str:
        return str(self.__doc__)


def new_secret() -> str:
    """A fresh secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_BYTES)).decode()


@lru_cache(maxsize=4096)
def secret_key(secret: str) -> bytes:
    """The key inside ``whsec_…``. Raises :class:`BadSecret`."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecret from None
    if not secret.startswith(PREFIX) or not FEWEST_BYTES <= len(key) <= MOST_BYTES:
        raise BadSecret
    return key
