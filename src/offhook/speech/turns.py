"""Turns at a few workers, one for each part of a sound that is made.

A long text is made in parts of a second or two, and every part takes a turn of its own. Whenever a worker is
free, what is most urgent gets it: the first words that a caller on the phone waits for come before the
next sentence of a text that plays, and that before what is made while a phone still rings. Among
requests of the same urgency the owners take turns, and an owner's requests keep their order. What has waited
for long becomes more urgent, so that nobody waits for ever.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from offhook.session.ports.speech import Urgency, Urgent
from offhook.speech.shares import TooBusy

AGEING: Final = 5.0
"""Seconds of waiting that count as one degree of urgency."""
_OWNERS: Final = 10_000
"""Owners whose last turn is remembered."""


class TurnRequest(NamedTuple):
    """Who asks for turns. One text is one request, and takes a turn for each of its parts."""

    owner: str
    urgent: Urgent
    parts: Callable[[], int]
    """How many parts of it were made."""
    number: int
    """The lower one was first."""


def aged(urgency: Urgency, waited: float) -> int:
    """How urgent something is after ``waited`` seconds in the line. What nobody waits for never gains."""
    if urgency is Urgency.SPARE:
        return urgency
    return max(Urgency.NOW, urgency - int(waited / AGEING))


class _Ticket(NamedTuple):
    request: TurnRequest
    at: int | None
    """The only worker that can go on with it; None: it has not begun."""
    since: float
    turn: asyncio.Future[int]


class WorkTurns:
    """The turns at ``size`` workers, which are numbered from 0. To be used on one loop."""

    def __init__(
        self, size: int, *, waiting: int, patience: float, begins: Callable[[int], bool]
    ) -> None:
        """At most ``waiting`` requests of an owner that have not begun may wait, each for ``patience``
        seconds. ``begins`` says whether a worker may begin something new.
        """
        self._free = set(range(size))
        self._waiting = waiting
        self._patience = patience
        self._begins = begins
        self._tickets: list[_Ticket] = []
        self._served: OrderedDict[str, int] = OrderedDict()
        """Of each owner: when it had its last turn."""
        self._turns = 0
        self._requests = 0

    def request(
        self, owner: str, urgent: Urgent, parts: Callable[[], int] = lambda: 0
    ) -> TurnRequest:
        """Something new to be made; ``parts``: how many of it were made."""
        self._requests += 1
        return TurnRequest(owner, urgent, parts, self._requests)

    async def take(
        self, request: TurnRequest, at: int | None = None, *, held: int | None = None
    ) -> int:
        """Wait for a worker, for that one if ``at`` is given. Raises :class:`.shares.TooBusy`.

        It is the caller's until :meth:`give_back`. ``held``: the worker that the caller has; it is given
        back, and perhaps comes again at once.
        """
        loop = asyncio.get_running_loop()
        ticket = _Ticket(request, at, loop.time(), loop.create_future())
        new = sum(each.at is None and each.request.owner == request.owner for each in self._tickets)
        refused = at is None and held is None and not self._free and new >= self._waiting
        if refused:
            raise TooBusy("too many requests wait already")
        self._tickets.append(ticket)
        if held is not None:
            self._free.add(held)
        self._serve()
        try:
            async with asyncio.timeout(self._patience):
                return await ticket.turn
        except BaseException as error:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
            elif ticket.turn.done() and not ticket.turn.cancelled():
                self.give_back(ticket.turn.result())  # it came at the moment the wait ended
            if isinstance(error, TimeoutError):
                raise TooBusy("no place was free in time") from error
            raise

    def give_back(self, worker: int) -> None:
        """The worker is free again."""
        self._free.add(worker)
        self._serve()

    def _serve(self) -> None:
        for worker in sorted(self._free):
            ticket = self._next(worker)
            if ticket is None:
                continue
            self._tickets.remove(ticket)
            self._free.discard(worker)
            self._turns += 1
            self._served[ticket.request.owner] = self._turns
            self._served.move_to_end(ticket.request.owner)
            if len(self._served) > _OWNERS:
                self._served.popitem(last=False)
            ticket.turn.set_result(worker)

    def _next(self, worker: int) -> _Ticket | None:
        """Whose turn it is at a free worker."""
        at = asyncio.get_running_loop().time()
        places = (None, worker) if self._begins(worker) else (worker,)
        open_ = [each for each in self._tickets if each.at in places and not each.turn.done()]
        return min(open_, key=lambda each: self._place(each, at), default=None)

    def _place(self, ticket: _Ticket, at: float) -> tuple[int, int, int, int]:
        request = ticket.request
        urgency = aged(request.urgent(), at - ticket.since)
        # Of texts that are waited for those come first of which least was heard.
        parts = request.parts() if urgency == Urgency.NOW else 0
        return urgency, self._served.get(request.owner, 0), parts, request.number
