"""The HTTP/1.1 protocol of the server: uvicorn's, with bounds on headers, time and connections.

uvicorn has no deadline for a slow request, no bound on its headers, and refuses requests in plain text.
Here every answer is JSON and every wait has a deadline.
"""

from __future__ import annotations

import asyncio
import re
import resource
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from offhook.clock import Clock
from offhook.http import refusals
from offhook.http.deps import HttpLimits
from offhook.http.edge.addresses import Addresses
from offhook.http.edge.connection_shares import ConnectionShares, SharedConnection, Stage
from offhook.http.refusals import Refusal, refusal_answer

OWN_DESCRIPTORS = 256
"""Reserved for the database, outgoing webhooks, files and the event loop."""

_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class BoundedProtocol(HttpToolsProtocol, SharedConnection):
    """uvicorn's HTTP/1.1 protocol with the bounds of this module; :func:`bounded` sets them."""

    limits: HttpLimits
    clock: Clock
    shares: ConnectionShares[SharedConnection]
    addresses: Addresses
    handshake: SharedConnection | None = None
    """What holds the connection's place until its TLS handshake is done."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_headers = False
        self._in_body = False
        self._header_size = 0
        self._requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make room for the connection or refuse it; start the first request's clock."""
        if self.handshake is not None:
            self.shares.leave(self.handshake)
        super().connection_made(transport)  # type: ignore[arg-type]
        peer = self.client[0] if self.client else ""
        goes = self.shares.arrive(self, self.addresses.of_peer(peer))
        if goes is not None:
            goes.give_way()
        if goes is not self:
            self._set_deadline(self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._clear_deadline()
        self.shares.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, then set the deadline for the next stage."""
        before = (self._requests, self._in_headers, self._in_body)
        if not self._in_body:
            data = _without_upgrade(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        self.shares.move(self, Stage.HALF_OPEN if self._in_headers else Stage.BUSY)
        if self._in_headers:
            self._header_size += len(data)
            if self._header_size > self.limits.header_bytes:
                self._refuse(refusals.HEADERS_TOO_LARGE)
                return
        if (self._requests, self._in_headers, self._in_body) != before:
            self._clear_deadline()
        if self._deadline is None and (self._in_headers or self._in_body):
            limits = self.limits
            self._set_deadline(limits.body_seconds if self._in_body else limits.header_seconds)

    def on_message_begin(self) -> None:
        """A request has begun."""
        self._requests += 1
        self._in_headers = True
        self._header_size = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are complete."""
        self._in_headers = False
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is complete."""
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 to data that is not HTTP."""
        self._refuse(refusals.BAD_REQUEST)

    def give_way(self) -> None:
        self._clear_deadline()
        self._refuse(refusals.UNAVAILABLE)

    def _set_deadline(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        answered = self._in_body and self.cycle is not None and self.cycle.response_started
        if answered or not (self._in_headers or self._in_body):
            self.transport.close()
        else:
            self._refuse(refusals.TIMEOUT)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and close without the application."""
        if self.transport.is_closing():
            return
        answer = refusal_answer(refusal, self.clock.now())
        self.transport.write(
            STATUS_LINE[answer.status]
            + b"content-type: application/json\r\ncontent-length: %d\r\n" % len(answer.body)
            + b"connection: close\r\n\r\n"
            + answer.body
        )
        self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """Rename an ``Upgrade`` header: we offer no upgrade, and may ignore it (RFC 9110 §7.8).

    The parser would stop there, and Java's and curl's clients ask for h2c with their first request,
    body included.
    """
    if b"pgrade" not in data and b"PGRADE" not in data:
        return data
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-upgrade:", head) + end + rest


def bounded(limits: HttpLimits, clock: Clock, addresses: Addresses) -> type[BoundedProtocol]:
    """The protocol class with these limits."""
    shares = ConnectionShares[SharedConnection](
        total=_within_descriptors(limits.connections),
        per_address=limits.address_connections,
        half_open_per_address=limits.address_half_open,
    )
    members = {"limits": limits, "clock": clock, "shares": shares, "addresses": addresses}
    return type("BoundProtocol", (BoundedProtocol,), members)


def _within_descriptors(connections: int) -> int:
    """The number of connections that the process can open besides its own files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    return max(
        1, min(connections, soft - OWN_DESCRIPTORS if soft > 2 * OWN_DESCRIPTORS else soft // 2)
    )
