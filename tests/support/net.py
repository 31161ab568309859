"""Small loopback peers: free ports, a counter of RTP, a SIP address that never answers."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.support.waiting import Changes

_SILENCE = frozenset(b"\xff\x7f\xd5\x55\xfe\x7e\xd4\x54")


def free_port(*, beside: int = 0) -> int:
    """A port of 127.0.0.1 that was free a moment ago, for UDP and TCP alike.

    So were the ``beside`` ports above it, for UDP. The ports lie above the ephemeral ones, apart for
    tests that run in parallel and handed out in turn: nothing else takes one before its server
    binds it, or while that server is started again.
    """
    for port in _in_turn:
        with ExitStack() as stack:
            try:
                tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                tcp.bind(("127.0.0.1", port))
                for number in range(port, port + beside + 1):
                    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    stack.enter_context(udp).bind(("127.0.0.1", number))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable: the ports are handed out in a circle")


def _circle() -> Iterator[int]:
    """The ports of this process, from a random one, round and round.

    ``FIRST_TEST_PORT``: the first of the 4,500 of a run, where another runs beside it.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = int(os.environ.get("FIRST_TEST_PORT", "61000")) + 900 * (worker % 5)
    ports = range(first, first + 896)
    start = random.randrange(len(ports))
    return itertools.cycle([*ports[start:], *ports[:start]])


_in_turn = _circle()


def sipp_ports() -> list[str]:
    """Options of SIPp for its control port and its media port; it binds the one two above, too."""
    return ["-cp", str(free_port()), "-mp", str(free_port(beside=2))]


class UdpPeer(Changes, asyncio.DatagramProtocol):
    """A bound UDP socket; ``async with`` binds and closes it."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__()
        self.host = host
        self.port = 0
        self.transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.host, 0)
        )
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self.port = self.transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.transport is not None
        self.transport.close()


class Stream:
    """What was heard of one SSRC."""

    __slots__ = ("first_at", "last_at", "loud", "packets")

    def __init__(self, at: float) -> None:
        self.first_at = self.last_at = at
        self.packets = 0
        self.loud = 0
        """Packets that were not silence."""


class RtpSink(UdpPeer):
    """Every answered phone's ear: counts the packets of each SSRC (RFC 3550 §5.1)."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self.streams: dict[bytes, Stream] = {}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) <= 12 or data[0] >> 6 != 2:
            return
        at = time.monotonic()
        stream = self.streams.get(data[8:12])
        if stream is None:
            stream = self.streams[data[8:12]] = Stream(at)
            self.changed()
        stream.packets += 1
        if stream.packets % 25 == 0:
            self.changed()
        stream.last_at = at
        stream.loud += not _SILENCE.issuperset(data[12:])

    async def streaming(self, count: int, timeout: float = 20.0) -> None:
        """Wait until that many streams have run for half a second. Raises ``TimeoutError``."""
        await self.wait_for(
            lambda: sum(one.packets >= 25 for one in self.streams.values()) >= count, timeout
        )

    def heard(self, packets: int = 20) -> int:
        """How many phones heard at least that many packets that were not silence."""
        return sum(stream.loud >= packets for stream in self.streams.values())


class RtpEcho(UdpPeer):
    """A phone that sends back what it hears, as a stream of its own (RFC 3550 §5.1)."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) > 12 and data[0] >> 6 == 2 and self.transport is not None:
            self.transport.sendto(data[:8] + b"echo" + data[12:], addr)


class SilentCarrier(UdpPeer):
    """Takes every SIP request and answers none."""

    def __init__(self) -> None:
        super().__init__()
        self.first_lines: list[str] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.first_lines.append(data.split(b"\r\n", 1)[0].decode(errors="replace"))
        self.changed()
