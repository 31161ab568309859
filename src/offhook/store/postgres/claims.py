"""The calls on PostgreSQL that need a transaction of their own making: the queue, nodes, leases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from offhook.events import AnyEvent
from offhook.session.ports.record import ClaimDecision, Delivery, Fenced, Node, Planner, Rates
from offhook.session.session import Session
from offhook.store.calls import Save
from offhook.store.documents import micros
from offhook.store.postgres.hot import SQL, save_once
from offhook.store.postgres.pool import columns
from offhook.store.queueing import (
    Buckets,
    Candidate,
    Rotation,
    channels_in_use,
    decided,
    shares,
    usage_of,
)
from offhook.store.rows import Row, event_documents, event_rows, outbox_entry, session_row

_QUEUE_LOCK = 0x6F66_6671_0001
"""Who plans against the limits of the installation: claims and channels ("offq")."""
_OUTBOX_LOCK = 0x6F66_6671_0002
"""Who leases deliveries."""


async def claim(
    connection: asyncpg.Connection,
    node: Node,
    plan: Planner,
    now: datetime,
    limit: int,
    rates: Rates,
    rotation: Rotation,
) -> list[ClaimDecision]:
    """See :meth:`.interface.Store.claim`; in a transaction."""
    await connection.execute(SQL["lock"], _QUEUE_LOCK)
    await _check_epoch(connection, node)
    waiting = await _waiting(connection, now, limit, rotation)
    if not waiting:
        return []
    buckets = Buckets(await connection.fetch(SQL["buckets"]), rates, now)
    usage = usage_of(await connection.fetch(SQL["usage"]), buckets)
    plans = plan([candidate.queued() for candidate in waiting], usage, now)
    claimed = decided(node, waiting, plans, buckets)
    await _write(
        connection, claimed.session_rows, claimed.event_rows, claimed.outbox_rows, buckets.rows()
    )
    return claimed.decisions


async def settled(
    connection: asyncpg.Connection, node: Node, lost: Sequence[ClaimDecision]
) -> list[ClaimDecision]:
    """Of decisions whose commit was not answered: those that are stored and ours to run."""
    ids = [decision.session.session_id for decision in lost]
    rows = await connection.fetch(SQL["settled"], ids, node.name, node.epoch)
    ours = {row[0] for row in rows}
    return [decision for decision in lost if decision.session.session_id in ours]


async def _waiting(
    connection: asyncpg.Connection, now: datetime, limit: int, rotation: Rotation
) -> list[Candidate]:
    """At most ``limit`` sessions of the queue: the expired ones, then every group's oldest."""
    rows = await connection.fetch(SQL["expired_waiting"], micros(now), limit)
    groups = [(row[0], row[1]) for row in await connection.fetch(SQL["waiting_groups"])]
    if groups:
        share = -(-limit // len(groups))
        chosen = rotation.turn(groups, limit)
        rows += await connection.fetch(SQL["waiting_in_groups"], *columns(chosen, 2), share)
    found = {row[0]: Candidate(*row) for row in rows}
    return list(found.values())[:limit]


async def _write(
    connection: asyncpg.Connection,
    sessions: Sequence[Row],
    events: Sequence[Row],
    outbox: Sequence[Row],
    buckets: Sequence[Row] = (),
) -> None:
    await connection.execute(
        SQL["write"],
        *columns(sessions, 9),
        *columns(events, 3),
        *columns(outbox, 13),
        *columns(buckets, 4),
    )


async def _check_epoch(connection: asyncpg.Connection, node: Node) -> None:
    if await connection.fetchval(SQL["node_epoch"], node.name) != node.epoch:
        raise Fenced(f"{node.name}'s epoch {node.epoch} is over")


async def register_node(connection: asyncpg.Connection, name: str, role: str, at: int) -> Node:
    """See :meth:`.interface.Store.register_node`; in a transaction."""
    await connection.execute(SQL["lock_node"], name)
    epoch = await connection.fetchval(SQL["register_node"], name, role, at)
    return Node(name=name, epoch=epoch)


async def heartbeat(connection: asyncpg.Connection, node: Node, at: int) -> None:
    """See :meth:`.interface.Store.heartbeat`; ``at`` 0 retires the node."""
    if await connection.fetchval(SQL["heartbeat"], at, node.name, node.epoch) is None:
        raise Fenced(f"{node.name}'s epoch {node.epoch} is over")


async def start(
    connection: asyncpg.Connection, node: Node, session: Session, events: Sequence[AnyEvent]
) -> None:
    """See :meth:`.interface.Store.start`; in a transaction."""
    await _check_epoch(connection, node)
    documents = event_documents(events)
    rows = event_rows(session.session_id, documents)
    await connection.execute(
        SQL["accept"],
        *columns([session_row(session, len(documents), node)], 12),
        *columns(rows, 3),
        *columns([], 8),
    )


async def take_channel(
    connection: asyncpg.Connection, call: Save, trunk: str, channels: int | None
) -> bool | None:
    """See :meth:`.interface.Store.take_channel`; in a transaction. None: fenced."""
    if channels is not None:
        await connection.execute(SQL["lock"], _QUEUE_LOCK)
        own = await connection.fetchval(SQL["channels_of"], call.session_id)
        usage = await connection.fetch(SQL["usage"])
        if channels_in_use(usage, trunk, own or "[]") >= channels:
            return False
    return None if await save_once(connection, [call]) else True


async def cancel_queued(connection: asyncpg.Connection, call: Save) -> bool:
    """See :meth:`.interface.Store.cancel_queued`; in a transaction."""
    count = await connection.fetchval(SQL["waiting_session"], call.session_id)
    return await _finish_session(connection, call, count)


async def end_orphan(connection: asyncpg.Connection, call: Save, silent_since: int) -> bool:
    """See :meth:`.interface.Store.end_orphan`; in a transaction."""
    count = await connection.fetchval(SQL["orphan"], call.session_id, silent_since)
    return await _finish_session(connection, call, count)


async def _finish_session(connection: asyncpg.Connection, call: Save, count: int | None) -> bool:
    """Write a session whose row is locked; ``count`` None: there is none to write."""
    if count is None:
        return False
    total = count + len(call.event_documents)
    row = (
        call.session_id,
        call.status,
        None,
        "",
        None,
        None,
        call.channels,
        total,
        call.document,
    )
    events = event_rows(call.session_id, call.event_documents, count)
    await _write(connection, [row], events, call.outbox_rows)
    return True


async def lease(
    connection: asyncpg.Connection,
    owner: str,
    now: datetime,
    seconds: float,
    limit: int,
    rotation: Rotation,
) -> list[Delivery]:
    """See :meth:`.interface.Store.lease_deliveries`; in a transaction."""
    at = micros(now)
    await connection.execute(SQL["lock"], _OUTBOX_LOCK)
    await connection.execute(SQL["expire_leases"], at)
    groups = await connection.fetch(SQL["pending_groups"])
    due = [(row[0], row[1]) for row in groups if row[2] <= at]
    if not due:
        return []
    leased = {(row[0], row[1]): row[2] for row in await connection.fetch(SQL["leased_groups"])}
    asked = [(*group, share) for group, share in shares(rotation.turn(due, limit), leased, limit)]
    until = micros(now + timedelta(seconds=seconds))
    rows = await connection.fetch(SQL["lease"], *columns(asked, 3), at, until, owner)
    return [Delivery(entry=outbox_entry(row), attempts=row[8]) for row in rows]
