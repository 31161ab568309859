"""What runs at this moment, read once a second for all who look, and only while somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import msgspec

from offhook.aio import end_all, first_of
from offhook.codes import SessionStatus
from offhook.console.console_parts import ConsoleParts
from offhook.console.live_calls import LiveCall, live_call
from offhook.session.ports.record import SessionFilter, StoreUnavailable
from offhook.session.session import Session

MOST_ROWS = 100
"""Rows that are shown; the number of all is shown, too."""
MOST_STREAMS = 100
"""Browsers that follow at once, of this process; more of them ask again and again."""
EVERY = 1.0
"""Seconds between two looks."""
LONGEST = 120.0
"""Seconds of a stream; the browser then asks again, and is let in anew."""
COMMENT_AFTER = 15
"""Looks without a change, after which a comment keeps the connection open."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What runs and waits."""

    calls: list[LiveCall]
    """At most :data:`MOST_ROWS`, the newest first."""
    more: bool
    """Whether there are more than those."""


class Board:
    """Reads what runs."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._streams = 0
        self._looks: dict[tuple[str, ...], tuple[float, Snapshot]] = {}

    async def look(self, owners: Sequence[str]) -> Snapshot:
        """What runs now, of some sub-accounts; at most a second old."""
        now, key = self._parts.clock.monotonic(), tuple(owners)
        fresh = {key: look for key, look in self._looks.items() if now - look[0] < EVERY * 0.9}
        if key not in fresh:
            fresh[key] = now, await self._read(owners)
        self._looks = fresh
        return fresh[key][1]

    async def _read(self, owners: Sequence[str]) -> Snapshot:
        found: list[Session] = []
        more = False
        for status in (SessionStatus.RUNNING, SessionStatus.QUEUED):
            page, following = await self._parts.store.every_session(
                SessionFilter(status=status), owners=owners, limit=MOST_ROWS
            )
            found += page
            more = more or following is not None
        more = more or len(found) > MOST_ROWS
        rows = [await self._row(session) for session in found[:MOST_ROWS]]
        return Snapshot(calls=rows, more=more)

    async def _row(self, session: Session) -> LiveCall:
        if session.status is SessionStatus.QUEUED:
            return live_call(session, ())
        events = await self._parts.store.events(session.session_id)
        return live_call(session, [event for _, event in events])

    def full(self) -> bool:
        """Whether as many follow as may."""
        return self._streams >= MOST_STREAMS

    async def follow(self, owners: Sequence[str]) -> AsyncGenerator[bytes, None]:
        """Server-sent events: what runs, whenever that changes."""
        self._streams += 1
        stopping = asyncio.ensure_future(self._parts.stopping.wait())
        sent, quiet = b"", 0
        until = self._parts.clock.monotonic() + LONGEST
        try:
            while not stopping.done() and self._parts.clock.monotonic() < until:
                try:
                    now = msgspec.json.encode(await self.look(owners))
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
