"""The front's side of shared addresses: holds their sockets, and passes messages to and from the workers.

It knows trunks from the configuration, and of other hosts what workers tell it
(:mod:`.transports.relayed_stream`).
What is for a worker that reads too slowly is lost with the connection to it, as when the worker dies.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final, cast, final

from offhook.sip import Address
from offhook.sip.demux import Distribution
from offhook.sip.transport import Transport
from offhook.telephony.transports.relayed_stream import (
    MOST_UNSENT,
    NAMES,
    RelayFrame,
    RelayFrameKind,
    take_frames,
)
from offhook.telephony.transports.sip_transport import (
    Arrived,
    SipTransport,
    Standing,
    TransportOwner,
)
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)

REMEMBERED: Final = 10_000
"""Hosts of which a worker has told something."""
BELIEVED_FOR: Final = 600.0
"""Seconds for which that counts; workers tell it again with the host's next message."""


@final
class RelayFront:
    """Serves all workers. To be used on one loop."""

    def __init__(self, path: str, workers: int, trunks: Callable[[], Iterable[Trunk]]) -> None:
        """``path``: of the Unix socket to make."""
        self._path = path
        self._distribution = Distribution(workers)
        self._workers: dict[int, asyncio.Transport] = {}
        self._ports: list[ListeningPort] = []
        self._told: OrderedDict[str, tuple[Standing, float]] = OrderedDict()
        self._trunks = trunks
        self._server: asyncio.Server | None = None
        self.flows = itertools.count(1000 + secrets.randbits(30))
        """Numbers of connections: above those of a worker's own addresses, and not those that workers may
        remember of a front that was killed."""

    async def start(self, transports: Mapping[int, SipTransport]) -> None:
        """Bind, and listen for workers; ``transports`` by their number in ``sip.listen``. Raises OSError."""
        for number, transport in transports.items():
            port = ListeningPort(self, number, transport)
            await transport.start(port)
            self._ports.append(port)
        with suppress(FileNotFoundError):
            os.unlink(self._path)  # of a front that was killed
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _WorkerLink(self), self._path)

    async def close(self) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()
        for link in list(self._workers.values()):
            link.abort()
        for port in self._ports:
            await port.transport.close()

    # --- workers

    def came(self, number: int, link: asyncio.Transport) -> None:
        """A worker is there."""
        before = self._workers.pop(number, None)
        if before is not None:
            before.abort()
        self._workers[number] = link

    def went(self, number: int, link: asyncio.Transport) -> None:
        """It is gone."""
        if self._workers.get(number) is link:
            del self._workers[number]

    def obey(self, frame: RelayFrame) -> None:
        """A worker says something."""
        if frame.kind is RelayFrameKind.MESSAGE:
            for port in self._ports:
                if port.number == frame.listener:
                    port.send(frame)
        elif frame.kind in (RelayFrameKind.KNOWN, RelayFrameKind.BANNED):
            known = frame.kind is RelayFrameKind.KNOWN
            standing = Standing.KNOWN if known else Standing.BANNED
            self._told[frame.host] = (standing, time.monotonic() + BELIEVED_FOR)
            self._told.move_to_end(frame.host)
            if len(self._told) > REMEMBERED:
                self._told.popitem(last=False)

    # --- addresses

    def pass_on(self, frame: RelayFrame) -> None:
        """Give a message to the worker that it is for."""
        number = self._distribution.worker_for(frame.data, self._workers)
        if number is not None:
            self._give(self._workers[number], frame)

    def tell_all(self, frame: RelayFrame) -> None:
        """Give a frame to every worker."""
        for link in list(self._workers.values()):
            self._give(link, frame)

    def _give(self, link: asyncio.Transport, frame: RelayFrame) -> None:
        if link.get_write_buffer_size() > MOST_UNSENT:
            log.warning("a voice worker is too slow: its connection with the front is closed")
            link.abort()
        else:
            link.write(frame.packed())

    def standing_of(self, host: str) -> Standing:
        """What is known of a host."""
        if any(trunk.owns(host) for trunk in self._trunks()):
            return Standing.KNOWN
        standing, until = self._told.get(host, (Standing.UNKNOWN, 0.0))
        return standing if until > time.monotonic() else Standing.UNKNOWN


@final
class ListeningPort(TransportOwner):
    """One address, as its transport sees its endpoint."""

    def __init__(self, front: RelayFront, number: int, transport: SipTransport) -> None:
        self._front = front
        self.number = number
        self.transport = transport
        self._names: OrderedDict[tuple[str, int], list[str]] = OrderedDict()

    def send(self, frame: RelayFrame) -> None:
        """Send a worker's message."""
        host, _, names = frame.host.partition(NAMES)
        if names:
            self._names[host, frame.port] = names.split(",")
            self._names.move_to_end((host, frame.port))
            if len(self._names) > REMEMBERED:
                self._names.popitem(last=False)
        protocol = self.transport.protocol
        self.transport.send(frame.data, Address(protocol, host, frame.port, frame.flow))

    def take_in(self, messages: Iterable[Arrived]) -> None:
        for data, source in messages:
            frame = RelayFrame(
                RelayFrameKind.MESSAGE, self.number, source.flow, source.host, source.port, data
            )
            self._front.pass_on(frame)

    def sends(self, data: bytes, destination: Address) -> None:
        """The worker has traced it."""

    def fail(self, destination: Address, problem: str) -> None:
        host, port, flow = destination.host, destination.port, destination.flow
        text = problem.encode("utf-8", "replace")[:1000]
        self._front.tell_all(RelayFrame(RelayFrameKind.FAILED, self.number, flow, host, port, text))

    def standing(self, source: Address) -> Standing:
        return self._front.standing_of(source.host)

    def domains_of(self, host: str, port: int) -> list[str]:
        return self._names.get((host, port), [host])

    def joined(self, record: Transport) -> int:
        return next(self._front.flows)

    def left(self, flow: int) -> None:
        """Workers know a connection by its messages only."""


class _WorkerLink(asyncio.Protocol):
    """The connection of one worker."""

    def __init__(self, front: RelayFront) -> None:
        self._front = front
        self._buffer = bytearray()
        self._number: int | None = None
        self._link: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._link = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._number is None:
            self._number, data = data[0], data[1:]
            self._front.came(self._number, self._link)
        self._buffer += data
        for frame in take_frames(self._buffer):
            self._front.obey(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._number is not None:
            self._front.went(self._number, self._link)
