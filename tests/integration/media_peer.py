"""A telephone for the tests of the media engines: plain sockets, packets by hand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from offhook.media import EngineKind, make_engine, rtcp, rtp
from offhook.media.engine import MediaEngine, MediaEvent, MediaLeg, Sound
from offhook.negotiated import LAWS, Codec, NegotiatedMedia

DEADLINE = 20.0
"""Seconds after which a wait is a failure; a loaded machine may need some."""
PORTS = (20000, 29999)
Event = TypeVar("Event", bound=MediaEvent)


ENGINES: tuple[EngineKind, ...] = ("python", "native")
"""All of them pass the contract suite: the tests that use the fixture ``each_engine``."""


class UnderTest:
    """The kind of engine that :func:`running_engine` starts, and the one that runs."""

    kind: EngineKind = "python"
    engine: MediaEngine


def in_all(octets: bytes) -> Sound:
    """A sound of the engine that runs, with these octets in every codec."""
    return UnderTest.engine.load(dict.fromkeys(LAWS, octets))


class Peer:
    """One RTP socket and its RTCP neighbour on loopback."""

    def __init__(self, *, ssrc: int = 0x1234, payload_type: int = 0) -> None:
        self.rtp, self.rtcp = self._pair()
        self.port: int = self.rtp.getsockname()[1]
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.sequence = 100
        self.timestamp = 5000
        self.target = ("127.0.0.1", 0)

    @staticmethod
    def _pair() -> tuple[socket.socket, socket.socket]:
        for _ in range(100):
            first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            first.bind(("127.0.0.1", 0))
            try:
                second.bind(("127.0.0.1", first.getsockname()[1] + 1))
            except OSError:
                first.close()
                second.close()
                continue
            first.setblocking(False)
            second.setblocking(False)
            return first, second
        raise AssertionError("no two ports next to each other")

    def media(
        self, *, send: bool = True, receive: bool = True, codec: Codec = Codec.PCMU
    ) -> NegotiatedMedia:
        """What an answer of this telephone amounts to."""
        return NegotiatedMedia(
            remote_host="127.0.0.1",
            remote_port=self.port,
            codec=codec,
            payload_type=self.payload_type,
            dtmf_payload_type=101,
            dtmf_receive_payload_type=96,
            send=send,
            receive=receive,
        )

    async def datagram(self) -> bytes:
        """The next RTP datagram."""
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recv(self.rtp, 2048), DEADLINE)

    async def packet(self) -> rtp.RtpPacket:
        """The next RTP packet."""
        parsed = rtp.parse(await self.datagram())
        assert parsed is not None
        return parsed

    async def packets(self, count: int) -> list[rtp.RtpPacket]:
        """The next packets."""
        return [await self.packet() for _ in range(count)]

    async def report(self) -> bytes:
        """The next RTCP datagram."""
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recv(self.rtcp, 2048), DEADLINE)

    def send(
        self,
        payload: bytes = b"\x55" * 160,
        *,
        payload_type: int | None = None,
        marker: bool = False,
        step: int = 160,
    ) -> None:
        """Send the next packet of our stream."""
        packet = rtp.build(
            payload_type=self.payload_type if payload_type is None else payload_type,
            sequence=self.sequence,
            timestamp=self.timestamp,
            ssrc=self.ssrc,
            payload=payload,
            marker=marker,
        )
        self.sequence += 1
        self.timestamp += step
        self.rtp.sendto(packet, self.target)

    def press(self, event: int, timestamp: int, *, ends: int = 3) -> None:
        """Press a key: two updates and the final packet ``ends`` times."""
        states = [(0x0A, 160), (0x0A, 320)] + [(0x8A, 480)] * ends
        for flags, duration in states:
            payload = bytes([event, flags]) + duration.to_bytes(2, "big")
            packet = rtp.build(
                payload_type=96,
                sequence=self.sequence,
                timestamp=timestamp,
                ssrc=self.ssrc,
                payload=payload,
            )
            self.sequence += 1
            self.rtp.sendto(packet, self.target)

    def close(self) -> None:
        """Hang up."""
        self.rtp.close()
        self.rtcp.close()


class Events:
    """Collects a leg's events and lets a test wait for what it needs."""

    def __init__(self) -> None:
        self.all: list[MediaEvent] = []
        self._changed = asyncio.Event()

    def __call__(self, event: MediaEvent) -> None:
        self.all.append(event)
        self._changed.set()

    def of(self, kind: type[Event]) -> list[Event]:
        """Those of one kind so far."""
        return [event for event in self.all if isinstance(event, kind)]

    async def wait(self, kind: type[Event], count: int = 1) -> list[Event]:
        """Wait until ``count`` of one kind have come."""
        async with asyncio.timeout(DEADLINE):
            while len(found := self.of(kind)) < count:
                self._changed.clear()
                await self._changed.wait()
        return found


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for something only another thread changes."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running_engine(
    ports: tuple[int, int] = PORTS, *, report_interval: float = rtcp.MIN_INTERVAL
) -> AsyncIterator[MediaEngine]:
    """A started engine of the kind under test, on loopback, closed at the end."""
    engine = make_engine(
        UnderTest.kind, host="127.0.0.1", ports=ports, report_interval=report_interval
    )
    engine.start()
    UnderTest.engine = engine
    try:
        yield engine
    finally:
        engine.close()


@asynccontextmanager
async def connected(
    engine: MediaEngine, *, media_timeout: float | None = None
) -> AsyncIterator[tuple[MediaLeg, Peer, Events]]:
    """A leg, its telephone and its events."""
    peer, events = Peer(), Events()
    leg = engine.open_leg(events, media_timeout=media_timeout)
    peer.target = ("127.0.0.1", leg.local_port)
    leg.connect(peer.media())
    try:
        yield leg, peer, events
    finally:
        leg.close()
        peer.close()
