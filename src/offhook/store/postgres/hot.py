"""The group-committed calls on PostgreSQL: each function runs and commits a whole batch."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from offhook.session.ports.record import Fenced, RequestRecord
from offhook.store.postgres.pool import columns
from offhook.store.rows import IDEMPOTENCY_WINDOW, ResultRow, request_record
from offhook.store.session_writes import Accept, Save, rounds
from offhook.store.sqlfiles import load

SQL = load("postgres")

Key = tuple[str, str]


async def accept(
    connection: asyncpg.Connection, calls: Sequence[Accept]
) -> list[RequestRecord | Exception]:
    """Store requests and the sessions they made."""
    if all(call.key is None for call in calls):
        await _insert(connection, calls)
        return [call.request for call in calls]
    async with connection.transaction():
        mine = await _remember_keys(connection, calls)
        fresh = [call for call in calls if call.key is None or mine.get(call.key) is call]
        await _insert(connection, fresh)
        first = await _first_requests(connection, calls)
    return [
        call.request if call.key is None else call.answer(first.get(call.key, call.request))
        for call in calls
    ]


async def _insert(connection: asyncpg.Connection, calls: Sequence[Accept]) -> None:
    sessions = [call.session_row for call in calls if call.session_row is not None]
    events = [row for call in calls for row in call.event_rows]
    requests = [call.request_row for call in calls]
    terms = [row for call in calls for row in call.term_rows]
    arguments = (
        *columns(sessions, 12),
        *columns(events, 3),
        *columns(requests, 8),
        *columns(terms, 4),
    )
    await connection.execute(SQL["accept"], *arguments)


async def _remember_keys(
    connection: asyncpg.Connection, calls: Sequence[Accept]
) -> dict[Key, Accept]:
    """Note the keys among the calls; returns the call that each new key belongs to now."""
    asked: dict[Key, Accept] = {}
    for call in calls:
        if call.key is not None:
            asked.setdefault(call.key, call)
    # Sorted, so that two nodes that note the same keys cannot deadlock.
    rows = [call.key_row for _, call in sorted(asked.items(), key=lambda entry: entry[0])]
    noted = await connection.fetch(SQL["remember_keys"], *columns(rows, 4), IDEMPOTENCY_WINDOW)
    keys = [(row["sub_account_id"], row["idempotency_key"]) for row in noted]
    return {key: asked[key] for key in keys}


async def _first_requests(
    connection: asyncpg.Connection, calls: Sequence[Accept]
) -> dict[Key, RequestRecord]:
    keys = list({call.key for call in calls if call.key is not None})
    rows = await connection.fetch(SQL["first_requests"], *columns(keys, 2))
    return {(row["sub_account_id"], row["idempotency_key"]): request_record(row) for row in rows}


async def save(connection: asyncpg.Connection, calls: Sequence[Save]) -> list[Exception | None]:
    """Store the next states of sessions."""
    results: list[Exception | None] = [None] * len(calls)
    for indexes in rounds([call.session_id for call in calls]):
        part = [calls[index] for index in indexes]
        fenced = await save_once(connection, part)
        for index in indexes:
            if calls[index].session_id in fenced:
                results[index] = Fenced(calls[index].session_id)
    return results


async def save_once(connection: asyncpg.Connection, calls: Sequence[Save]) -> set[str]:
    """Save sessions, each at most once; returns the ones that their caller may not write."""
    saved = {row["session_id"] for row in await connection.fetch(SQL["save"], *_arguments(calls))}
    left = [call for call in calls if call.session_id not in saved]
    repeated = await _repeated(connection, [call for call in left if call.event_documents])
    fenced = [call for call in left if call.session_id not in repeated]
    await _keep_late(connection, [call for call in fenced if call.event_documents])
    return {call.session_id for call in fenced}


def _arguments(calls: Sequence[Save]) -> tuple[list[object], ...]:
    """The columns of the rows to write, as the statement ``save`` takes them."""
    sessions = [
        (
            call.session_id,
            call.node.name,
            call.node.epoch,
            call.status,
            call.channels,
            len(call.event_documents),
            call.document,
        )
        for call in calls
    ]
    events = [
        (call.session_id, offset, document)
        for call in calls
        for offset, document in enumerate(call.event_documents, 1)
    ]
    outbox = [(call.session_id, *row) for call in calls for row in call.outbox_rows]
    terms = [row for call in calls for row in call.term_rows]
    usage = [(call.session_id, *row) for call in calls for row in call.usage_rows]
    return (
        *columns(sessions, 7),
        *columns(events, 3),
        *columns(outbox, 14),
        *columns(terms, 4),
        *columns(usage, 12),
    )


async def _repeated(connection: asyncpg.Connection, calls: Sequence[Save]) -> set[str]:
    """Saves that were repeated because the answer to the first attempt was lost."""
    if not calls:
        return set()
    rows = [
        (
            call.session_id,
            call.document,
            call.event_documents[-1],
            call.node.name,
            call.node.epoch,
        )
        for call in calls
    ]
    found = await connection.fetch(SQL["repeated"], *columns(rows, 5))
    return {row["session_id"] for row in found}


async def _keep_late(connection: asyncpg.Connection, calls: Sequence[Save]) -> None:
    """Store the events of fenced saves as late facts."""
    if not calls:
        return
    late = [(call.session_id, call.late()) for call in calls]
    counts = [(session_id, len(documents)) for session_id, documents in late]
    events = [
        (session_id, offset, document)
        for session_id, documents in late
        for offset, document in enumerate(documents, 1)
    ]
    await connection.execute(SQL["late_facts"], *columns(counts, 2), *columns(events, 3))


async def finish(
    connection: asyncpg.Connection, calls: Sequence[Sequence[ResultRow]]
) -> list[Exception | None]:
    """Record attempts."""
    rows = [row for call in calls for row in call]
    async with connection.transaction():
        for indexes in rounds([row.delivery_id for row in rows]):
            part = [rows[index] for index in indexes]
            await connection.execute(SQL["finish"], *columns(part, 5))
    return [None] * len(calls)
