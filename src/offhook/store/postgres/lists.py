"""The lists of campaigns on PostgreSQL; each call is to be made in a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from offhook.store.postgres.hot import SQL
from offhook.store.postgres.pool import columns
from offhook.store.stored_campaigns import ATTEMPTS, TOTAL, CallRows, SettledRow, counts_of


async def add_targets(
    connection: asyncpg.Connection, campaign_id: str, rows: Sequence[tuple[str, str]], due_at: int
) -> int | None:
    """Add numbers that are not on the list yet; None: the campaign has ended."""
    if await connection.fetchval(SQL["campaign_grows"], campaign_id) is None:
        return None
    added: int = await connection.fetchval(
        SQL["add_targets"], campaign_id, *columns(rows, 2), due_at
    )
    await _count(connection, campaign_id, {TOTAL: added})
    return added


async def call_targets(
    connection: asyncpg.Connection, owner: str, campaign_id: str, calls: Sequence[CallRows]
) -> list[int]:
    """Queue the sessions of numbers that still wait, under the lease."""
    if await connection.fetchval(SQL["campaign_runs"], campaign_id, owner) is None:
        return []
    wanted = [(call.position, call.attempts, call.session.session_id) for call in calls]
    found = await connection.fetch(SQL["call_targets"], campaign_id, *columns(wanted, 3))
    positions = {row["position"] for row in found}
    called = [call for call in calls if call.position in positions]
    if called:
        await connection.execute(
            SQL["accept"],
            *columns([call.session for call in called], 12),
            *columns([row for call in called for row in call.events], 3),
            *columns([], 8),
            *columns([row for call in called for row in call.terms], 4),
        )
        await _count(connection, campaign_id, {ATTEMPTS: len(called)})
    return [call.position for call in called]


async def settle_targets(
    connection: asyncpg.Connection, owner: str, campaign_id: str, rows: Sequence[SettledRow]
) -> None:
    """Store what follows the ends of attempts, under the lease."""
    if await connection.fetchval(SQL["campaign_held"], campaign_id, owner) is None:
        return
    found = await connection.fetch(SQL["settle_targets"], campaign_id, *columns(rows, 8))
    positions = {row["position"] for row in found}
    written = [row for row in rows if row.position in positions]
    await _count(connection, campaign_id, counts_of(written))


async def _count(
    connection: asyncpg.Connection, campaign_id: str, added: Mapping[str, int]
) -> None:
    rows = [(name, count) for name, count in added.items() if count]
    if rows:
        await connection.execute(SQL["count_targets"], campaign_id, *columns(rows, 2))
