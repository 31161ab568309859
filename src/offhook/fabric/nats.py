"""The fabric between machines: core NATS, at most once, which is all the fabric promises.

Subjects are ``offhook.`` and the topic, so that a NATS server may be shared with other programs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, final

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from offhook.aio import end_all, wait_or
from offhook.fabric.subscriptions import Subscriptions, checked
from offhook.session.ports.fabric import Fabric, Listener

_log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Messages that wait for the client library."""
_PREFIX = "offhook."
_FIRST_WAIT = 1.0
_RETRY_AFTER = 1
_TIMEOUT = 5.0
PULSE = 4.0
"""Seconds between two questions whether the server is there; after two without an answer it is away.

Where packets vanish nothing else would say so: a connection that hangs looks like one with nothing to say.
"""
_ERRORS = (OSError, TimeoutError, nats.errors.Error)


class _Order(NamedTuple):
    """One thing to do on the connection, in the order it was asked: publish, flush, or look up
    which subscriptions have changed (no topic, nothing to finish)."""

    topic: str = ""
    message: bytes = b""
    flushed: asyncio.Future[None] | None = None


@final
class NatsFabric(Fabric):
    """A client of a NATS server. The listeners of this process get its messages without the server."""

    def __init__(self, url: str, *, pulse: float = PULSE) -> None:
        """``nats://host:port`` or ``tls://host:port``, with user and password if need be.

        ``pulse``: seconds, as :data:`PULSE`.
        """
        self._url = url
        self._pulse = pulse
        self._subscriptions = Subscriptions(self._on_change, self._on_change)
        self._changed: set[str] = set()
        self._on_server: dict[str, Subscription] = {}
        self._orders: asyncio.Queue[_Order] = asyncio.Queue(MAX_WAITING)
        self._client = Client()
        self._keeper: asyncio.Task[None] | None = None
        self._open = False
        self.dropped = 0
        """Messages that were not sent because the server was away or slow."""

    @property
    def connected(self) -> bool:
        """Whether it is connected to the other processes now."""
        return self._client.is_connected

    async def start(self) -> None:
        self._open = True
        first = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._run(first), name="fabric")
        if not await wait_or(first, _FIRST_WAIT):
            _log.warning("NATS cannot be reached; polling the store until it can")

    def publish(self, topic: str, message: bytes = b"") -> None:
        if not self._open:
            return
        self._subscriptions.dispatch_soon(checked(topic), message)
        if not (self.connected and self._put(_Order(topic, message))):
            self.dropped += 1

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        return self._subscriptions.add(pattern, listener)

    async def flush(self) -> None:
        flushed = asyncio.get_running_loop().create_future()
        if self.connected and self._put(_Order(flushed=flushed)):
            await wait_or(flushed, _TIMEOUT)

    async def close(self) -> None:
        self._open = False
        if self._keeper is not None:
            await end_all(self._keeper)
        with suppress(nats.errors.Error, OSError):
            await wait_or(self._client.close(), _TIMEOUT)

    def _on_change(self, pattern: str) -> None:
        self._changed.add(pattern)
        self._put(_Order())  # with a full queue the next order does it

    def _put(self, order: _Order) -> bool:
        try:
            self._orders.put_nowait(order)
        except asyncio.QueueFull:
            return False
        return True

    async def _run(self, first: asyncio.Future[None]) -> None:
        """Own the connection: only this task awaits the client library."""
        await self._connect()
        await self._apply_changes()
        if not first.done():
            first.set_result(None)
        while True:
            order = await self._orders.get()
            try:
                await self._apply_changes()
                if order.topic:
                    await self._client.publish(_PREFIX + order.topic, order.message)
                if order.flushed is not None:
                    # nats-py's PING overtakes what still waits for its flusher; the second does not
                    await self._client.flush(timeout=5)
                    await self._client.flush(timeout=5)
            except _ERRORS as error:
                self.dropped += 1
                _log.debug("NATS did not take a message: %s", error)
            if order.flushed is not None and not order.flushed.done():
                order.flushed.set_result(None)

    async def _connect(self) -> None:
        while not self._client.is_connected:
            try:
                await self._client.connect(
                    servers=[self._url],
                    name="offhook",
                    no_echo=True,
                    connect_timeout=2,
                    ping_interval=self._pulse,  # type: ignore[arg-type]
                    max_outstanding_pings=2,
                    reconnect_time_wait=_RETRY_AFTER,
                    max_reconnect_attempts=-1,
                    error_cb=_on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=_on_reconnected,
                )
            except _ERRORS as error:
                _log.debug("NATS: %s", error)
                await asyncio.sleep(_RETRY_AFTER)

    async def _apply_changes(self) -> None:
        """Subscribe and unsubscribe at the server what has changed here."""
        while self._changed:
            pattern = next(iter(self._changed))
            if pattern not in self._subscriptions:
                if pattern in self._on_server:
                    await self._on_server.pop(pattern).unsubscribe()
            elif pattern not in self._on_server:
                subject = _PREFIX + (pattern[:-1] + ">" if pattern.endswith("*") else pattern)
                self._on_server[pattern] = await self._client.subscribe(subject, cb=self._heard)
            self._changed.discard(pattern)

    async def _on_disconnected(self) -> None:
        if self._open:
            _log.warning("NATS is away; polling the store until it is back")

    async def _heard(self, message: Msg) -> None:
        self._subscriptions.dispatch(message.subject.removeprefix(_PREFIX), message.data)


async def _on_error(error: Exception) -> None:
    _log.debug("NATS: %s", error)


async def _on_reconnected() -> None:
    _log.info("NATS is back")
