"""Delivers the events of a user agent to the listeners of its calls, one at a time and in order."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable

from offhook.faults import FaultLog
from offhook.sip import (
    AnyEvent,
    Canceled,
    Ended,
    IncomingInvite,
    IncomingRegister,
    OptionsAnswered,
    RegistrationChanged,
    Rejected,
)

log = logging.getLogger(__name__)

Listener = Callable[[AnyEvent], None]
IncomingListener = Callable[[IncomingInvite], None]
RegisterListener = Callable[[IncomingRegister], None]


class CallListeners:
    """The listeners by the handle of their call, and the events that wait for them.

    A listener may give commands, which make more events: these wait until it has returned. If a listener
    raises, only its call is ended, and the error is logged.
    """

    def __init__(
        self, *, refuse: Callable[[str], None], abandon: Callable[[str], None], faults: FaultLog
    ) -> None:
        """``refuse`` answers a call that nobody takes; ``abandon`` ends one whose listener raised."""
        self._refuse = refuse
        self._abandon = abandon
        self._faults = faults
        self._by_handle: dict[str, Listener] = {}
        self._incoming: IncomingListener | None = None
        self._registering: RegisterListener | None = None
        self._events: deque[AnyEvent] = deque()
        self._delivering = False

    def __len__(self) -> int:
        return len(self._by_handle)

    def listen(self, handle: str, listener: Listener) -> None:
        """Call ``listener`` for each event of one call, up to its last."""
        self._by_handle[handle] = listener

    def on_incoming(self, listener: IncomingListener) -> None:
        """Call ``listener`` for each new call."""
        self._incoming = listener

    def on_register(self, listener: RegisterListener) -> None:
        """Call ``listener`` for each REGISTER that was admitted."""
        self._registering = listener

    def forget(self, handle: str) -> None:
        """Remove the listener of a call that gets no last event, unless one waits for it."""
        if not any(event.handle == handle for event in self._events):
            self._by_handle.pop(handle, None)

    def clear(self) -> None:
        """Remove all listeners."""
        self._by_handle.clear()

    def add(self, events: Iterable[AnyEvent]) -> None:
        """``events`` wait for :meth:`deliver`."""
        self._events.extend(events)

    def deliver(self) -> bool:
        """Deliver what waits; False: a listener called this, and what waits comes after it."""
        if self._delivering:
            return False
        self._delivering = True
        try:
            while self._events:
                self._deliver(self._events.popleft())
        finally:
            self._delivering = False
        return True

    def _deliver(self, event: AnyEvent) -> None:
        try:
            if isinstance(event, IncomingInvite):
                self._deliver_invite(event)
                return
            if isinstance(event, IncomingRegister):
                if self._registering is None:
                    self._abandon(event.handle)
                else:
                    self._registering(event)
                return
            listener = self._by_handle.get(event.handle)
            if _is_last(event):
                self._by_handle.pop(event.handle, None)
            if listener is not None:
                listener(event)
        except Exception:
            self._faults.report(f"handling {type(event).__name__} of a call")
            self._abandon(event.handle)

    def _deliver_invite(self, event: IncomingInvite) -> None:
        if self._incoming is None:
            self._refuse(event.handle)
        else:
            self._incoming(event)


def _is_last(event: AnyEvent) -> bool:
    """Whether no event of its handle comes after it."""
    if isinstance(event, RegistrationChanged):
        return event.ended
    return isinstance(event, Rejected | Canceled | Ended | OptionsAnswered)
