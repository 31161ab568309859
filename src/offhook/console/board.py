"""What runs at this moment: one look at the store a second for all visitors, only while there are any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import NamedTuple

import msgspec

from offhook.aio import end_all, first_of
from offhook.clock import Clock
from offhook.codes import SessionStatus
from offhook.console.live_calls import LiveCall, live_call
from offhook.session.ports.console_records import ConsoleRecords
from offhook.session.ports.record import StoreUnavailable

MOST_ROWS = 100
"""Rows that a visitor sees."""
MOST_READ = 400
"""Sessions that one look reads, of all sub-accounts on an open page."""
LAST_EVENTS = 16
"""Of each session; what it does now stands in the last few."""
MOST_STREAMS = 100
"""Browsers that follow at once, of this process; more of them ask again and again."""
EVERY = 1.0
"""Seconds between two looks."""
WATCHED_FOR = 5.0
"""Seconds after which a sub-account that nobody looks at any more is not read again."""
LONGEST = 120.0
"""Seconds of a stream; the browser then asks again, and is let in anew."""
COMMENT_AFTER = 15
"""Looks without a change, after which a comment keeps the connection open."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What runs and waits."""

    calls: list[LiveCall]
    """At most :data:`MOST_ROWS`: those that run before those that wait, the newest first."""
    more: bool
    """Whether there are more than those."""
    trunks: list[str]
    """Of all calls that were read, whatever trunk was chosen."""


class Watch(NamedTuple):
    """What a visitor looks at."""

    owners: tuple[str, ...]
    """Sub-accounts."""
    trunk: str = ""
    """'': every one."""


class Reading(NamedTuple):
    """What the last look found."""

    at: float
    owners: frozenset[str]
    calls: list[LiveCall]
    cut: bool
    """Whether the look was at its limit: there are more."""


class Board:
    """Reads what runs, once for everybody."""

    def __init__(self, store: ConsoleRecords, clock: Clock, stopping: asyncio.Event) -> None:
        self._store = store
        self._clock = clock
        self._stopping = stopping
        """Set: streams end."""
        self._streams = 0
        self._watched: dict[str, float] = {}
        """Each sub-account and when a page last showed it."""
        self._reading = Reading(float("-inf"), frozenset(), [], cut=False)
        self._one_at_a_time = asyncio.Lock()

    async def look(self, watch: Watch) -> Snapshot:
        """What runs now; at most a second old. Raises StoreUnavailable."""
        self._watched |= dict.fromkeys(watch.owners, self._clock.monotonic())
        async with self._one_at_a_time:
            if not self._is_fresh(watch.owners):
                self._reading = await self._read()
        return _snapshot(self._reading, watch)

    def _is_fresh(self, owners: Sequence[str]) -> bool:
        young = self._clock.monotonic() - self._reading.at < EVERY * 0.9
        return young and self._reading.owners.issuperset(owners)

    async def _read(self) -> Reading:
        now = self._clock.monotonic()
        self._watched = {owner: at for owner, at in self._watched.items() if now - at < WATCHED_FOR}
        owners = frozenset(self._watched)
        found = await self._store.live_sessions(
            owners, each=MOST_ROWS + 1, limit=MOST_READ, events=LAST_EVENTS
        )
        newest = sorted(found, key=lambda one: one.session.created_at, reverse=True)
        newest.sort(key=lambda one: one.session.status is SessionStatus.QUEUED)
        calls = [live_call(one) for one in newest]
        return Reading(now, owners, calls, len(found) >= MOST_READ)

    def full(self) -> bool:
        """Whether as many follow as may."""
        return self._streams >= MOST_STREAMS

    async def follow(self, watch: Watch) -> AsyncGenerator[bytes, None]:
        """Server-sent events: what runs, whenever that changes."""
        self._streams += 1
        stopping = asyncio.ensure_future(self._stopping.wait())
        sent, quiet = b"", 0
        until = self._clock.monotonic() + LONGEST
        try:
            while not stopping.done() and self._clock.monotonic() < until:
                try:
                    now = msgspec.json.encode(await self.look(watch))
                except StoreUnavailable:
                    now = sent
                if now != sent:
                    yield b"event: calls\ndata: %s\n\n" % now
                    sent, quiet = now, 0
                elif (quiet := quiet + 1) >= COMMENT_AFTER:
                    yield b": still here\n\n"
                    quiet = 0
                await first_of(stopping, timeout=EVERY)
        finally:
            self._streams -= 1
            await end_all(stopping)


def _snapshot(reading: Reading, watch: Watch) -> Snapshot:
    owners: Collection[str] = frozenset(watch.owners)
    own = [call for call in reading.calls if call.account in owners]
    shown = [call for call in own if watch.trunk in ("", call.trunk)]
    return Snapshot(
        calls=shown[:MOST_ROWS],
        more=reading.cut or len(shown) > MOST_ROWS,
        trunks=sorted({call.trunk for call in own if call.trunk}),
    )
