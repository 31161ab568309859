"""What ends a step of a running session from outside: a stop, another callflow, the opt-out key.

A wait inside a step watches :attr:`Interruptions.next`. A stop is final. A replacement or a key is handled by
the runner, which says so with :meth:`Interruptions.handled`; of several that come meanwhile the last counts.
"""

from __future__ import annotations

import asyncio
from enum import Enum

from offhook.execution.failures import Interrupted, OptedOut, Replaced
from offhook.flow.actions import Callflow
from offhook.session.ports.telephony import Call


class _Key(Enum):
    """The keys that interrupt a step."""

    OPT_OUT = "opt-out"


_OPT_OUT = _Key.OPT_OUT
Interruption = str | Callflow | _Key
"""The reason to stop, the callflow to run instead, or the key that was pressed."""


class Interruptions:
    """The interruptions of one session."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.next: asyncio.Future[Interruption] = self._loop.create_future()
        """Done from an interruption until it was handled."""
        self._awaited_key: str | None = None

    def come(self, why: str | Callflow) -> None:
        """``why`` interrupts the running step. An end is never undone."""
        self._come(why)

    def await_key(self, key: str | None, call: Call | None) -> None:
        """This digit on ``call`` interrupts the running step from now on; None: no longer."""
        self._awaited_key = key
        if call is not None:
            call.on_digit(self._key_pressed if key is not None else None)

    def listen_on(self, call: Call) -> None:
        """Leg A has begun: a key that is awaited is awaited on it."""
        if self._awaited_key is not None:
            call.on_digit(self._key_pressed)

    def handled(self, after: Replaced | OptedOut) -> None:
        """The interruption ``after`` was handled: accept the next one, unless one came meanwhile."""
        handled = after.callflow if isinstance(after, Replaced) else _OPT_OUT
        if self.next.done() and self.next.result() is handled:
            self.next = self._loop.create_future()

    def close(self) -> None:
        """The session is over."""
        self.next.cancel()

    def _key_pressed(self, digit: str, at: float) -> None:
        if digit == self._awaited_key:
            self._awaited_key = None
            self._come(_OPT_OUT)

    def _come(self, why: Interruption) -> None:
        if self.next.done():
            if isinstance(self.next.result(), str):
                return
            self.next = self._loop.create_future()
        self.next.set_result(why)


def exception_for(why: Interruption) -> Exception:
    """What the interrupted step raises."""
    if isinstance(why, str):
        return Interrupted(why)
    return OptedOut() if isinstance(why, _Key) else Replaced(why)
