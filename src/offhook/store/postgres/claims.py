"""The calls on PostgreSQL that run in a transaction of their own: the queue, nodes, leases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from offhook.session.ports.record import (
    DEAD_AFTER,
    ClaimDecision,
    Delivery,
    Fenced,
    Node,
    Planner,
    Rates,
    TooFast,
)
from offhook.store import node_names
from offhook.store.buckets import Buckets, usage_of
from offhook.store.documents import micros
from offhook.store.postgres.hot import SQL, save_once
from offhook.store.postgres.pool import columns
from offhook.store.queueing import (
    Candidate,
    PassedOver,
    Rotation,
    Waiting,
    asked_numbers,
    decided,
    due_groups,
    shares,
    with_opt_outs,
)
from offhook.store.rows import (
    BucketRow,
    DecisionRow,
    EventRow,
    OutboxRow,
    event_rows,
    leased_delivery,
)
from offhook.store.session_writes import Admit, ChannelCall, Save
from offhook.store.usage_rows import added_up

_QUEUE_LOCK = 0x6F66_6671_0001
"""Advisory lock for planning against the limits of the installation: claims and channels ("offq")."""
_OUTBOX_LOCK = 0x6F66_6671_0002
"""Advisory lock for leasing deliveries."""
_NODES_LOCK = 0x6F66_6671_0003
"""Advisory lock for finding a free name."""


async def claim(
    connection: asyncpg.Connection,
    node: Node,
    plan: Planner,
    now: datetime,
    limit: int,
    rates: Rates,
    rotation: Rotation,
) -> list[ClaimDecision]:
    """Plan waiting sessions and store the decisions; in a transaction."""
    await connection.execute(SQL["lock"], _QUEUE_LOCK)
    await _check_epoch(connection, node)
    found_waiting = Waiting.of(await _waiting(connection, now, limit, rotation))
    if found_waiting.set_aside:
        await _write(connection, found_waiting.set_aside, [], [])
    waiting = found_waiting.candidates()
    if not waiting:
        return []
    buckets = Buckets(await connection.fetch(SQL["buckets"]), rates, now)
    usage = usage_of(await connection.fetch(SQL["usage"]), buckets)
    marks = await _passed_over(connection, node, waiting, now)
    queued = found_waiting.queued(marks)
    asked = asked_numbers(queued, rates)
    found = await connection.fetch(SQL["opted_out"], *columns(asked, 2)) if asked else ()
    plans = plan(with_opt_outs(queued, found), usage, now)
    claimed = decided(node, waiting, plans, buckets, marks, now)
    await _write(
        connection, claimed.session_rows, claimed.event_rows, claimed.outbox_rows, buckets.rows()
    )
    if claimed.new_marks:
        await connection.execute(SQL["pass_over"], *columns(claimed.new_marks, 4))
    if claimed.old_marks:
        await connection.execute(SQL["forget_marks"], *columns(claimed.old_marks, 2))
    return claimed.decisions


async def _passed_over(
    connection: asyncpg.Connection, node: Node, waiting: Sequence[Candidate], now: datetime
) -> PassedOver:
    ids = [candidate.session_id for candidate in waiting]
    rows = await connection.fetch(SQL["passed_over"], ids)
    since = micros(now - DEAD_AFTER)
    live = await connection.fetch(SQL["live_nodes"], since) if rows else ()
    return PassedOver(node, rows, live)


async def settled(
    connection: asyncpg.Connection, node: Node, lost: Sequence[ClaimDecision]
) -> list[ClaimDecision]:
    """The stored ones among decisions of an unconfirmed commit, so that this node runs them."""
    ids = [decision.session.session_id for decision in lost]
    rows = await connection.fetch(SQL["settled"], ids, node.name, node.epoch)
    stored = {row["session_id"] for row in rows}
    return [decision for decision in lost if decision.session.session_id in stored]


async def _waiting(
    connection: asyncpg.Connection, now: datetime, limit: int, rotation: Rotation
) -> list[Candidate]:
    """At most ``limit`` sessions of the queue: the expired ones, then every group's oldest."""
    rows = await connection.fetch(SQL["expired_waiting"], micros(now), limit)
    found_groups = [
        (row["sub_account_id"], row["waits_for"])
        for row in await connection.fetch(SQL["waiting_groups"])
    ]
    groups = due_groups(found_groups, now)
    if groups:
        share = -(-limit // len(groups))
        chosen = rotation.turn(groups, limit)
        rows += await connection.fetch(SQL["waiting_in_groups"], *columns(chosen, 2), share)
    found = {row["session_id"]: Candidate.of(row) for row in rows}
    return list(found.values())[:limit]


async def _write(
    connection: asyncpg.Connection,
    sessions: Sequence[DecisionRow],
    events: Sequence[EventRow],
    outbox: Sequence[OutboxRow],
    buckets: Sequence[BucketRow] = (),
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


async def register_node(
    connection: asyncpg.Connection, name: str, role: str, now: datetime, place: str
) -> Node:
    """Begin a new epoch; in a transaction."""
    await connection.execute(SQL["lock"], _NODES_LOCK)
    for free in node_names.candidates(name):
        known = await connection.fetchrow(SQL["lock_node"], free)
        if not node_names.is_taken(known, place, now):
            break
    epoch = await connection.fetchval(SQL["register_node"], free, role, micros(now), place)
    return Node(name=free, epoch=epoch)


async def heartbeat(connection: asyncpg.Connection, node: Node, at: int) -> None:
    """Note that the node lives; ``at`` 0 retires it. Raises Fenced."""
    if await connection.fetchval(SQL["heartbeat"], at, node.name, node.epoch) is None:
        raise Fenced(f"{node.name}'s epoch {node.epoch} is over")


async def start(connection: asyncpg.Connection, node: Node, call: Admit) -> None:
    """Store a session that began with an inbound call; in a transaction. Raises TrunkFull and TooFast."""
    await _check_epoch(connection, node)
    _, channels, pace = call.limits
    if channels is not None or pace is not None:
        await connection.execute(SQL["lock"], _QUEUE_LOCK)
        usage = await connection.fetch(SQL["usage"]) if channels is not None else ()
        buckets = await connection.fetch(SQL["buckets"]) if pace is not None else ()
        counted = call.admitted(usage, buckets)
        if counted:
            await connection.execute(SQL["put_buckets"], *columns(counted, 4))
    await connection.execute(
        SQL["accept"],
        *columns([call.session_row], 12),
        *columns(call.event_rows, 3),
        *columns([], 8),
        *columns(call.term_rows, 4),
    )


async def take_channel(
    connection: asyncpg.Connection, call: ChannelCall
) -> bool | Fenced | TooFast:
    """Save a session if its trunk has a channel free and does not start too many calls; in a transaction."""
    if call.channels is not None or call.pace is not None:
        await connection.execute(SQL["lock"], _QUEUE_LOCK)
    if call.channels is not None:
        own = await connection.fetchval(SQL["channels_of"], call.save.session_id)
        if call.finds_none(await connection.fetch(SQL["usage"]), own):
            return False
    if call.pace is not None:
        rows = call.paced(await connection.fetch(SQL["buckets"]))
        if rows is None:
            return TooFast(call.trunk)
        await connection.execute(SQL["put_buckets"], *columns(rows, 4))
    if await save_once(connection, [call.save]):
        return Fenced(call.save.session_id)
    return True


async def cancel_queued(connection: asyncpg.Connection, call: Save) -> bool:
    """Store the end of a session that still waits; False: it waits no longer; in a transaction."""
    count = await connection.fetchval(SQL["waiting_session"], call.session_id)
    return await _finish_session(connection, call, count)


async def end_orphan(connection: asyncpg.Connection, call: Save, silent: Sequence[object]) -> bool:
    """Store the end of a dead node's session; False: the node is live; in a transaction."""
    count = await connection.fetchval(SQL["orphan"], *silent, call.session_id)
    return await _finish_session(connection, call, count)


async def _finish_session(connection: asyncpg.Connection, call: Save, count: int | None) -> bool:
    """Write a session after its row was locked; ``count`` None: the session may not be written."""
    if count is None:
        return False
    total = count + len(call.event_documents)
    row = DecisionRow(
        session_id=call.session_id,
        status=call.status,
        ready_since=None,
        waits_for="",
        node=None,
        epoch=None,
        channels=call.channels,
        event_count=total,
        document=call.document,
    )
    events = event_rows(call.session_id, call.event_documents, count)
    await _write(connection, [row], events, call.outbox_rows)
    if call.term_rows:
        await connection.execute(SQL["insert_terms"], *columns(call.term_rows, 4))
    if call.usage_rows:
        await connection.execute(SQL["add_usage"], *columns(added_up(call.usage_rows), 11))
    return True


async def lease(
    connection: asyncpg.Connection,
    owner: str,
    now: datetime,
    seconds: float,
    limit: int,
    rotation: Rotation,
) -> list[Delivery]:
    """Lease due deliveries of every endpoint in turn; in a transaction."""
    at = micros(now)
    await connection.execute(SQL["lock"], _OUTBOX_LOCK)
    await connection.execute(SQL["expire_leases"], at)
    groups = await connection.fetch(SQL["pending_groups"])
    due = [(row["sub_account_id"], row["type"]) for row in groups if row["next_at"] <= at]
    if not due:
        return []
    leased = {
        (row["sub_account_id"], row["type"]): row["leased"]
        for row in await connection.fetch(SQL["leased_groups"])
    }
    asked = [(*group, share) for group, share in shares(rotation.turn(due, limit), leased, limit)]
    until = micros(now + timedelta(seconds=seconds))
    rows = await connection.fetch(SQL["lease"], *columns(asked, 3), at, until, owner)
    return [leased_delivery(row) for row in rows]
