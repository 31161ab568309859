"""The calls on SQLite that need a transaction of their own making: the queue, nodes, leases."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from offhook.events import AnyEvent
from offhook.session.ports.record import ClaimDecision, Delivery, Fenced, Node, Planner, Rates
from offhook.session.session import Session
from offhook.store.calls import Save
from offhook.store.documents import micros
from offhook.store.queueing import (
    Buckets,
    Candidate,
    Rotation,
    channels_in_use,
    decided,
    shares,
    usage_of,
)
from offhook.store.rows import event_documents, event_rows, outbox_entry, session_row
from offhook.store.sqlite.connection import run_many
from offhook.store.sqlite.hot import SQL, check_epoch, one, save, store_change


def claim(
    connection: sqlite3.Connection,
    node: Node,
    plan: Planner,
    now: datetime,
    limit: int,
    rates: Rates,
    rotation: Rotation,
) -> list[ClaimDecision]:
    """See :meth:`.interface.Store.claim`."""
    check_epoch(connection, node.name, node.epoch)
    waiting = _waiting(connection, now, limit, rotation)
    if not waiting:
        return []
    buckets = Buckets(connection.execute(SQL["buckets"]), rates, now)
    usage = usage_of(connection.execute(SQL["usage"]), buckets)
    plans = plan([candidate.queued() for candidate in waiting], usage, now)
    claimed = decided(node, waiting, plans, buckets)
    run_many(connection, SQL["decide_sessions"], claimed.session_rows)
    run_many(connection, SQL["insert_events"], claimed.event_rows)
    run_many(connection, SQL["insert_outbox"], claimed.outbox_rows)
    run_many(connection, SQL["put_buckets"], buckets.rows())
    return claimed.decisions


def _waiting(
    connection: sqlite3.Connection, now: datetime, limit: int, rotation: Rotation
) -> list[Candidate]:
    """At most ``limit`` sessions of the queue: the expired ones, then every group's oldest."""
    rows = connection.execute(SQL["expired_waiting"], (micros(now), limit)).fetchall()
    groups = connection.execute(SQL["waiting_groups"]).fetchall()
    if groups:
        share = -(-limit // len(groups))
        for group in rotation.turn(groups, limit):
            rows += connection.execute(SQL["waiting_in_group"], (*group, share))
    found = {row[0]: Candidate(*row) for row in rows}
    return list(found.values())[:limit]


def start(
    connection: sqlite3.Connection, node: Node, session: Session, events: Sequence[AnyEvent]
) -> None:
    """See :meth:`.interface.Store.start`."""
    check_epoch(connection, node.name, node.epoch)
    documents = event_documents(events)
    run_many(connection, SQL["insert_sessions"], [session_row(session, len(documents), node)])
    run_many(connection, SQL["insert_events"], event_rows(session.session_id, documents))


def take_channel(
    connection: sqlite3.Connection, asked: Sequence[tuple[Save, str, int | None]]
) -> list[bool | Fenced]:
    """A batch of :meth:`.interface.Store.take_channel`: (call, trunk, channels) each."""
    results: list[bool | Fenced] = []
    for call, trunk, channels in asked:
        own = one(connection, "channels_of", (call.session_id,))
        usage = connection.execute(SQL["usage"])
        if channels is not None and channels_in_use(usage, trunk, own or "[]") >= channels:
            results.append(False)
        else:
            results.append(save(connection, [call])[0] or True)
    return results


def cancel_queued(connection: sqlite3.Connection, call: Save) -> bool:
    """See :meth:`.interface.Store.cancel_queued`."""
    count = one(connection, "waiting_session", (call.session_id,))
    if count is None:
        return False
    store_change(connection, call, count)
    return True


def end_orphan(connection: sqlite3.Connection, call: Save, silent_since: int) -> bool:
    """See :meth:`.interface.Store.end_orphan`."""
    count = one(connection, "orphan", (silent_since, call.session_id))
    if count is None:
        return False
    store_change(connection, call, count)
    return True


def lease(
    connection: sqlite3.Connection,
    owner: str,
    now: datetime,
    seconds: float,
    limit: int,
    rotation: Rotation,
) -> list[Delivery]:
    """See :meth:`.interface.Store.lease_deliveries`."""
    at = micros(now)
    connection.execute(SQL["expire_leases"], (at,))
    due = [
        (sub_account_id, type_)
        for sub_account_id, type_, next_at in connection.execute(SQL["pending_groups"])
        if next_at <= at
    ]
    if not due:
        return []
    leased = {(row[0], row[1]): row[2] for row in connection.execute(SQL["leased_groups"])}
    rows = []
    for group, share in shares(rotation.turn(due, limit), leased, limit):
        rows += connection.execute(SQL["due_in_group"], (*group, at, share)).fetchall()
    until = micros(now + timedelta(seconds=seconds))
    run_many(connection, SQL["lease"], [(row[0], until, owner) for row in rows])
    return [Delivery(entry=outbox_entry(row), attempts=row[8]) for row in rows]


def heartbeat(connection: sqlite3.Connection, node: Node, at: int) -> None:
    """See :meth:`.interface.Store.heartbeat`; ``at`` 0 retires the node."""
    cursor = connection.execute(SQL["heartbeat"], (at, node.name, node.epoch))
    if cursor.rowcount == 0:
        raise Fenced(f"{node.name}'s epoch {node.epoch} is over")
