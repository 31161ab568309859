"""One timer of the event loop for the deadlines of a protocol engine."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable


class DeadlineTimer:
    """Calls back at the earliest deadline it was given since the last call."""

    def __init__(self, fire: Callable[[], None]) -> None:
        self._fire = fire
        self._handle: asyncio.TimerHandle | None = None
        self._at = math.inf

    def set(self, deadline: float | None) -> None:
        """Call back at ``deadline``, of the monotonic clock; one that is not the earliest changes nothing.

        A timer that fires early is harmless: the engine only does what is due.
        """
        if deadline is None or deadline >= self._at:
            return
        self.cancel()
        self._at = deadline
        self._handle = asyncio.get_running_loop().call_later(
            max(0.0, deadline - time.monotonic()), self._fired
        )

    def cancel(self) -> None:
        """Call back no more, until the next deadline is set."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._at = math.inf

    def _fired(self) -> None:
        self._handle, self._at = None, math.inf
        self._fire()
