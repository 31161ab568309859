"""A voice node's duties beside its calls: heartbeats, and ending what dead nodes left behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from offhook.clock import Clock
from offhook.session import states
from offhook.session.ports.record import Node, StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.session.ports.webhooks import Reports

log = logging.getLogger(__name__)

HEARTBEAT = 2.0
"""Seconds between heartbeats."""
DEAD_AFTER = timedelta(seconds=9)
"""Time without a heartbeat after which a node counts as dead (its sessions end within 15 s)."""


async def beat(store: Store, node: Node, clock: Clock) -> None:
    """Heartbeats for ever. Raises :class:`~offhook.session.ports.record.Fenced` when the epoch is over."""
    while True:
        try:
            await store.heartbeat(node, clock.now())
        except StoreUnavailable as error:
            log.warning("no heartbeat: %s", error)
        await asyncio.sleep(HEARTBEAT)


async def end_orphans(
    store: Store, clock: Clock, reports: Reports, wake_outbox: Callable[[], None]
) -> None:
    """End the sessions of dead nodes, for ever: ``ERROR`` -2001, summary included."""
    while True:
        try:
            if await end_orphans_once(store, clock, reports):
                wake_outbox()
        except StoreUnavailable as error:
            log.warning("orphaned sessions wait: %s", error)
        await asyncio.sleep(HEARTBEAT)


async def end_orphans_once(store: Store, clock: Clock, reports: Reports) -> int:
    """One look; returns how many sessions were ended."""
    ended = 0
    for session in await store.orphans(clock.now() - DEAD_AFTER):
        now = clock.now()
        final = states.abandon(session, now)
        outbox = reports.session_ended(final)
        if await store.end_orphan(final, [states.ended(final)], outbox, now - DEAD_AFTER):
            log.warning("session %s ended ERROR: its voice node died", session.session_id)
            ended += 1
    return ended
