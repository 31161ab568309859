"""The INVITEs of one try: one to a trunk, or one to each phone of a user, which all ring at once.

The first answer counts, and the others are canceled; so they are when one phone declines for all (6xx).
When all have refused, the best refusal is that of the try (RFC 3261 §16.7, as a forking proxy chooses):
6xx, else the lowest class; a status of our own, such as that for silence, counts least.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from offhook.sip import Answered, AnyEvent, Provisional, Rejected
from offhook.telephony.call_listeners import Listener
from offhook.telephony.endpoint import SipEndpoint


@final
class Branches:
    """The branches of one try, as if they were one. The listener gets the events of those that count."""

    def __init__(self, endpoint: SipEndpoint, listener: Listener, handles: Iterable[str]) -> None:
        """``handles``: of the INVITEs that were just sent; at least one."""
        self._endpoint = endpoint
        self._listener = listener
        self._open = list(handles)
        self._winner: str | None = None
        self._best: Rejected | None = None
        for handle in self._open:
            endpoint.listen(handle, self._on_event)

    @property
    def heard_from(self) -> bool:
        """Whether any response, 100 included, has come to one of them."""
        return any(map(self._endpoint.heard_from, self._open))

    def cancel(self) -> None:
        """Give up those that are not answered."""
        with self._endpoint.command() as (agent, now):
            for handle in self._open:
                agent.cancel(handle, now)

    def leave(self) -> None:
        """As :meth:`cancel`, and nothing more is heard of them; an answer that comes late is hung up."""
        self.cancel()
        self._winner = ""

    def bye(self) -> None:
        """Hang up the one that was answered."""
        with self._endpoint.command() as (agent, now):
            agent.bye(self._winner or self._open[0], now)

    def abandon(self) -> None:
        """Our own error: end all."""
        with self._endpoint.command() as (agent, now):
            for handle in self._open:
                agent.abandon(handle, now)

    def _on_event(self, event: AnyEvent) -> None:
        if isinstance(event, Rejected):
            self._rejected(event)
        elif self._winner is not None and event.handle != self._winner:
            self._too_late(event)
        elif isinstance(event, Answered):
            self._answered(event)
        elif self._winner is not None or isinstance(event, Provisional):
            self._listener(event)

    def _answered(self, event: Answered) -> None:
        self._winner = event.handle
        self._cancel_all_but(event.handle)
        self._listener(event)

    def _too_late(self, event: AnyEvent) -> None:
        """Another phone answered while our CANCEL was on its way."""
        if isinstance(event, Answered):
            with self._endpoint.command() as (agent, now):
                agent.bye(event.handle, now)

    def _rejected(self, event: Rejected) -> None:
        if event.handle in self._open:
            self._open.remove(event.handle)
        if self._winner is not None:
            return
        self._best = event if self._best is None else min(self._best, event, key=_rank)
        if not self._open:
            self._listener(self._best)
        elif event.status >= 600:
            self._cancel_all_but(event.handle)

    def _cancel_all_but(self, kept: str) -> None:
        others = [handle for handle in self._open if handle != kept]
        with self._endpoint.command() as (agent, now):
            for handle in others:
                agent.cancel(handle, now)


def _rank(event: Rejected) -> tuple[bool, bool, int]:
    """The smaller, the better."""
    return event.local, event.status < 600, event.status // 100
