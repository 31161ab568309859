"""Heartbeats, and the end of sessions whose node has died.

Theory of operation. A live node writes its heartbeat to the store every :data:`HEARTBEAT` seconds. Every
process looks for RUNNING sessions of nodes that are dead and ends them ``ERROR``. There are two cases:

- A node whose epoch is over, or that has retired, is dead.
- A node whose heartbeat has not changed for :data:`.DEAD_AFTER`, by this process's own monotonic clock,
  *may* be dead. The time that stands in the heartbeat is not compared with any clock: clocks may be wrong.
  Or the store was away, and live nodes could not write their heartbeats. A process that has seen the store
  away therefore judges no node by silence until it has reached the store without interruption for that long
  itself; by then every live node has written a heartbeat again.

A session that runs in this process is never ended here, even if the store says that its node is dead.
A session whose sub-account this process does not know is left to other processes for :data:`LEFT_FOR`
first: a process that knows the sub-account can also send the summary.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from offhook.clock import Clock
from offhook.session import states
from offhook.session.ports.claiming import Claiming
from offhook.session.ports.record import (
    DEAD_AFTER,
    Fenced,
    Heartbeat,
    Node,
    NodeRole,
    StoreUnavailable,
)
from offhook.session.ports.webhooks import Reports
from offhook.session.session import Session

log = logging.getLogger(__name__)

HEARTBEAT = 2.0
"""Seconds between heartbeats."""
LOOK = 1.0
"""Seconds between two looks at the heartbeats of the others."""
LEFT_FOR = 60.0
"""Seconds for which a dead node's session is left to a process that knows its sub-account."""
_LONGEST_GAP = 3 * HEARTBEAT
"""Seconds between two written heartbeats after which the store counts as having been away."""


class Liveness:
    """One registered process: its heartbeats, and its check of other nodes.

    ``runs_here`` says whether a session runs in this process, ``knows`` whether it knows a sub-account;
    ``charged`` adds what the calls of an ended session cost.
    """

    def __init__(
        self,
        *,
        store: Claiming,
        node: Node,
        clock: Clock,
        reports: Reports,
        wake_outbox: Callable[[], None],
        runs_here: Callable[[str], bool] = lambda _session_id: False,
        knows: Callable[[str], bool] = lambda _sub_account_id: True,
        charged: Callable[[Session], Session] = lambda session: session,
    ) -> None:
        self._store = store
        self._node = node
        self._clock = clock
        self._reports = reports
        self._wake_outbox = wake_outbox
        self._runs_here = runs_here
        self._knows = knows
        self._charged = charged
        self._left: dict[str, float] = {}
        """Monotonic: since when each session is left to other processes."""
        self._reached_since: float | None = None
        """Monotonic: since when all heartbeats of this process were written without a gap."""
        self._last_beat: float | None = None
        self._seen: dict[str, tuple[Heartbeat, float]] = {}
        """The last heartbeat of each other node, and since when (monotonic) it is the last."""

    # --- heartbeats

    async def beat(self) -> None:
        """Heartbeats until cancelled. Raises :class:`.Fenced` when the node's epoch is over."""
        while True:
            await self.beat_once()
            await asyncio.sleep(HEARTBEAT)

    async def beat_once(self) -> None:
        """Write one heartbeat, if the store can be reached."""
        try:
            await self._store.heartbeat(self._node, self._clock.now())
            asked_at = self._clock.monotonic()
            wrong = self._clock.follow(await self._store.time(), asked_at)
        except StoreUnavailable as error:
            self._reached_since = None
            log.warning("heartbeat not written: %s", error)
            return
        if wrong:
            log.warning(
                "the database's clock has moved by %.0f s against ours: following it", wrong
            )
        now = self._clock.monotonic()
        if self._last_beat is None or now - self._last_beat > _LONGEST_GAP:
            self._reached_since = None
        self._last_beat = now
        if self._reached_since is None:
            self._reached_since = now

    async def silent(self) -> list[Heartbeat]:
        """The last heartbeats of the nodes that count as dead because they have been silent."""
        beats = await self._store.heartbeats()
        at = self._clock.monotonic()
        self._seen = {
            beat.name: self._since(beat, at) for beat in beats if beat.name != self._node.name
        }
        if not self._steady(at):
            return []
        patience = DEAD_AFTER.total_seconds()
        return [beat for beat, since in self._seen.values() if at - since >= patience]

    def _since(self, beat: Heartbeat, at: float) -> tuple[Heartbeat, float]:
        """Since when a heartbeat is the last one of its node; the earlier time if it was known."""
        known = self._seen.get(beat.name)
        return known if known is not None and known[0] == beat else (beat, at)

    def _steady(self, at: float) -> bool:
        """Whether this process has reached the store for so long that silence means something."""
        return (
            self._reached_since is not None
            and self._last_beat is not None
            and at - self._last_beat <= _LONGEST_GAP
            and at - self._reached_since >= DEAD_AFTER.total_seconds()
        )

    # --- orphans

    async def end_orphans(self) -> None:
        """End the sessions of dead nodes until cancelled."""
        while True:
            try:
                if await self.end_orphans_once():
                    self._wake_outbox()
            except StoreUnavailable as error:
                self._reached_since = None
                log.warning("sessions of dead nodes cannot be ended yet: %s", error)
            await asyncio.sleep(LOOK)

    async def end_orphans_once(self) -> int:
        """Look for orphans once; returns the number of sessions ended."""
        silent = await self.silent()
        orphans = await self._store.orphans(silent)
        self._left = {
            session.session_id: self._left.get(session.session_id, self._clock.monotonic())
            for session in orphans
            if not self._knows(session.sub_account_id)
        }
        ended = 0
        for session in orphans:
            if not self._runs_here(session.session_id) and not self._leaves(session):
                ended += await self._end(session, silent)
        return ended

    def _leaves(self, session: Session) -> bool:
        """Whether the session is left to other processes for now."""
        since = self._left.get(session.session_id)
        return since is not None and self._clock.monotonic() - since < LEFT_FOR

    async def _end(self, session: Session, silent: Sequence[Heartbeat]) -> bool:
        """``ERROR`` -2001, summary included; False: the node is live after all, or another process ended
        it."""
        now = self._clock.now()
        final = self._charged(states.abandon(session, now))
        outbox = self._reports.session_ended(final)
        done = await self._store.end_orphan(final, [states.ended(final)], outbox, silent)
        if done:
            log.warning("session %s ended ERROR: its voice node died", session.session_id)
        return done


async def judge_others(
    store: Claiming,
    name: str,
    clock: Clock,
    reports: Reports,
    *,
    wake_outbox: Callable[[], None],
    knows: Callable[[str], bool],
    charged: Callable[[Session], Session],
    place: str = "",
) -> None:
    """The loop of a process without sessions, until cancelled: register, write heartbeats, end orphans.

    When another process registers the same name, this one registers again.
    """
    while True:
        try:
            node = await store.register_node(name, NodeRole.API, clock.now(), place=place)
            liveness = Liveness(
                store=store,
                node=node,
                clock=clock,
                reports=reports,
                wake_outbox=wake_outbox,
                knows=knows,
                charged=charged,
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(liveness.beat())
                group.create_task(liveness.end_orphans())
        except* StoreUnavailable as errors:
            log.warning("%s is not registered yet: %s", name, errors.exceptions[0])
        except* Fenced:
            log.warning("another process has registered as %s; registering again", name)
        await asyncio.sleep(HEARTBEAT)
