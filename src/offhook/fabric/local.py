"""The fabric of one machine: processes connect to a hub on a Unix socket, which the supervisor runs. Both
sides have limits for unsent data: the client drops messages, and the hub closes the connection, which the
client opens again. No process waits for another.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import cast, final

from offhook.aio import wait_or
from offhook.fabric.frames import Decoder, Frame, FrameError, FrameKind, encode
from offhook.fabric.subscriptions import Subscriptions, checked, patterns_of
from offhook.session.ports.fabric import Fabric, Listener

_log = logging.getLogger(__name__)

MAX_UNSENT = 4 * 1024 * 1024
"""Bytes that may wait for one peer."""
MAX_PATTERNS = 20_000
"""Patterns of one client: an API process has one for each open event stream."""
_FLUSH_TIMEOUT = 5.0
_RETRY_AFTER = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between attempts to connect; the last one repeats."""


class LocalHub:
    """Passes messages between the clients of a Unix socket."""

    def __init__(self, path: str) -> None:
        """``path`` of the socket to create, at most 100 bytes; its folder guards who may connect."""
        self._path = path
        self._server: asyncio.AbstractServer | None = None
        self._clients: set[_HubSide] = set()
        self._by_pattern: dict[str, set[_HubSide]] = {}

    async def start(self) -> None:
        """Listen. Raises OSError when the socket cannot be made."""
        loop = asyncio.get_running_loop()
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        self._server = await loop.create_unix_server(lambda: _HubSide(self), self._path)
        os.chmod(self._path, 0o600)

    async def close(self) -> None:
        """Disconnect all clients and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for client in tuple(self._clients):
            client.drop()
        with suppress(FileNotFoundError):
            os.unlink(self._path)

    def joined(self, client: _HubSide) -> None:
        """A client has connected."""
        self._clients.add(client)

    def left(self, client: _HubSide) -> None:
        """A client is gone."""
        self._clients.discard(client)
        for pattern in client.patterns:
            self._forget(pattern, client)

    def handle(self, frame: Frame, sender: _HubSide) -> None:
        """Handle a frame of a client. Raises ValueError for an invalid one."""
        if frame.kind is FrameKind.PUBLISH:
            self._pass_on(frame, sender)
        elif frame.kind is FrameKind.SUBSCRIBE:
            if len(sender.patterns) >= MAX_PATTERNS:
                raise ValueError("too many patterns")
            sender.patterns.add(checked(frame.topic))
            self._by_pattern.setdefault(frame.topic, set()).add(sender)
        elif frame.kind is FrameKind.UNSUBSCRIBE:
            sender.patterns.discard(frame.topic)
            self._forget(frame.topic, sender)
        elif frame.kind is FrameKind.PING:
            sender.send(encode(Frame(FrameKind.PONG, message=frame.message)))
        else:
            raise ValueError(f"a client sent {frame.kind.name}")

    def _pass_on(self, frame: Frame, sender: _HubSide) -> None:
        hearing: set[_HubSide] = set()
        for pattern in patterns_of(checked(frame.topic)):
            hearing |= self._by_pattern.get(pattern, set())
        hearing.discard(sender)
        if hearing:
            data = encode(frame)
            for client in hearing:
                client.send(data)

    def _forget(self, pattern: str, client: _HubSide) -> None:
        clients = self._by_pattern.get(pattern)
        if clients is not None:
            clients.discard(client)
            if not clients:
                del self._by_pattern[pattern]


class _HubSide(asyncio.Protocol):
    """The hub's end of one connection."""

    def __init__(self, hub: LocalHub) -> None:
        self.patterns: set[str] = set()
        self._hub = hub
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._hub.joined(self)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._hub.handle(frame, self)
        except (FrameError, ValueError) as error:
            _log.warning(
                "invalid message on the local message bus, disconnecting its sender: %s", error
            )
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hub.left(self)

    def send(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            _log.warning(
                "a process of this machine does not read the local message bus: disconnecting it"
            )
            self.drop()
            return
        self._transport.write(data)

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()


@final
class LocalFabric(Fabric):
    """A client of :class:`LocalHub`. The listeners of this process get its messages without the hub."""

    def __init__(self, path: str) -> None:
        """``path`` of the hub's socket."""
        self._path = path
        self._subscriptions = Subscriptions(
            on_first=lambda pattern: self._send(Frame(FrameKind.SUBSCRIBE, pattern)),
            on_none=lambda pattern: self._send(Frame(FrameKind.UNSUBSCRIBE, pattern)),
        )
        self._transport: asyncio.Transport | None = None
        self._pings: dict[bytes, asyncio.Future[None]] = {}
        self._ping_number = 0
        self._keeper: asyncio.Task[None] | None = None
        self._open = False
        self.dropped = 0
        """Messages that were not sent because the hub was away or slow."""

    @property
    def connected(self) -> bool:
        """Whether it is connected to the other processes now."""
        return self._transport is not None

    async def start(self) -> None:
        self._open = True
        first = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep_connected(first), name="fabric")
        await first

    def publish(self, topic: str, message: bytes = b"") -> None:
        if not self._open:
            return
        self._subscriptions.dispatch_soon(checked(topic), message)
        self._send(Frame(FrameKind.PUBLISH, topic, message))

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        return self._subscriptions.add(pattern, listener)

    async def flush(self) -> None:
        if self._transport is None:
            return
        self._ping_number += 1
        name = str(self._ping_number).encode()
        self._pings[name] = asyncio.get_running_loop().create_future()
        self._send(Frame(FrameKind.PING, message=name))
        try:
            if not await wait_or(self._pings[name], _FLUSH_TIMEOUT):
                _log.warning("the local message bus does not answer")
        finally:
            del self._pings[name]

    async def close(self) -> None:
        self._open = False
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._transport is not None:
            self._transport.close()
            self.lost()

    async def _keep_connected(self, first: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            gone = loop.create_future()
            try:
                await loop.create_unix_connection(partial(_ClientSide, self, gone), self._path)
                failures = 0
            except OSError as error:
                failures += 1
                if failures == 1:
                    _log.warning(
                        "the local message bus cannot be reached (%s); polling the store until it can",
                        error,
                    )
            _finish(first)
            if not failures:
                await gone
                _log.warning("the local message bus is away; polling the store until it is back")
            await asyncio.sleep(_RETRY_AFTER[min(failures, len(_RETRY_AFTER) - 1)])

    def joined(self, transport: asyncio.Transport) -> None:
        """The connection is made."""
        self._transport = transport
        for pattern in self._subscriptions.patterns:
            self._send(Frame(FrameKind.SUBSCRIBE, pattern))

    def lost(self) -> None:
        """The connection is gone."""
        self._transport = None
        for ping in self._pings.values():
            _finish(ping)

    def handle(self, frame: Frame) -> None:
        """Handle a frame of the hub."""
        if frame.kind is FrameKind.PUBLISH:
            self._subscriptions.dispatch(frame.topic, frame.message)
        elif frame.kind is FrameKind.PONG:
            _finish(self._pings.get(frame.message))

    def _send(self, frame: Frame) -> None:
        """Write a frame if the hub is connected and reads."""
        if self._transport is None or self._transport.is_closing():
            self.dropped += frame.kind is FrameKind.PUBLISH
        elif self._transport.get_write_buffer_size() > MAX_UNSENT:
            self.dropped += 1
            if frame.kind is not FrameKind.PUBLISH:
                self._transport.abort()  # a lost SUBSCRIBE would never be noticed: connect again
        else:
            self._transport.write(encode(frame))


class _ClientSide(asyncio.Protocol):
    """The client's end of the connection to the hub."""

    def __init__(self, fabric: LocalFabric, gone: asyncio.Future[None]) -> None:
        self._fabric = fabric
        self._gone = gone
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._fabric.joined(self._transport)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._fabric.handle(frame)
        except FrameError as error:
            _log.warning("invalid message from the local message bus, connecting again: %s", error)
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fabric.lost()
        _finish(self._gone)


def _finish(waited_for: asyncio.Future[None] | None) -> None:
    if waited_for is not None and not waited_for.done():
        waited_for.set_result(None)
