"""The reading threads of a process: a slow read does not delay other reads.

SQLite in WAL mode reads a snapshot without a lock, so any number of connections may read while one
writes. Each thread has a connection of its own, made at its first read.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from offhook.session.ports.record import StoreUnavailable
from offhook.store.sqlite.connection import connect, identity

T = TypeVar("T")

_THREADS = 4
"""Reads at once. A page of a large record takes milliseconds."""
_MOST_READS = 1_000
"""Reads that may wait at once."""


class _ThreadsFile(threading.local):
    """The connection of one thread."""

    connection: sqlite3.Connection | None = None
    file: tuple[int, int] | None = None


class Readers:
    """Runs reads in threads. ``timeout``: seconds a read may take, its wait included."""

    def __init__(self, path: Path, *, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="offhook-store-read")
        self._reader = _ThreadsFile()
        self._open: list[sqlite3.Connection] = []
        self._reads = 0

    async def close(self) -> None:
        """End the threads, close their connections."""
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._open:
            connection.close()

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function of a reading connection.

        Raises StoreUnavailable when the file is away, too many reads wait, or it takes too long.
        """
        if self._reads >= _MOST_READS:
            raise StoreUnavailable("too many reads are waiting")
        self._reads += 1
        try:
            reading = asyncio.get_running_loop().run_in_executor(
                self._threads, partial(self._read, function)
            )
            async with asyncio.timeout(self._timeout):
                return await reading
        except TimeoutError:
            raise StoreUnavailable(f"{self._path}: no answer in {self._timeout:g} s") from None
        finally:
            self._reads -= 1

    def _read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return function(self._connection())
        except (sqlite3.OperationalError, OSError) as error:
            self._drop()
            raise StoreUnavailable(f"{self._path} cannot be read: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection, to the file that the path names now."""
        reader, file = self._reader, identity(self._path)
        if reader.file != file:
            self._drop()
        if reader.connection is None:
            reader.connection = connect(self._path, readonly=True)
            reader.file = file
            self._open.append(reader.connection)
        return reader.connection

    def _drop(self) -> None:
        reader = self._reader
        if reader.connection is not None:
            self._open.remove(reader.connection)
            reader.connection.close()
        reader.connection, reader.file = None, None
