"""SIP over connections (RFC 3261 §18): accepts them within limits, opens them, and uses them again.

A connection is used for everything between two hosts: an answer takes the connection of its request, and a
request takes one that is open to the same host and port (RFC 5923). It breaks as a whole: then the requests
that wait for their first answer on it fail.

Hosts that are not known share a small part of the places, so that a flood from everywhere leaves a trunk its
own (:class:`Places`).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final, NamedTuple, final

from offhook.sip import Address
from offhook.sip.stream import SipFraming, StreamFraming
from offhook.sip.transport import Protocol, Transport
from offhook.telephony.transports.resolver import Resolver
from offhook.telephony.transports.sip_connection import (
    MOST_AIMS,
    ConnectionOwner,
    Patience,
    SipConnection,
)
from offhook.telephony.transports.sip_transport import SipTransport, Standing, TransportOwner
from offhook.telephony.transports.sockets import listening_socket
from offhook.telephony.transports.tls import SipTls, mismatch
from offhook.telephony.transports.websocket import WebSocketFraming

log = logging.getLogger(__name__)

ACCEPTED_AT_ONCE: Final = 32
"""Connections accepted before other tasks of the loop get their turn."""
MOST_WAITING: Final = 64
"""Messages that wait for one connection to open."""
MOST_OPENING: Final = 200
"""Connections that open at once."""
MOST_PROVEN: Final = 1000
"""Addresses whose domain is remembered."""
WEB: Final = (Protocol.WS, Protocol.WSS)
"""What only browsers open: we cannot."""
_PAUSE: Final = 1.0
"""Seconds without accepting when the process has no descriptor left."""
_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

Place = tuple[str, int]
"""Host and port."""


class Places(NamedTuple):
    """How many connections one address takes."""

    all: int = 10_000
    unknown: int = 500
    """Of these, from hosts that are not known, together."""
    each: int = 20
    """Of these, from one host that is not known."""


@final
class StreamTransport(SipTransport, ConnectionOwner):
    """One TCP address."""

    def __init__(
        self,
        protocol: Protocol,
        host: str,
        port: int,
        *,
        advertise_host: str | None = None,
        advertise_port: int | None = None,
        tls: SipTls | None = None,
        patience: Patience = Patience(),  # noqa: B008 frozen
        places: Places = Places(),  # noqa: B008 frozen
    ) -> None:
        """``tls`` is needed for the protocols that are encrypted; the rest as :class:`SipTransport`."""
        assert protocol.secure == (tls is not None)
        super().__init__(
            protocol, host, port, advertise_host=advertise_host, advertise_port=advertise_port
        )
        self.patience = patience
        self._tls = tls
        self._places = places
        self._listener: socket.socket | None = None
        self._own: Transport | None = None
        self._by_flow: dict[int, SipConnection] = {}
        self._by_place: dict[Place, SipConnection] = {}
        """Those that are open, by where they lead."""
        self._proven: dict[Place, list[str]] = {}
        """The domains, of which one's certificate an address has shown."""
        self._opening: dict[Place, list[tuple[bytes, Address]]] = {}
        """What waits for a connection that opens."""
        self._strangers: Counter[str] = Counter()
        """Connections of each host that is not known, half-open ones included."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused = 0
        """Connections that found no place, since this was logged."""

    # --- life

    async def start(self, owner: TransportOwner, flow: int = 0) -> Transport:
        self._owner = owner
        self._listener = listening_socket(self._host, self._port)
        self._resolver = Resolver(self._listener.family, self.send, owner.fail)
        self._own = self._make_record()
        self._accept_more()
        self._spawn(self._look())
        return self._own

    async def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is None:
            return
        asyncio.get_running_loop().remove_reader(listener.fileno())
        listener.close()
        for connection in list(self._by_flow.values()):
            connection.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.resolver.close()

    @property
    def local_address(self) -> tuple[str, int]:
        if self._listener is None:
            raise RuntimeError("the endpoint is not started")
        host, port = self._listener.getsockname()[:2]
        return str(host), int(port)

    @property
    def connections(self) -> int:
        """Those that are open."""
        return len(self._by_flow)

    @property
    def half_open(self) -> int:
        """Those that shake hands, and those that we open."""
        return len(self._tasks) - (self._listener is not None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self) -> None:
        """Close what waited too long."""
        while True:
            await asyncio.sleep(self.patience.look)
            now = time.monotonic()
            for connection in list(self._by_flow.values()):
                connection.look(now)
            if self._refused:
                log.warning(
                    "%s: %d connections refused: too many are open", self.protocol, self._refused
                )
                self._refused = 0

    # --- accepting

    def _accept_more(self) -> None:
        if self._listener is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._listener.fileno(), self._acceptable)

    def _acceptable(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            if self._listener is None:
                return
            try:
                sock, far = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _NO_MORE:
                    self._rest()
                    return
                continue
            self._accept(sock, (far[0], far[1]))

    def _rest(self) -> None:
        """Without descriptors, accepting would fail at once again and again."""
        assert self._listener is not None
        log.warning("%s: no file descriptor for a new connection", self.protocol)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener.fileno())
        loop.call_later(_PAUSE, self._accept_more)

    def _accept(self, sock: socket.socket, far: Place) -> None:
        assert self._owner is not None
        standing = self._owner.standing(Address(self.protocol, *far))
        if standing is Standing.BANNED or not self._has_place(far[0], standing):
            self._refused += standing is not Standing.BANNED
            sock.close()
            return
        sock.setblocking(False)
        known = standing is Standing.KNOWN
        if not known:
            self._strangers[far[0]] += 1
        self._spawn(self._shake_hands(sock, far, known=known))

    def _has_place(self, host: str, standing: Standing) -> bool:
        if len(self._by_flow) >= self._places.all:
            return False
        strangers = self._strangers
        return standing is Standing.KNOWN or (
            strangers.total() < self._places.unknown and strangers[host] < self._places.each
        )

    async def _shake_hands(self, sock: socket.socket, far: Place, *, known: bool) -> None:
        connection = SipConnection(self, self._framing(), far, ours=False)
        connection.known = known
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                lambda: connection,
                sock,
                ssl=None if self._tls is None else self._tls.server,
                ssl_handshake_timeout=None if self._tls is None else self.patience.first,
            )
        except (OSError, TimeoutError) as error:
            log.debug("%s: a connection from %s came to nothing: %s", self.protocol, far[0], error)
            if not known and not connection.flow:
                self._leave(far[0])

    def _leave(self, host: str) -> None:
        self._strangers[host] -= 1
        if self._strangers[host] <= 0:
            del self._strangers[host]

    def _framing(self) -> StreamFraming:
        return WebSocketFraming() if self.protocol in WEB else SipFraming()

    # --- sending

    def send(self, data: bytes, destination: Address) -> None:
        if self._listener is None:
            return
        place = (destination.host, destination.port)
        connection = self._by_flow.get(destination.flow)
        if connection is None or connection.far[0] != destination.host:
            connection = self._by_place.get(place)
        if connection is not None:
            self._write(connection, data, destination)
        elif place in self._opening:
            if len(self._opening[place]) < MOST_WAITING:
                self._opening[place].append((data, destination))
        elif self.protocol in WEB:
            assert self._owner is not None
            self._owner.fail(destination, f"the connection with {destination.host} is closed")
        else:
            self._open(place, data, destination)

    def _write(self, connection: SipConnection, data: bytes, destination: Address) -> None:
        assert self._owner is not None
        if not data.startswith(b"SIP/") and len(connection.aims) < MOST_AIMS:
            connection.aims.add(destination)
        self._owner.sends(data, destination)
        connection.write(data)

    def _open(self, place: Place, data: bytes, destination: Address) -> None:
        assert self._owner is not None
        if len(self._opening) >= MOST_OPENING:
            self._owner.fail(destination, "too many connections open at once")
            return
        self._opening[place] = [(data, destination)]
        self._spawn(self._connect(place))

    async def _connect(self, place: Place) -> None:
        host, port = place
        problem = ""
        connection = SipConnection(self, self._framing(), place, ours=True)
        try:
            async with asyncio.timeout(self.patience.first):
                address = await self.resolver.resolve(host)
                if address is None:
                    problem = f"cannot look up {host}"
                else:
                    connection.far = (address, port)
                    await self._connect_to(connection)
        except TimeoutError:
            problem = f"{self.protocol}:{host}:{port} does not answer"
        except OSError as error:
            problem = f"cannot connect to {self.protocol}:{host}:{port}: {_words(error)}"
        except asyncio.CancelledError:
            problem = "we closed it"
            raise
        finally:
            waiting = self._opening.pop(place)
            self._opened(connection, place, waiting, problem)

    async def _connect_to(self, connection: SipConnection) -> None:
        loop = asyncio.get_running_loop()
        address, port = connection.far
        if self._tls is None:
            await loop.create_connection(lambda: connection, address, port)
            return
        domain = self._domains(connection)[0]
        await loop.create_connection(
            lambda: connection,
            address,
            port,
            ssl=self._tls.client,
            server_hostname=domain,
            ssl_handshake_timeout=self.patience.first,
        )

    def _domains(self, connection: SipConnection) -> list[str]:
        """Whose certificate the other end of our connection must show: that of one of them."""
        assert self._owner is not None
        place = connection.place
        return self._proven.get(place) or self._owner.domains_of(*place)

    def _opened(
        self,
        connection: SipConnection,
        place: Place,
        waiting: list[tuple[bytes, Address]],
        problem: str,
    ) -> None:
        """Send what waited, or say that it cannot be sent."""
        assert self._owner is not None
        if not problem and connection.flow in self._by_flow:
            self._by_place[place] = self._by_place[connection.far] = connection
            for data, destination in waiting:
                self._write(connection, data, destination)
            return
        where = f"{self.protocol}:{place[0]}:{place[1]}"
        problem = problem or f"cannot connect to {where}: {connection.problem}"
        log.info("%s", problem)
        for destination in {destination for _, destination in waiting}:
            self._owner.fail(destination, problem)

    def _prove(self, connection: SipConnection) -> None:
        """Where a certificate was right, it is that domain's also when only the address is known."""
        if len(self._proven) >= MOST_PROVEN:
            self._proven.clear()
        self._proven[connection.far] = self._domains(connection)

    # --- what connections tell

    def opened(self, connection: SipConnection) -> None:
        assert self._owner is not None and self._own is not None  # noqa: PT018 started
        if self._tls is not None and connection.ours:
            problem = mismatch(connection.certificate, self._domains(connection))
            if problem is not None:
                connection.abort(problem)
                return
            self._prove(connection)
        connection.flow = self._owner.joined(self._own)
        self._by_flow[connection.flow] = connection
        self._by_place.setdefault(connection.far, connection)

    def arrived(self, connection: SipConnection, messages: list[bytes]) -> None:
        owner = self._owner
        if owner is None or self._listener is None:
            return
        source = connection.peer._replace(transport=self.protocol)
        owner.take_in((message, source) for message in messages)
        if connection.known:
            return
        standing = owner.standing(source)
        if standing is Standing.BANNED:
            connection.abort("its host is banned")
        elif standing is Standing.KNOWN:
            connection.known = True
            self._leave(connection.far[0])

    def lost(self, connection: SipConnection, problem: str) -> None:
        assert self._owner is not None
        if self._by_flow.pop(connection.flow, None) is None:
            return
        self._owner.left(connection.flow)
        if not connection.known:
            self._leave(connection.far[0])
        for place in (connection.place, connection.far):
            if self._by_place.get(place) is connection:
                del self._by_place[place]
        log.debug("%s: connection with %s: %s", self.protocol, connection.far[0], problem)
        words = f"the connection with {self.protocol}:{connection.far[0]} is over: {problem}"
        for destination in connection.aims:
            self._owner.fail(destination, words)


def _words(error: OSError) -> str:
    """Why a connection failed, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if error.errno and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
