"""The calls on SQLite that run in a transaction of their own: the queue, nodes, leases."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

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
from offhook.store.rows import leased_delivery
from offhook.store.session_writes import Admit, ChannelCall, Save
from offhook.store.sqlite.connection import rows_of_many, run_many
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
    """Plan waiting sessions and store the decisions."""
    check_epoch(connection, node.name, node.epoch)
    found_waiting = Waiting.of(_waiting(connection, now, limit, rotation))
    run_many(connection, SQL["decide_sessions"], found_waiting.set_aside)
    waiting = found_waiting.candidates()
    if not waiting:
        return []
    buckets = Buckets(connection.execute(SQL["buckets"]), rates, now)
    usage = usage_of(connection.execute(SQL["usage"]), buckets)
    marks = _passed_over(connection, node, waiting, now)
    queued = found_waiting.queued(marks)
    asked = asked_numbers(queued, rates)
    found = rows_of_many(connection, SQL["opted_out"], asked)
    plans = plan(with_opt_outs(queued, found), usage, now)
    claimed = decided(node, waiting, plans, buckets, marks, now)
    run_many(connection, SQL["decide_sessions"], claimed.session_rows)
    run_many(connection, SQL["insert_events"], claimed.event_rows)
    run_many(connection, SQL["insert_outbox"], claimed.outbox_rows)
    run_many(connection, SQL["put_buckets"], buckets.rows())
    run_many(connection, SQL["pass_over"], claimed.new_marks)
    run_many(connection, SQL["forget_marks"], claimed.old_marks)
    return claimed.decisions


def _passed_over(
    connection: sqlite3.Connection, node: Node, waiting: Sequence[Candidate], now: datetime
) -> PassedOver:
    ids = [(candidate.session_id,) for candidate in waiting]
    columns = ("session_id", "node", "epoch", "since")
    found = rows_of_many(connection, SQL["passed_over"], ids)
    rows = [dict(zip(columns, row, strict=True)) for row in found]
    live = connection.execute(SQL["live_nodes"], (micros(now - DEAD_AFTER),)) if rows else ()
    return PassedOver(node, rows, live)


def _waiting(
    connection: sqlite3.Connection, now: datetime, limit: int, rotation: Rotation
) -> list[Candidate]:
    """At most ``limit`` sessions of the queue: the expired ones, then every group's oldest."""
    rows = connection.execute(SQL["expired_waiting"], (micros(now), limit)).fetchall()
    found_groups = [
        (row["sub_account_id"], row["waits_for"])
        for row in connection.execute(SQL["waiting_groups"])
    ]
    groups = due_groups(found_groups, now)
    if groups:
        share = -(-limit // len(groups))
        for group in rotation.turn(groups, limit):
            rows += connection.execute(SQL["waiting_in_group"], (*group, share))
    found = {row["session_id"]: Candidate.of(row) for row in rows}
    return list(found.values())[:limit]


def start(connection: sqlite3.Connection, node: Node, call: Admit) -> None:
    """Store a session that began with an inbound call. Raises TrunkFull and TooFast."""
    check_epoch(connection, node.name, node.epoch)
    channels, pace = call.limits.channels, call.limits.pace
    usage = connection.execute(SQL["usage"]) if channels is not None else ()
    counted = call.admitted(usage, connection.execute(SQL["buckets"]) if pace is not None else ())
    run_many(connection, SQL["put_buckets"], counted)
    run_many(connection, SQL["insert_sessions"], [call.session_row])
    run_many(connection, SQL["insert_events"], call.event_rows)
    run_many(connection, SQL["insert_terms"], call.term_rows)


def take_channel(
    connection: sqlite3.Connection, calls: Sequence[ChannelCall]
) -> list[bool | Fenced | TooFast]:
    """Save each session if its trunk has a channel free, and does not start too many calls."""
    results: list[bool | Fenced | TooFast] = []
    for call in calls:
        own = one(connection, "channels_of", (call.save.session_id,))
        if call.finds_none(connection.execute(SQL["usage"]), own):
            results.append(False)
            continue
        rows = call.paced(connection.execute(SQL["buckets"]) if call.pace is not None else ())
        if rows is None:
            results.append(TooFast(call.trunk))
        else:
            run_many(connection, SQL["put_buckets"], rows)
            results.append(save(connection, [call.save])[0] or True)
    return results


def cancel_queued(connection: sqlite3.Connection, call: Save) -> bool:
    """Store the end of a session that still waits; False: it waits no longer."""
    count = one(connection, "waiting_session", (call.session_id,))
    if count is None:
        return False
    store_change(connection, call, count)
    return True


def end_orphan(connection: sqlite3.Connection, call: Save, silent: str) -> bool:
    """Store the end of a dead node's session; False: the node is live."""
    count = one(connection, "orphan", (silent, call.session_id))
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
    """Lease due deliveries of every endpoint in turn."""
    at = micros(now)
    connection.execute(SQL["expire_leases"], (at,))
    due = [
        (row["sub_account_id"], row["type"])
        for row in connection.execute(SQL["pending_groups"])
        if row["next_at"] <= at
    ]
    if not due:
        return []
    leased = {
        (row["sub_account_id"], row["type"]): row["leased"]
        for row in connection.execute(SQL["leased_groups"])
    }
    rows = []
    for group, share in shares(rotation.turn(due, limit), leased, limit):
        rows += connection.execute(SQL["due_in_group"], (*group, at, share)).fetchall()
    until = micros(now + timedelta(seconds=seconds))
    run_many(connection, SQL["lease"], [(row["delivery_id"], until, owner) for row in rows])
    return [leased_delivery(row) for row in rows]


def register_node(
    connection: sqlite3.Connection, name: str, role: str, now: datetime, place: str
) -> Node:
    """Begin a new epoch."""
    for free in node_names.candidates(name):
        known = connection.execute(SQL["node_place"], (free,)).fetchone()
        if not node_names.is_taken(known, place, now):
            break
    return Node(name=free, epoch=one(connection, "register_node", (free, role, micros(now), place)))


def heartbeat(connection: sqlite3.Connection, node: Node, at: int) -> None:
    """Note that the node lives; ``at`` 0 retires it. Raises Fenced."""
    cursor = connection.execute(SQL["heartbeat"], (at, node.name, node.epoch))
    if cursor.rowcount == 0:
        raise Fenced(f"{node.name}'s epoch {node.epoch} is over")
