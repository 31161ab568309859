"""What a STUN server says our public address is (RFC 8489): one question, one answer. Pure."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Final

_HEAD: Final = struct.Struct(">HHI12s")
"""Type, octets behind the head, magic cookie, transaction ID."""
_COOKIE: Final = 0x2112_A442
_REQUEST, _SUCCESS = 0x0001, 0x0101
_MAPPED, _XOR_MAPPED = 0x0001, 0x0020
_LENGTHS: Final = {1: 4, 2: 16}
"""Octets of an address by its family."""


def binding_request(transaction: bytes) -> bytes:
    """A Binding request; ``transaction`` is 12 random octets, which prove that the answer is to it."""
    return _HEAD.pack(_REQUEST, 0, _COOKIE, transaction)


def mapped_address(data: bytes, transaction: bytes) -> tuple[str, int] | None:
    """Our address as the server saw it; None: this is no answer to that request, or it has none."""
    if len(data) < _HEAD.size:
        return None
    kind, length, cookie, named = _HEAD.unpack_from(data)
    if (kind, cookie, named) != (_SUCCESS, _COOKIE, transaction):
        return None
    attributes = dict(_attributes(data[_HEAD.size : _HEAD.size + length]))
    if _XOR_MAPPED in attributes:
        return _address(attributes[_XOR_MAPPED], data[4:20])
    return _address(attributes.get(_MAPPED, b""), bytes(16))


def _attributes(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from(">HH", data, at)
        if at + 4 + length > len(data):
            break
        if kind not in dict(found):  # the first one counts (§14)
            found.append((kind, data[at + 4 : at + 4 + length]))
        at += 4 + length + -length % 4
    return found


def _address(value: bytes, mask: bytes) -> tuple[str, int] | None:
    if len(value) < 4 or len(value) != 4 + _LENGTHS.get(value[1], -4):
        return None
    host = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    port = int.from_bytes(value[2:4]) ^ int.from_bytes(mask[:2])
    return str(ip_address(host)), port
