"""A worker's side of the addresses that several workers share and the front holds.

The front (:mod:`offhook.telephony.relay_front`) accepts the connections, does TLS, and divides streams. Over
a Unix socket it passes each message to the worker that it is for, and sends what workers give it. A message
is in a :class:`RelayFrame`; both sides trust each other.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum
from functools import partial
from typing import Final, NamedTuple, final

from offhook.sip import Address
from offhook.sip.transport import Protocol, Transport
from offhook.telephony.transports.resolver import Resolver
from offhook.telephony.transports.sip_transport import SipTransport, Standing, TransportOwner

log = logging.getLogger(__name__)

MOST_UNSENT: Final = 8 << 20
"""Octets that wait for the other side; more, and the connection is given up."""
NAMES: Final = "\n"
"""Between a host and the domains whose certificate it must show."""
_MOST_TOLD: Final = 10_000
_RECONNECT: Final = 0.1
_HEAD: Final = struct.Struct(">IBBIHB")
"""Octets that follow, kind, number of the address in ``sip.listen``, flow, port, octets of the host."""


class RelayFrameKind(IntEnum):
    """What a frame says."""

    MESSAGE = 0
    """From the front: it came; from a worker: send it."""
    FAILED = 1
    """From the front: nothing can be sent there; the text says why."""
    KNOWN = 2
    """From a worker: the host may stay."""
    BANNED = 3
    """From a worker: the host may not connect."""


class RelayFrame(NamedTuple):
    """One frame."""

    kind: RelayFrameKind
    listener: int
    flow: int
    host: str
    port: int
    data: bytes = b""

    def packed(self) -> bytes:
        """Its octets."""
        host = self.host.encode("ascii", "replace")[:255]
        size = len(host) + len(self.data)
        head = _HEAD.pack(size, self.kind, self.listener, self.flow, self.port, len(host))
        return head + host + self.data


def take_frames(buffer: bytearray) -> Iterator[RelayFrame]:
    """Take the whole frames out of ``buffer``."""
    at = 0
    while len(buffer) - at >= _HEAD.size:
        size, kind, listener, flow, port, host_size = _HEAD.unpack_from(buffer, at)
        begin = at + _HEAD.size
        if len(buffer) < begin + size:
            break
        at = begin + size
        host = buffer[begin : begin + host_size].decode("ascii", "replace")
        data = bytes(buffer[begin + host_size : at])
        yield RelayFrame(RelayFrameKind(kind), listener, flow, host, port, data)
    del buffer[:at]


@final
class RelayClient:
    """This worker's connection with the front."""

    def __init__(self, path: str, worker: int) -> None:
        """``path``: of the front's Unix socket."""
        self._path = path
        self._worker = worker
        self._transports: dict[int, RelayedTransport] = {}
        self._link: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def serve(self, listener: int, transport: RelayedTransport) -> None:
        """Give ``transport`` what comes to this address."""
        self._transports[listener] = transport

    def open(self) -> None:
        """Begin to receive; before that this worker gets nothing."""
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._link is not None:
            self._link.abort()

    def send(self, frame: RelayFrame) -> bool:
        """Give the front a frame; False: it is not there."""
        if self._link is None or self._link.is_closing():
            return False
        if self._link.get_write_buffer_size() > MOST_UNSENT:
            self._link.abort()
            return False
        self._link.write(frame.packed())
        return True

    def take(self, frame: RelayFrame) -> None:
        """A frame of the front."""
        transport = self._transports.get(frame.listener)
        if transport is not None:
            transport.take(frame)

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            gone = asyncio.Event()
            protocol = partial(_Link, self, gone)
            try:
                link, _ = await loop.create_unix_connection(protocol, self._path)
            except OSError:
                await asyncio.sleep(_RECONNECT)
                continue
            self._link = link
            link.write(bytes([self._worker]))
            await gone.wait()
            self._link = None
            log.warning("the SIP front is gone; connecting to it again")


class _Link(asyncio.Protocol):
    def __init__(self, client: RelayClient, gone: asyncio.Event) -> None:
        self._client = client
        self._gone = gone
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        for frame in take_frames(self._buffer):
            self._client.take(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()


@final
class RelayedTransport(SipTransport):
    """One address that the front holds."""

    def __init__(
        self,
        protocol: Protocol,
        host: str,
        port: int,
        *,
        client: RelayClient,
        listener: int,
        advertise_host: str | None = None,
    ) -> None:
        """``listener``: the number of the address in ``sip.listen``."""
        super().__init__(protocol, host, port, advertise_host=advertise_host)
        self._client = client
        self._listener = listener
        self._flow = 0
        self._told: dict[str, Standing] = {}
        """What the front was told of hosts."""

    async def start(self, owner: TransportOwner, flow: int = 0) -> Transport:
        self._owner, self._flow = owner, flow
        family = socket.AF_INET6 if self.wide else socket.AF_INET
        self._resolver = Resolver(family, self.send, owner.fail)
        self._client.serve(self._listener, self)
        return self._make_record()

    async def close(self) -> None:
        if self._resolver is not None:
            await self._resolver.close()

    @property
    def local_address(self) -> tuple[str, int]:
        return self._host, self._port

    def send(self, data: bytes, destination: Address) -> None:
        assert self._owner is not None
        self._owner.sends(data, destination)
        host = destination.host
        if self.protocol.secure:
            # The front checks the certificate, and only the worker knows which domain led there.
            host += NAMES + ",".join(self._owner.domains_of(host, destination.port))
        flow = destination.flow if self.protocol.reliable else 0
        frame = RelayFrame(
            RelayFrameKind.MESSAGE, self._listener, flow, host, destination.port, data
        )
        if not self._client.send(frame):
            self._owner.fail(destination, "the SIP front is not there")

    def take(self, frame: RelayFrame) -> None:
        """The front says something about this address."""
        owner = self._owner
        if owner is None:
            return
        flow = frame.flow if self.protocol.reliable else self._flow
        source = Address(self.protocol, frame.host, frame.port, flow)
        if frame.kind is RelayFrameKind.FAILED:
            owner.fail(source, frame.data.decode("utf-8", "replace"))
        elif frame.kind is RelayFrameKind.MESSAGE:
            owner.take_in([(frame.data, source)])
            self._judge(owner, source)

    def _judge(self, owner: TransportOwner, source: Address) -> None:
        """Tell the front what is known of a host, once."""
        standing = owner.standing(source)
        if self._told.get(source.host, Standing.UNKNOWN) is standing:
            return
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told[source.host] = standing
        kind = RelayFrameKind.KNOWN if standing is Standing.KNOWN else RelayFrameKind.BANNED
        self._client.send(RelayFrame(kind, self._listener, 0, source.host, 0))
