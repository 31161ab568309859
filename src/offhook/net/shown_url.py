"""URLs as the API shows them: without their passwords."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"^([a-z][a-z0-9+.-]*://[^/?#]*?):[^/?#]*@", re.IGNORECASE)


def shown_url(url: str) -> str:
    """``https://user:secret@host/`` becomes ``https://user:***@host/`` (RFC 3986 §3.2.1, §7.5)."""
    return _PASSWORD.sub(r"\1:***@", url)
