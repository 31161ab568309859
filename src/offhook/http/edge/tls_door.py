"""Accepts connections to the https port, and gives each a place in the shares before its TLS handshake.

A handshake costs a descriptor and memory from the first packet on, and the HTTP protocol with its limits
begins only after it. So a connection takes its place here, and gives it to the HTTP protocol after the
handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import final

from offhook.http.edge.connection_shares import SharedConnection
from offhook.http.edge.connections import BoundedProtocol
from offhook.http.edge.server_tls import HANDSHAKE_SECONDS, ServerTls

log = logging.getLogger(__name__)

REST_SECONDS = 0.5
"""The wait after an error of ``accept``, such as no free descriptor."""


@final
class Handshake(SharedConnection):
    """A connection whose handshake is under way."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def give_way(self) -> None:
        """Close without an answer: nothing can be said before the handshake's end."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)


@final
class TlsDoor:
    """The accepting side of one listening socket; ``make`` makes the protocol of a connection."""

    def __init__(self, tls: ServerTls, make: Callable[[], BoundedProtocol]) -> None:
        self._tls = tls
        self._make = make
        self._handshakes: set[asyncio.Task[None]] = set()

    async def accept(self, listening: socket.socket) -> None:
        """Accept until cancelled; then the handshakes under way end too."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    sock, address = await loop.sock_accept(listening)
                except OSError as error:
                    log.error("cannot accept a connection: %s", error)
                    await asyncio.sleep(REST_SECONDS)
                    continue
                task = loop.create_task(self._secure(sock, address[0]))
                self._handshakes.add(task)
                task.add_done_callback(self._handshakes.discard)
        finally:
            for handshake in self._handshakes:
                handshake.cancel()

    async def _secure(self, sock: socket.socket, peer: str) -> None:
        """Shake hands within the shares; the protocol goes on alone afterwards."""
        protocol = self._make()
        shares = protocol.shares
        handshake = Handshake(sock)
        goes = shares.arrive(handshake, protocol.addresses.of_peer(peer))
        if goes is not None:
            goes.give_way()
        if goes is handshake:
            sock.close()
            return
        protocol.handshake = handshake
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                sock,
                ssl=self._tls.context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except OSError as error:
            log.debug("no TLS handshake: %s", error)
        finally:
            shares.leave(handshake)
