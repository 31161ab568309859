"""Hosts that are written as addresses."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=4096)
def ip_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that ``host`` is as a literal (no brackets); None: it is none."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_ip(host: str) -> bool:
    """Whether ``host`` is an IP address literal (no brackets)."""
    return ip_of(host) is not None
