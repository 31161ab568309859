"""Capture files of UDP datagrams, for Wireshark."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.net import UdpPeer

Frame = tuple[float, bytes]
"""Time in seconds, and the datagram."""


def write_capture(path: Path, frames: Sequence[Frame], port: int) -> None:
    """A pcap file (microseconds, raw IPv4) of UDP datagrams to ``port``."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for at, payload in frames:
            udp = struct.pack("!HHHH", 30000, port, 8 + len(payload), 0) + payload
            address = bytes([127, 0, 0, 1])
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
            packet = ip + address * 2 + udp
            microseconds = round(at * 1e6)
            file.write(struct.pack("<II", *divmod(microseconds, 1_000_000)))
            file.write(struct.pack("<II", len(packet), len(packet)) + packet)


class RtpTape(UdpPeer):
    """The ear of a phone that keeps every datagram with its time."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.frames.append((time.time(), data))
        self.changed()


async def ask_tshark(tshark: str, *arguments: str) -> str:
    """What tshark prints. Raises ``AssertionError`` when it fails."""
    process = await asyncio.create_subprocess_exec(
        tshark,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode()
