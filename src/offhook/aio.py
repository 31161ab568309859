"""The wait functions that the whole project uses. A race written by hand often forgets the tasks that
lose: a task that was canceled and never awaited still runs for a while, keeps its objects alive, and
loses its exception. Here the code that starts a task also waits for its end.

* :func:`first_of` waits for the first of several things. Coroutines become tasks of the race, and those
  that lose are canceled and awaited. Futures and tasks belong to the caller: they are only watched.
* :func:`wait_or` waits for one thing, but not longer than a timeout.
* :func:`end_all` cancels tasks and waits until they are over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, NamedTuple


class Winner(NamedTuple):
    """The winner of a race."""

    place: int
    """Its place among the arguments of :func:`first_of`."""
    result: Any


async def first_of(
    *contenders: Awaitable[object],
    timeout: float | None = None,
) -> Winner | None:
    """Wait for the first contender; None: ``timeout`` seconds passed before.

    Of several that are done at the same moment the one named first wins. Raises what the winner
    raised. When this function returns or raises, every coroutine among the contenders is over.
    """
    watched = [_future_of(contender) for contender in contenders]
    own = [future for future, given in zip(watched, contenders, strict=True) if future is not given]
    try:
        try:
            await _one_done(watched, timeout)
            place = next((place for place, future in enumerate(watched) if future.done()), None)
        finally:
            await end_all(*own)
        return None if place is None else Winner(place, watched[place].result())
    finally:
        # An exception refers to this frame by its traceback, and the futures refer to the exception.
        # Without this only the garbage collector would free that cycle.
        watched.clear()
        own.clear()
        del contenders


async def wait_or(waiting: Awaitable[object], timeout: float | None) -> bool:
    """Wait for ``waiting``; False: ``timeout`` seconds passed before, and it was canceled.

    Raises what ``waiting`` raises, a TimeoutError of its own included.
    """
    try:
        async with asyncio.timeout(timeout) as deadline:
            await waiting
    except TimeoutError:
        if not deadline.expired():
            raise
        return False
    return True


async def end_all(*tasks: asyncio.Future[Any]) -> None:
    """Cancel the tasks that still run, and wait until all are over. Their exceptions are dropped."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not report it


async def _one_done(futures: Sequence[asyncio.Future[Any]], timeout: float | None) -> None:
    """Wait until one of ``futures`` is done or ``timeout`` seconds have passed.

    asyncio.wait does the same with sets and checks, at twice the cost; every step of a call waits here.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake(_done: object = None) -> None:
        if not waiter.done():
            waiter.set_result(None)

    timer = None if timeout is None else loop.call_later(timeout, wake)
    for future in futures:
        future.add_done_callback(wake)
    try:
        await waiter
    finally:
        for future in futures:
            future.remove_done_callback(wake)
        if timer is not None:
            timer.cancel()


def _future_of(waiting: Awaitable[object]) -> asyncio.Future[Any]:
    if isinstance(waiting, asyncio.Future):
        return waiting
    loop = asyncio.get_running_loop()
    if isinstance(waiting, Coroutine):
        return loop.create_task(waiting)
    return loop.create_task(_awaited(waiting))


async def _awaited(waiting: Awaitable[object]) -> object:
    return await waiting


def abort(transport: asyncio.WriteTransport) -> None:
    """Close a transport at once, whatever its state.

    The TLS transport of Python 3.11.2, which Debian 12 has, raises AttributeError after a second ``close``.
    """
    with contextlib.suppress(AttributeError):
        transport.abort()
