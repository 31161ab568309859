"""Stores the states and events of a running session in order, without delaying the call.

Events are collected for :data:`GATHER` seconds and saved together; only the end of a session is awaited,
and is repeated until the store accepts it: no outcome is lost while the database is away.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from offhook.events import AnyEvent
from offhook.execution.call_metrics import CallMetrics
from offhook.execution.session_spans import SessionSpans
from offhook.faults import FaultLog
from offhook.log import about
from offhook.session.ports.record import Fenced, Node, OutboxEntry, StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session

log = logging.getLogger(__name__)
faults = FaultLog(log)

GATHER = 0.1
"""Seconds for which events are collected before they are saved together."""
RETRY_FIRST, RETRY_LAST = 0.2, 5.0
"""Seconds between attempts while the store is away, doubling from the first to the last."""

MOST_FAILURES = 4
"""Attempts that may fail by an internal error. The last one saves the session without its facts."""


class SessionJournal:
    """Stores one session. ``notify`` is called after each save with the session's id, and whether
    webhooks were stored with it."""

    def __init__(
        self,
        store: Store,
        node: Node,
        notify: Callable[[str, bool], None],
        metrics: CallMetrics,
        spans: SessionSpans | None = None,
    ) -> None:
        self._store = store
        self._node = node
        self._notify = notify
        self._meter = metrics.of_session()
        self._spans = spans
        self._metrics = metrics
        self._session: Session | None = None
        self._events: list[AnyEvent] = []
        self._outbox: list[OutboxEntry] = []
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None
        self._closed = False

    def put(
        self,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
    ) -> None:
        """Take the session's new state and its events; they are saved within about :data:`GATHER`
        seconds."""
        self._session = session
        self._meter.observe(session, events)
        if self._spans is not None:
            self._spans.observe(session, events)
        self._events.extend(events)
        self._outbox.extend(outbox)
        if self._timer is None and self._saving is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._begin)

    async def finish(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        """Save the final session and all waiting events; durable on return.

        False: another node had ended the session (its outcome stays, ours is kept as late facts).
        """
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._saving is not None:
            await self._saving
        self.put(session, events, outbox)
        self._meter.close()
        if self._spans is not None:
            self._spans.close(session)
        return await self._save_all()

    async def keep_trace(self, session_id: str, messages: Sequence[SipMessage]) -> None:
        """Store the SIP messages of a session that has ended, if there are any and the store is there."""
        if not messages:
            return
        try:
            await self._store.put_sip_trace(session_id, messages)
        except StoreUnavailable as error:
            log.warning("the session's SIP messages are not stored: %s", error)

    def _begin(self) -> None:
        self._timer = None
        self._saving = asyncio.get_running_loop().create_task(self._save_gathered())

    async def _save_gathered(self) -> None:
        try:
            await self._save_all()
        except Exception:
            log.error("a part of the timeline is lost")
        self._saving = None
        if (self._events or self._outbox) and not self._closed:
            self._begin()

    async def _save_all(self) -> bool:
        session = self._session
        if session is None:
            return True
        events, self._events = self._events, []
        outbox, self._outbox = self._outbox, []
        with about(session.session_id):
            return await self._save(session, events, outbox)

    async def _save(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        pause, failures = RETRY_FIRST, 0
        while True:
            try:
                began = time.perf_counter()
                try:
                    await self._store.save(self._node, session, events, outbox)
                finally:
                    self._metrics.stored("save", began)
            except Fenced:
                log.warning(
                    "another node has ended the session; what happens now is kept as late facts"
                )
                return False
            except StoreUnavailable as error:
                log.warning("the session waits to be saved: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_LAST)
            except Exception:
                faults.report("saving the session")
                failures += 1
                if failures == MOST_FAILURES:
                    raise
                if failures == MOST_FAILURES - 1:
                    events, outbox = [], []  # the outcome must not be lost, even if its events are
                await asyncio.sleep(pause)
            else:
                self._notify(session.session_id, bool(outbox))
                return True
