"""An asyncio event loop in virtual time: its clock jumps to the next timer instead of waiting for it.

Time advances only when nothing is ready. Real input and output still work: while external input or output
is under way (:meth:`VirtualLoop.outside`), time stands still and the loop really waits
for it, at most :data:`PATIENCE` real seconds; after that the timers go on, deadlines among them.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar, final

from offhook.clock import Clock

T = TypeVar("T")

PATIENCE = 10.0
"""Real seconds for which time stands still for one external operation."""
NANOSECOND = 1e-9
"""Passes with every jump beyond the timer: so that a comparison of times after the jump finds the timer
due, even after rounding."""


class NothingEverHappens(Exception):
    """All tasks wait and no timer runs: the simulation cannot end."""


@final
class VirtualClock(Clock):
    """The loop's time as a wall clock that begins at ``start``."""

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector event loop in virtual time, from 0."""

    def __init__(self) -> None:
        self._virtual_now = 0.0
        self._outside = 0
        self._patience_ends = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Simulated seconds since the loop was made."""
        return self._virtual_now

    @contextmanager
    def outside(self) -> Iterator[None]:
        """While the block runs, simulated time stands still."""
        self._outside += 1
        self._patience_ends = time.monotonic() + PATIENCE
        try:
            yield
        finally:
            self._outside -= 1

    def left_behind(self) -> list[str]:
        """Every task but the running one, and every timer, that still wait."""
        current = asyncio.current_task(self)
        tasks = [repr(task) for task in asyncio.all_tasks(self) if task is not current]
        timers: list[asyncio.TimerHandle] = getattr(self, "_scheduled", [])
        return tasks + [repr(timer) for timer in timers if not timer.cancelled()]

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., T], *args: object
    ) -> asyncio.Future[T]:
        """Run the function at once in this thread: a thread's work takes no simulated time."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def _real_wait(self, timeout: float | None) -> float | None:
        """Real seconds to wait for external operations now; None: time may jump."""
        if not self._outside:
            return None
        left = self._patience_ends - time.monotonic()
        if left <= 0:
            return None
        return left

    def _jump(self, seconds: float) -> None:
        self._virtual_now += seconds + NANOSECOND


class _Selector(selectors.DefaultSelector):
    """The system's selector; where it would wait for a timer, the loop's time jumps instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The ready events. Without one, either wait in real time or let the clock jump."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        patience = self._loop._real_wait(timeout)
        if patience is not None:
            ready = super().select(patience)
            if ready:
                return ready
        if timeout is None:
            raise NothingEverHappens("everything waits for something that never comes")
        self._loop._jump(timeout)
        return []
