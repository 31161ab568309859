"""Where an endpoint's datagrams come from and go to: its own UDP socket, or one that workers share.

Several workers share one UDP socket like this. The supervisor binds it, and every process inherits it. Only
the front reads it (:mod:`.sip_front`): one reader keeps the order of a peer's messages, and while it restarts
they wait in the socket. It passes each datagram to the worker that it is for over a stream socket of that
worker. Workers send on the UDP socket themselves.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Final, final

from offhook.telephony.transports.sockets import bound_socket

log = logging.getLogger(__name__)

BATCH: Final = 16
"""Datagrams read before other tasks of the loop get their turn."""
_RECONNECT: Final = 0.1
"""Seconds between two tries to reach the front."""
_CHUNK: Final = 8_192
"""Octets read at a time: about as many messages as :data:`BATCH`."""
_HEAD: Final = struct.Struct(">IHB")
"""Octets that follow, port, octets of the host."""

Datagram = tuple[bytes, tuple[str, int]]
"""The octets, and the host and port they came from."""


class DatagramPort(ABC):
    """A UDP address, as an endpoint uses it."""

    @property
    @abstractmethod
    def socket(self) -> socket.socket:
        """To send with."""

    @abstractmethod
    def start(self, readable: Callable[[], None]) -> None:
        """Call ``readable`` on the running loop whenever datagrams may have come."""

    @abstractmethod
    def receive(self) -> list[Datagram]:
        """What has come, in order; about :data:`BATCH` at the most."""

    @abstractmethod
    def close(self) -> None:
        """Stop reading, and close."""


@final
class OwnPort(DatagramPort):
    """A socket of this endpoint alone."""

    def __init__(self, host: str, port: int) -> None:
        """Bind. Raises OSError when the address is taken or not ours."""
        self._socket = bound_socket(host, port)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def socket(self) -> socket.socket:
        return self._socket

    def start(self, readable: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), readable)

    def receive(self) -> list[Datagram]:
        datagrams: list[Datagram] = []
        for _ in range(BATCH):
            try:
                data, source = self._socket.recvfrom(65_535)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                log.debug("receiving: %s", error)
                continue
            datagrams.append((data, (source[0], source[1])))
        return datagrams

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()


@final
class SharedPort(DatagramPort):
    """A worker's part of a socket that all workers share."""

    def __init__(self, descriptor: int, path: str, worker: int) -> None:
        """``descriptor``: the inherited UDP socket. ``path``: the front's Unix socket."""
        self._socket = socket.socket(fileno=descriptor)
        self._path = path
        self._worker = worker
        self._front: socket.socket | None = None
        self._buffer = bytearray()
        self._readable: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._retry: asyncio.TimerHandle | None = None

    @property
    def socket(self) -> socket.socket:
        return self._socket

    def start(self, readable: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._readable = readable

    def open(self) -> None:
        """Begin to receive; before that this worker gets no datagram. Call it after :meth:`start`."""
        self._connect()

    def receive(self) -> list[Datagram]:
        if self._front is None:
            return []
        try:
            octets = self._front.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            octets = b""
        if not octets:
            log.warning("the SIP front is gone; connecting to it again")
            self._disconnect()
            self._connect()
            return []
        self._buffer += octets
        return list(_frames(self._buffer))

    def close(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        self._disconnect()
        self._socket.close()

    def _connect(self) -> None:
        assert self._loop is not None and self._readable is not None  # noqa: PT018 started
        self._retry = None
        front = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            front.connect(self._path)
            front.sendall(bytes([self._worker]))
            front.setblocking(False)
        except OSError:
            front.close()
            self._retry = self._loop.call_later(_RECONNECT, self._connect)
            return
        self._front = front
        self._loop.add_reader(front.fileno(), self._readable)

    def _disconnect(self) -> None:
        front, self._front = self._front, None
        self._buffer.clear()
        if front is not None and self._loop is not None:
            self._loop.remove_reader(front.fileno())
            front.close()


def framed(datagram: bytes, source: tuple[str, int]) -> bytes:
    """A datagram as the front passes it on."""
    host = source[0].encode("ascii", "replace")[:255]
    return _HEAD.pack(len(host) + len(datagram), source[1], len(host)) + host + datagram


def _frames(buffer: bytearray) -> Iterator[Datagram]:
    """Take the whole frames out of ``buffer``."""
    at = 0
    while len(buffer) - at >= _HEAD.size:
        size, port, host_size = _HEAD.unpack_from(buffer, at)
        begin = at + _HEAD.size
        if len(buffer) < begin + size:
            break
        at = begin + size
        host = buffer[begin : begin + host_size].decode("ascii")
        yield bytes(buffer[begin + host_size : at]), (host, port)
    del buffer[:at]
