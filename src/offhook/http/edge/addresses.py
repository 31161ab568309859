"""The source address of a request, by which the limits per address count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from offhook.http.asgi import Scope

FORWARDED = b"x-forwarded-for"


class Addresses:
    """Finds the source address of requests.

    A peer among the ``trusted`` networks is a proxy: its ``X-Forwarded-For`` is read from the right,
    and the first address there that is no trusted proxy is the source. The header of any other peer
    is ignored.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted = tuple(ip_network(each, strict=False) for each in trusted)

    def of(self, scope: Scope) -> str:
        """The source: an IPv4 address, or the /64 of an IPv6 one, which one host owns (RFC 6177)."""
        client = scope.get("client")
        if not client:
            return ""
        peer: str = client[0]
        if not self._trusted:
            return _source(peer)
        hops = [
            hop.strip()
            for name, value in scope["headers"]
            if name == FORWARDED
            for hop in value.decode("latin-1").split(",")
        ]
        while hops and self._is_proxy(peer):
            nearest = hops.pop()
            if _parsed(nearest) is None:
                break
            peer = nearest
        return _source(peer)

    def of_peer(self, peer: str) -> str | None:
        """The source of a connection; None for a proxy, which has many clients."""
        return None if self._is_proxy(peer) else _source(peer)

    def _is_proxy(self, text: str) -> bool:
        address = _parsed(text)
        return address is not None and any(address in network for network in self._trusted)


@lru_cache(maxsize=4096)
def _source(text: str) -> str:
    address = _parsed(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> 64 << 64))
    return text if address is None else str(address)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address; an IPv4 one mapped into IPv6 is the IPv4 one."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
