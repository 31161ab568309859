"""Group commit for PostgreSQL: calls of one kind that wait at the same moment share a statement.

A batch that fails on its way may be stored all the same: its answer was lost, or the server was stopped
and reads it later. Nobody may be told that such a call was not written. A ``repeatable`` call is sent again
until the server answers; the ids in it decide, because stored ones change nothing and wait for a
transaction that still writes them. Its caller waits for up to :data:`SETTLE_SECONDS`, then it gets
:class:`.FateUnknown`. After such a failure the next batch goes out only once the server answers a small
question, so that no further calls become doubtful.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import asyncpg

from offhook.session.ports.record import FateUnknown, StoreUnavailable
from offhook.store.postgres.pool import AWAY, NOT_STORABLE, Pool

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_MOST_WAITING = 20_000
_MOST_PER_BATCH = 256
SETTLE_SECONDS = 30.0
"""Seconds in which a call that may be stored waits for the answer, counted from its submission."""


class _Call(Generic[ItemT, ResultT]):
    """One queued item. ``taken``: it is in a batch under way; ``doubtful``: it may be stored already."""

    __slots__ = ("doubtful", "future", "item", "settle_by", "taken")

    def __init__(self, item: ItemT, future: asyncio.Future[ResultT], settle_by: float) -> None:
        self.item = item
        self.future = future
        self.settle_by = settle_by
        self.taken = False
        self.doubtful = False

    def expire(self) -> None:
        """Give up, unless it was sent."""
        if not self.taken and not self.doubtful:
            self.answer(StoreUnavailable("the database is busy or away"))

    def despair(self) -> None:
        """Give up although it was sent."""
        if self.doubtful:
            self.answer(FateUnknown("the database does not answer; the write may be stored"))

    def answer(self, result: ResultT | Exception) -> None:
        """Resolve the caller's future, if it is still awaited."""
        if self.future.done():
            return
        if isinstance(result, Exception):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class Batcher(Generic[ItemT, ResultT]):
    """Runs items in batches, one batch at a time, in the order they came.

    ``run`` gets a connection and the items, commits, and returns for each its result or the
    exception to raise. When the whole batch fails although the database is reachable, each item is run
    again by itself, so that one caller's failure does not fail the others. ``repeatable``:
    a batch may be sent again when the connection broke before its answer came.
    """

    def __init__(
        self,
        pool: Pool,
        run: Callable[
            [asyncpg.Connection, Sequence[ItemT]], Awaitable[Sequence[ResultT | Exception]]
        ],
        *,
        timeout: float,
        repeatable: bool = False,
    ) -> None:
        self._pool = pool
        self._run = run
        self._timeout = timeout
        self._repeatable = repeatable
        self._queue: deque[_Call[ItemT, ResultT]] = deque()
        self._changed = asyncio.Event()
        self._closing = False
        self._doubting = False
        """Whether the last batch failed on its way."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run batches; :meth:`close` ends it."""
        self._task = asyncio.create_task(self._work(), name="store-batches")

    async def close(self) -> None:
        """Run the waiting items, then end."""
        self._closing = True
        self._changed.set()
        if self._task is not None:
            await self._task

    async def submit(self, item: ItemT) -> ResultT:
        """Run an item in the next batch.

        Raises StoreUnavailable when it cannot begin in time, and FateUnknown when it began and the server
        has not said in time what became of it.
        """
        if self._closing or self._task is None:
            raise StoreUnavailable("the store is closed")
        if len(self._queue) >= _MOST_WAITING:
            raise StoreUnavailable("too many writes are waiting")
        loop = asyncio.get_running_loop()
        now = loop.time()
        settle_by = now + max(SETTLE_SECONDS, self._timeout)
        call: _Call[ItemT, ResultT] = _Call(item, loop.create_future(), settle_by)
        self._queue.append(call)
        self._changed.set()
        expiries = (
            loop.call_at(now + self._timeout, call.expire),
            loop.call_at(settle_by, call.despair),
        )
        try:
            return await call.future
        finally:
            for expiry in expiries:
                expiry.cancel()

    async def _work(self) -> None:
        while self._queue or not self._closing:
            if not self._queue:
                self._changed.clear()
                await self._changed.wait()
            else:
                await self._next_batch()

    async def _next_batch(self) -> None:
        batch: list[_Call[ItemT, ResultT]] = []
        try:
            async with self._pool.connection() as connection:
                if self._doubting:
                    await connection.execute("SELECT")
                    self._doubting = False
                batch = self._take()
                if batch:
                    await self._answer(connection, batch)
        except StoreUnavailable as error:
            self._put_back(batch, error)

    def _take(self) -> list[_Call[ItemT, ResultT]]:
        taken: list[_Call[ItemT, ResultT]] = []
        while self._queue and len(taken) < _MOST_PER_BATCH:
            call = self._queue.popleft()
            if not call.future.done():
                call.taken = True
                taken.append(call)
        return taken

    def _put_back(self, batch: list[_Call[ItemT, ResultT]], error: StoreUnavailable) -> None:
        """After a failure: queue again what may be sent again in time, and fail the rest."""
        self._doubting = True
        now = asyncio.get_running_loop().time()
        for call in reversed(batch):
            call.taken, call.doubtful = False, True
            if not self._repeatable:
                call.answer(StoreUnavailable(str(error)))
            elif now < call.settle_by and not self._closing:
                self._queue.appendleft(call)
            else:
                call.despair()
        while self._queue and self._queue[0].future.done():
            self._queue.popleft()

    async def _answer(
        self, connection: asyncpg.Connection, batch: list[_Call[ItemT, ResultT]]
    ) -> None:
        """Run a batch and answer its callers."""
        results: Sequence[ResultT | Exception]
        try:
            results = await self._run(connection, [call.item for call in batch])
        except Exception as error:
            if isinstance(error, AWAY) and not isinstance(error, NOT_STORABLE):
                raise
            if len(batch) > 1:
                for call in batch:
                    await self._answer(connection, [call])
                return
            results = [error]
        for call, result in zip(batch, results, strict=True):
            call.answer(result)
