"""What the written form of a value stands for: addresses, port ranges, API keys."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple


class ListenAddress(NamedTuple):
    """A transport and an address, to listen on or of a trunk."""

    transport: str
    """``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``."""
    host: str
    """Without the brackets of an IPv6 address."""
    port: int


class TrunkPlace(NamedTuple):
    """Where a trunk is, as far as its address says."""

    transport: str | None
    """``udp``, ``tcp`` or ``tls``; None: what the domain says (RFC 3263)."""
    host: str
    port: int | None
    """None: what the domain says."""


def host_and_port(endpoint: str) -> tuple[str, int]:
    """``127.0.0.1:8080`` or ``[::1]:8080`` as host and port. Raises ValueError for other forms."""
    host, _, port = endpoint.rpartition(":")
    number = int(port)
    if not host or not 0 <= number <= 65_535:
        raise ValueError(f"no address and port: {endpoint!r}")
    return host.removeprefix("[").removesuffix("]"), number


def sip_address(address: str) -> ListenAddress:
    """``udp:127.0.0.1:5060`` in its parts. Raises ValueError for other forms."""
    transport, _, endpoint = address.partition(":")
    if transport not in ("udp", "tcp", "tls", "ws", "wss"):
        raise ValueError(f"no udp:, tcp:, tls:, ws: or wss: address: {address!r}")
    return ListenAddress(transport, *host_and_port(endpoint))


def trunk_address(address: str) -> TrunkPlace:
    """``tls:carrier.example`` or ``udp:192.0.2.1:5060`` in its parts. Raises ValueError for other forms."""
    transport, _, rest = address.partition(":")
    if transport not in ("sip", "udp", "tcp", "tls"):
        raise ValueError(f"no sip:, udp:, tcp: or tls: address: {address!r}")
    whole = rest.endswith("]") or ":" not in rest
    host, port = (rest.strip("[]"), None) if whole else host_and_port(rest)
    return TrunkPlace(None if transport == "sip" else transport, host, port)


def port_range(ports: str) -> range:
    """``20000-29999``, both ends included. Raises ValueError when empty or out of 1..65535."""
    first, _, last = ports.partition("-")
    low, high = int(first), int(last)
    if not 1 <= low <= high <= 65_535:
        raise ValueError(f"no port range: {ports!r}")
    return range(low, high + 1)


def api_key_digest(configured: str, environ: Mapping[str, str]) -> bytes:
    """SHA-256 of the key that a configured ``api_keys`` entry stands for.

    Raises KeyError when it names a variable that is not set or empty.
    """
    if configured.startswith("sha256:"):
        return bytes.fromhex(configured.removeprefix("sha256:"))
    if configured.startswith("env:"):
        name = configured.removeprefix("env:")
        key = environ.get(name, "")
        if not key:
            raise KeyError(name)
    else:
        key = configured
    return hashlib.sha256(key.encode()).digest()
