"""The SIP messages of a session: drawn as a ladder for people, or as a file for Wireshark."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

WIDTH = 30
"""Columns between the two sides."""
_RAW_IP = 101
"""``LINKTYPE_RAW``: a packet begins with its IP header."""
_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, _RAW_IP)


def ladder(messages: Sequence[Mapping[str, Any]]) -> str:
    """Each message as an arrow between us and the far end, with the seconds since the first."""
    if not messages:
        return "no SIP messages are stored for this session"
    began = _time(messages[0])
    lines, far = [began.isoformat(" ", "milliseconds")], ""
    for message in messages:
        if message["far"] != far:
            far = message["far"]
            lines.append(f"{'':10}{message['near']} ⇄ {far}")
        seconds = (_time(message) - began).total_seconds()
        lines.append(f"{seconds:9.3f} {_arrow(_title(message['text']), sent=message['sent'])}")
    return "\n".join(lines)


def _arrow(title: str, *, sent: bool) -> str:
    line = "─" * max(2, WIDTH - len(title))
    return f"│ {title} {line}▶│" if sent else f"│◀{line} {title} │"


def _title(text: str) -> str:
    """``INVITE``, ``200 OK (INVITE)``; control characters of a stranger are not printed."""
    lines = text.split("\r\n")
    first = lines[0].split(" ", 2)
    if first[0] == "SIP/2.0":
        asked = next((line for line in lines if line.lower().startswith("cseq:")), "")
        method = asked.rpartition(" ")[2]
        title = " ".join(first[1:]) + (f" ({method})" if method else "")
    else:
        title = first[0]
    return "".join(letter if letter.isprintable() else "?" for letter in title)[:60]


def write_pcap(path: Path, messages: Sequence[Mapping[str, Any]]) -> None:
    """Write the messages as UDP packets to a file that Wireshark opens. Raises OSError."""
    path.write_bytes(b"".join((_FILE_HEADER, *_packets(messages))))


def _packets(messages: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    for message in messages:
        ends = [_end(message["near"]), _end(message["far"])]
        source, target = ends if message["sent"] else reversed(ends)
        packet = _datagram(source, target, message["text"].encode())
        at = _time(message).timestamp()
        seconds, micros = int(at), int(at % 1 * 1_000_000)
        yield struct.pack("<IIII", seconds, micros, len(packet), len(packet)) + packet


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
End = tuple[Address, int]


def _end(address: str) -> End:
    """``udp:192.0.2.1:5060``; a host name (of a trunk) becomes 0.0.0.0."""
    host, _, port = address.split(":", 1)[1].rpartition(":")
    try:
        return ipaddress.ip_address(host.strip("[]")), int(port)
    except ValueError:
        return ipaddress.IPv4Address(0), int(port)


def _datagram(source: End, target: End, payload: bytes) -> bytes:
    """An IP packet with one UDP datagram; checksums are left out, as a network card would make them."""
    payload = payload[:60_000]
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", source[1], target[1], length, 0) + payload
    if source[0].version == target[0].version == 6:
        head = struct.pack("!IHBB", 6 << 28, length, 17, 64)
        return head + source[0].packed + target[0].packed + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, 17, 0)
    return head + _four(source[0]) + _four(target[0]) + udp


def _four(address: Address) -> bytes:
    return address.packed[-4:]


def _time(message: Mapping[str, Any]) -> datetime:
    at: str = message["at"]
    return datetime.fromisoformat(at)
