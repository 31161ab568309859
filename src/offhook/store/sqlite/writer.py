"""The one writer of a process: a thread that commits all waiting operations in one transaction.

Theory of operation. Callers on the event loop queue an operation and await its future. The thread
takes the write lock of the file (``BEGIN IMMEDIATE``), then everything that waits by then, runs it
group by group, commits, and only then resolves the futures: a resolved write is durable
(``synchronous=FULL``). While it commits, the next operations queue up; no operation is delayed to make a
group larger.

Operations of one handler run together, a few statements for all of them. When anything in the
transaction raises, it is rolled back and run again with each item under a savepoint of its own, so that
one caller's failure does not fail the others. So an operation may be run twice.

Other processes hold the lock in turn. SQLite's own waiting sleeps up to 100 ms at a time and can starve a
process, so we try again every half millisecond (``docs/decisions/store.md``).
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from offhook.session.ports.record import StoreUnavailable
from offhook.store.reasons import reason
from offhook.store.sqlite.connection import connect, identity

log = logging.getLogger(__name__)

T = TypeVar("T")
Handler = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
"""Runs items in the open transaction; returns for each its result, or the exception to raise."""

_RETRY = 0.0005
"""Seconds between two attempts while another process has the lock."""
_MOST_WAITING = 20_000
_MOST_PER_TRANSACTION = 512
RESOLVED_AT_ONCE = 16
"""Callers that go on in one turn of the event loop."""
_BACK_OFF = 0.1
"""Seconds before the next attempt while the file cannot be opened."""


class _QueuedCall:
    """One queued call. ``taken`` (under the writer's lock): it is in a transaction by now."""

    __slots__ = ("future", "handler", "item", "taken")

    def __init__(self, handler: Handler, item: Any, future: asyncio.Future[Any]) -> None:
        self.handler = handler
        self.item = item
        self.future = future
        self.taken = False


class Writer:
    """Runs writes in one thread. ``timeout``: seconds an operation waits for its transaction."""

    def __init__(self, path: Path, *, timeout: float = 5.0) -> None:
        self._path = path
        self._timeout = timeout
        self._queue: SimpleQueue[_QueuedCall | None] = SimpleQueue()
        """What the thread has not looked at; None: close. Its wake-up costs a third of a Condition's."""
        self._waiting: deque[_QueuedCall] = deque()
        """What the thread has looked at, and takes into its next transaction. It alone changes this."""
        self._taking = threading.Lock()
        self._came = 0
        """Operations that were queued; only the event loop changes it."""
        self._went = 0
        """Operations that have left the queue again; only the thread changes it, so neither count is lost."""
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="offhook-store", daemon=True)

    def start(self) -> None:
        """Start the thread; to be called on the event loop of its callers."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def close(self) -> None:
        """Commit the waiting operations (for ``timeout`` at most), then end the thread."""
        if self._loop is None:
            return
        self._closing = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, self._timeout + 5)

    async def run(self, handler: Handler, item: Any) -> Any:
        """Run an item in the next transaction; returns its result or raises its exception.

        Raises StoreUnavailable, with nothing written, when the queue is full, the file is away, or
        the transaction did not begin within ``timeout``.
        """
        loop = self._loop
        if loop is None or self._closing:
            raise StoreUnavailable("the store is closed")
        if self._came - self._went >= _MOST_WAITING:
            raise StoreUnavailable("too many writes are waiting")
        operation = _QueuedCall(handler, item, loop.create_future())
        self._came += 1
        self._queue.put(operation)
        expiry = loop.call_later(self._timeout, self._expire, operation)
        try:
            return await operation.future
        finally:
            expiry.cancel()

    async def transact(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function of the connection in the next transaction, on its own."""
        result: T = await self.run(_each, function)
        return result

    def _expire(self, operation: _QueuedCall) -> None:
        with self._taking:
            if operation.taken or operation.future.done():
                return
            operation.future.set_exception(StoreUnavailable(f"{self._path} is busy or away"))

    # --- the thread

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        file: tuple[int, int] | None = None
        while self._wait():
            try:
                if connection is not None and identity(self._path) != file:
                    connection.close()
                    connection = None
                if connection is None:
                    connection = connect(self._path)
                    file = identity(self._path)
                if self._begin(connection):
                    self._transaction(connection)
            except (sqlite3.Error, OSError) as error:
                log.warning("%s cannot be written: %s", self._path, reason(error))
                self._fail_waiting(error)
                if connection is not None:
                    connection.close()
                    connection = None
                time.sleep(_BACK_OFF)
        if connection is not None:
            connection.close()

    def _wait(self) -> bool:
        """Sleep until an operation waits; False: closed, and none is left."""
        while not self._waiting:
            operation = self._queue.get()
            if operation is None:
                return False
            self._waiting.append(operation)
        return True

    def _begin(self, connection: sqlite3.Connection) -> bool:
        """Take the file's write lock; False: all waiting operations have expired meanwhile."""
        while not _try_begin(connection):
            if not self._drop_expired():
                return False
            time.sleep(_RETRY)
        return True

    def _drop_expired(self) -> bool:
        """Drop the expired operations; returns whether any are left."""
        self._look()
        while self._waiting and self._waiting[0].future.done():
            self._waiting.popleft()
            self._went += 1
        return bool(self._waiting)

    def _take(self) -> list[_QueuedCall]:
        self._look()
        taken: list[_QueuedCall] = []
        with self._taking:
            while self._waiting and len(taken) < _MOST_PER_TRANSACTION:
                operation = self._waiting.popleft()
                self._went += 1
                if not operation.future.done():
                    operation.taken = True
                    taken.append(operation)
        return taken

    def _look(self) -> None:
        """Take in what has been queued meanwhile."""
        for _ in range(self._queue.qsize()):
            operation = self._queue.get()
            if operation is None:
                self._queue.put(None)  # the last one, for the moment when nothing waits
                return
            self._waiting.append(operation)

    def _transaction(self, connection: sqlite3.Connection) -> None:
        """Run the waiting operations in the transaction that was begun, commit, and resolve."""
        operations = self._take()
        groups: dict[Handler, list[_QueuedCall]] = {}
        for operation in operations:
            groups.setdefault(operation.handler, []).append(operation)
        results: list[tuple[_QueuedCall, Any]] = []
        try:
            try:
                for handler, group in groups.items():
                    results += _together(connection, handler, group)
            except Exception:
                results = self._apart(connection, groups)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            log.warning("a transaction on %s failed: %s", self._path, reason(error))
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            results = [(operation, self._unavailable(error)) for operation in operations]
        self._resolve(results)

    def _apart(
        self, connection: sqlite3.Connection, groups: dict[Handler, list[_QueuedCall]]
    ) -> list[tuple[_QueuedCall, Any]]:
        """Begin again, now with each item under a savepoint of its own."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        end = time.monotonic() + self._timeout
        while not _try_begin(connection):
            if time.monotonic() > end:
                raise sqlite3.OperationalError("the database is locked")
            time.sleep(_RETRY)
        return [
            (operation, self._known(_attempt(connection, handler, operation.item)))
            for handler, group in groups.items()
            for operation in group
        ]

    def _known(self, result: Any) -> Any:
        """Translate an error of the database to one of the store."""
        return self._unavailable(result) if isinstance(result, sqlite3.OperationalError) else result

    def _fail_waiting(self, error: Exception) -> None:
        failed: list[tuple[_QueuedCall, Any]] = []
        while taken := self._take():
            failed += [(operation, self._unavailable(error)) for operation in taken]
        self._resolve(failed)

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"{self._path} cannot be written: {reason(error)}")

    def _resolve(self, results: list[tuple[_QueuedCall, Any]]) -> None:
        assert self._loop is not None
        if results and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_set_results, self._loop, results)


def _set_results(
    loop: asyncio.AbstractEventLoop, results: list[tuple[_QueuedCall, Any]], start: int = 0
) -> None:
    """Resolve the futures, :data:`RESOLVED_AT_ONCE` in each turn of the event loop: their callers go on
    in the next one, and all calls of the process wait for them."""
    end = start + RESOLVED_AT_ONCE
    for operation, result in results[start:end]:
        if operation.future.done():
            continue
        if isinstance(result, BaseException):
            operation.future.set_exception(result)
        else:
            operation.future.set_result(result)
    if end < len(results):
        loop.call_soon(_set_results, loop, results, end)


def _try_begin(connection: sqlite3.Connection) -> bool:
    """Take the write lock; False: another process has it."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _each(
    connection: sqlite3.Connection, functions: Sequence[Callable[[sqlite3.Connection], Any]]
) -> list[Any]:
    """The handler of :meth:`Writer.transact`."""
    return [function(connection) for function in functions]


def _together(
    connection: sqlite3.Connection, handler: Handler, group: list[_QueuedCall]
) -> list[tuple[_QueuedCall, Any]]:
    results = handler(connection, [operation.item for operation in group])
    return list(zip(group, results, strict=True))


def _attempt(connection: sqlite3.Connection, handler: Handler, item: Any) -> Any:
    """One item's result, or its exception with everything it wrote undone.

    Raises the exception when SQLite has ended the whole transaction with it.
    """
    connection.execute("SAVEPOINT item")
    try:
        result = handler(connection, [item])[0]
    except Exception as error:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO item")
        result = error
    connection.execute("RELEASE item")
    return result
