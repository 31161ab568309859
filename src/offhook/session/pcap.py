"""Files of packets that Wireshark opens: the classic format of libpcap, with IP and UDP heads made for them.

What we keep of a call are messages and audio, not frames of a network card. Each becomes one UDP datagram
between the addresses that it had; checksums are left out, as a network card would make them.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_RAW_IP = 101
"""``LINKTYPE_RAW``: a packet begins with its IP header."""
_FILE_HEADER: Final = struct.Struct("<IHHiIII")
_RECORD: Final = struct.Struct("<IIII")
_MAGIC: Final = 0xA1B2C3D4
_LONGEST: Final = 60_000
"""Octets of a datagram's payload."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class End(NamedTuple):
    """One side of a datagram."""

    address: Address
    port: int


class Packet(NamedTuple):
    """A packet with its time."""

    at: float
    """Unix time."""
    octets: bytes
    """From the IP header on."""


def end_of(text: str) -> End:
    """``udp:192.0.2.1:5060``; a host name becomes 0.0.0.0."""
    host, _, port = text.split(":", 1)[1].rpartition(":")
    try:
        return End(ipaddress.ip_address(host.strip("[]")), int(port))
    except ValueError:
        return End(ipaddress.IPv4Address(0), int(port))


def datagram(at: float, source: End, target: End, payload: bytes) -> Packet:
    """A UDP datagram (RFC 768) in an IP packet."""
    payload = payload[:_LONGEST]
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", source.port, target.port, length, 0) + payload
    if source.address.version == target.address.version == 6:
        head = struct.pack("!IHBB", 6 << 28, length, 17, 64)
        return Packet(at, head + source.address.packed + target.address.packed + udp)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, 17, 0)
    return Packet(at, head + source.address.packed[-4:] + target.address.packed[-4:] + udp)


def pcap_file(packets: Iterable[Packet]) -> bytes:
    """The file, with the packets in the order of time."""
    parts = [_FILE_HEADER.pack(_MAGIC, 2, 4, 0, 0, 262_144, _RAW_IP)]
    for packet in sorted(packets, key=lambda one: one.at):
        seconds, micros = int(packet.at), int(packet.at % 1 * 1_000_000)
        size = len(packet.octets)
        parts += [_RECORD.pack(seconds, micros, size, size), packet.octets]
    return b"".join(parts)


def packets_of(file: bytes) -> Iterator[Packet]:
    """The packets of a file that :func:`pcap_file` made."""
    position = _FILE_HEADER.size
    while position + _RECORD.size <= len(file):
        seconds, micros, size, _ = _RECORD.unpack_from(file, position)
        position += _RECORD.size
        yield Packet(seconds + micros / 1e6, file[position : position + size])
        position += size
