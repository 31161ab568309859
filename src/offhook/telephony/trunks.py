"""Trunks: the SIP peers calls go to and come from."""

from __future__ import annotations

import msgspec

from offhook import config


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """One trunk, its address taken apart."""

    name: str
    transport: str
    host: str
    port: int
    username: str | None = None
    password: str | None = None


def trunk_of(section: config.Trunk) -> Trunk:
    """The trunk of a ``[[trunks]]`` section, whose address was checked when the file was read."""
    transport, host, port = split_address(section.address)
    return Trunk(
        name=section.name,
        transport=transport,
        host=host,
        port=port,
        username=section.username,
        password=section.password,
    )


def split_address(address: str) -> tuple[str, str, int]:
    """``udp:127.0.0.1:5080`` or ``udp:[::1]:5080`` → transport, host, port.

    Raises ValueError for anything else.
    """
    transport, _, rest = address.partition(":")
    host, _, port = rest.rpartition(":")
    if transport not in ("udp", "tcp", "tls") or not host:
        raise ValueError(f"{address!r} is not of the form udp:host:port")
    return transport, host.strip("[]"), int(port)
