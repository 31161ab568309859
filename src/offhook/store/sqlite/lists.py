"""The lists of campaigns on SQLite; each call is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from offhook.store.sqlite.connection import run_many
from offhook.store.sqlite.hot import SQL, one
from offhook.store.stored_campaigns import ATTEMPTS, TOTAL, CallRows, SettledRow, counts_of


def add_targets(
    connection: sqlite3.Connection, campaign_id: str, rows: Sequence[tuple[str, str]], due_at: int
) -> int | None:
    """Add numbers that are not on the list yet; None: the campaign has ended."""
    if one(connection, "campaign_grows", (campaign_id,)) is None:
        return None
    last = one(connection, "last_target", (campaign_id,)) or 0
    before = connection.total_changes
    values = [
        (campaign_id, last + n, number, parameters, due_at)
        for n, (number, parameters) in enumerate(rows, 1)
    ]
    run_many(connection, SQL["add_targets"], values)
    added = connection.total_changes - before
    _count(connection, campaign_id, {TOTAL: added})
    return added


def call_targets(
    connection: sqlite3.Connection, owner: str, campaign_id: str, calls: Sequence[CallRows]
) -> list[int]:
    """Queue the sessions of numbers that still wait, under the lease."""
    if one(connection, "campaign_runs", (campaign_id, owner)) is None:
        return []
    called = [
        call
        for call in calls
        if one(
            connection,
            "call_target",
            (call.session.session_id, campaign_id, call.position, call.attempts),
        )
        is not None
    ]
    if called:
        run_many(connection, SQL["insert_sessions"], [call.session for call in called])
        run_many(connection, SQL["insert_events"], [row for call in called for row in call.events])
        run_many(connection, SQL["insert_terms"], [row for call in called for row in call.terms])
        _count(connection, campaign_id, {ATTEMPTS: len(called)})
    return [call.position for call in called]


def settle_targets(
    connection: sqlite3.Connection, owner: str, campaign_id: str, rows: Sequence[SettledRow]
) -> None:
    """Store what follows the ends of attempts, under the lease."""
    if one(connection, "campaign_held", (campaign_id, owner)) is None:
        return
    written = [
        row
        for row in rows
        if one(
            connection,
            "settle_target",
            (
                *row[2:],
                campaign_id,
                row.position,
                row.session_id,
                row.session_id,
            ),
        )
        is not None
    ]
    _count(connection, campaign_id, counts_of(written))


def _count(connection: sqlite3.Connection, campaign_id: str, added: Mapping[str, int]) -> None:
    rows = [(campaign_id, name, count) for name, count in added.items() if count]
    run_many(connection, SQL["count_targets"], rows)
