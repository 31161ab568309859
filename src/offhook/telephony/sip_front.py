"""The front of one SIP address: it alone reads the socket, and passes each datagram to its worker.

A worker connects to the front's Unix socket, says its number, and counts as living until the connection ends,
which it does when the process dies. What is for a worker whose buffer is full is dropped, as by a full socket
buffer; SIP over UDP repeats it. The front keeps no state of calls, so it can be replaced at any time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, final

from offhook.sip.demux import Distribution
from offhook.telephony.transports.datagram_port import BATCH, framed

log = logging.getLogger(__name__)

MOST_WAITING: Final = 4 << 20
"""Octets that wait for one worker at the most."""
_LOGGED_EVERY: Final = 60.0
_HELLO: Final = 5.0
"""Seconds a worker has to say its number."""


@final
class _Worker:
    """A connected worker."""

    def __init__(self, connection: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self.connection = connection
        self._loop = loop
        self._waiting = bytearray()
        self._writing = False
        self.lost = False
        """Whether the connection has ended."""

    def add(self, frame: bytes) -> bool:
        """Queue a frame until :meth:`flush`; False: it is dropped."""
        if len(self._waiting) + len(frame) > MOST_WAITING:
            return False
        self._waiting += frame
        return True

    def flush(self) -> None:
        """Write what waits."""
        try:
            while self._waiting:
                sent = self.connection.send(self._waiting)
                del self._waiting[:sent]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.lost = True
            self._waiting.clear()
        if bool(self._waiting) != self._writing:
            self._writing = bool(self._waiting)
            if self._writing:
                self._loop.add_writer(self.connection.fileno(), self.flush)
            else:
                self._loop.remove_writer(self.connection.fileno())

    def close(self) -> None:
        """The worker is gone."""
        self._loop.remove_reader(self.connection.fileno())
        self._loop.remove_writer(self.connection.fileno())
        self.connection.close()


@final
class Front:
    """Passes the datagrams of ``sip`` on. To be used on one loop."""

    def __init__(self, sip: socket.socket, path: str, workers: int) -> None:
        """``sip``: bound and not blocking; the caller closes it. ``path``: of the Unix socket to make."""
        self._sip = sip
        self._path = path
        self._distribution = Distribution(workers)
        self._most = workers
        self._workers: dict[int, _Worker] = {}
        self._loop = asyncio.get_running_loop()
        self._listener: socket.socket | None = None
        self._dropped = 0
        self._logged_at = float("-inf")
        self._greeted: dict[socket.socket, asyncio.TimerHandle] = {}
        """Connections that have not said their number."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when a worker came or went."""

    @property
    def living(self) -> frozenset[int]:
        """The numbers of the connected workers."""
        return frozenset(self._workers)

    def start(self) -> None:
        """Listen for workers, and begin to read. Raises OSError."""
        with suppress(FileNotFoundError):
            os.unlink(self._path)  # of a front that was killed
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(self._path)
        self._listener.listen(64)
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Stop."""
        self._loop.remove_reader(self._sip.fileno())
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
        for connection in list(self._greeted):
            self._forget(connection)
            connection.close()
        for number in list(self._workers):
            self._remove(number)

    def _accept(self) -> None:
        assert self._listener is not None
        with suppress(OSError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            late = self._loop.call_later(_HELLO, self._turn_away, connection)
            self._greeted[connection] = late
            self._loop.add_reader(connection.fileno(), self._greet, connection)

    def _forget(self, connection: socket.socket) -> None:
        self._greeted.pop(connection).cancel()
        self._loop.remove_reader(connection.fileno())

    def _turn_away(self, connection: socket.socket) -> None:
        self._forget(connection)
        connection.close()

    def _greet(self, connection: socket.socket) -> None:
        try:
            said = connection.recv(1)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            said = b""
        if not said or said[0] >= self._most:
            self._turn_away(connection)
            return
        self._forget(connection)
        number = said[0]
        if number in self._workers:
            self._remove(number)
        self._workers[number] = _Worker(connection, self._loop)
        self._loop.add_reader(connection.fileno(), self._ended, number)
        if len(self._workers) == 1:
            # Before the first worker is there, datagrams wait in the socket.
            self._loop.add_reader(self._sip.fileno(), self._readable)
        self.on_change()

    def _ended(self, number: int) -> None:
        """A worker never says more: its connection has ended."""
        with suppress(BlockingIOError, InterruptedError, OSError):
            if self._workers[number].connection.recv(64):
                return
        log.warning("voice worker %d is gone; its calls are lost, new ones go to others", number)
        self._remove(number)

    def _remove(self, number: int) -> None:
        self._workers.pop(number).close()
        if not self._workers:
            self._loop.remove_reader(self._sip.fileno())
        self.on_change()

    def _readable(self) -> None:
        touched: set[int] = set()
        for _ in range(BATCH):
            try:
                data, source = self._sip.recvfrom(65_535)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                log.debug("receiving: %s", error)
                continue
            number = self._distribution.worker_for(data, self._workers)
            if number is None:
                continue
            if self._workers[number].add(framed(data, (source[0], source[1]))):
                touched.add(number)
            else:
                self._drop(number)
        for number in touched:
            self._workers[number].flush()
            if self._workers[number].lost:
                self._remove(number)

    def _drop(self, number: int) -> None:
        self._dropped += 1
        now = time.monotonic()
        if now - self._logged_at >= _LOGGED_EVERY:
            log.warning("voice worker %d is too slow: %d datagrams dropped", number, self._dropped)
            self._logged_at, self._dropped = now, 0
