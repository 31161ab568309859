"""The group-committed calls on SQLite: each function runs a whole batch in the open transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from offhook.session.ports.record import Fenced, RequestRecord
from offhook.store.rows import EventRow, OutboxRow, ResultRow, event_rows, request_record
from offhook.store.search_terms import TermRow
from offhook.store.session_writes import Accept, Save, rounds
from offhook.store.sqlfiles import load
from offhook.store.sqlite.connection import rows_of_many, run_many
from offhook.store.usage_rows import CountedUsage, added_up

SQL = load("sqlite")


class StateRow(NamedTuple):
    """The new state of a session."""

    session_id: str
    status: str
    channels: str
    event_count: int
    document: str

    @classmethod
    def of(cls, call: Save, event_count: int) -> StateRow:
        """The row that ``call`` writes."""
        return cls(call.session_id, call.status, call.channels, event_count, call.document)


def accept(
    connection: sqlite3.Connection, calls: Sequence[Accept]
) -> list[RequestRecord | Exception]:
    """Store requests and the sessions they made."""
    first = _first_requests(connection, calls)
    fresh = [call for call in calls if call.key is None or first[call.key] is call.request]
    sessions = [call.session_row for call in fresh if call.session_row is not None]
    run_many(connection, SQL["insert_sessions"], sessions)
    run_many(connection, SQL["insert_events"], [row for call in fresh for row in call.event_rows])
    run_many(connection, SQL["insert_requests"], [call.request_row for call in fresh])
    run_many(connection, SQL["insert_terms"], [row for call in fresh for row in call.term_rows])
    return [call.request if call.key is None else call.answer(first[call.key]) for call in calls]


def _first_requests(
    connection: sqlite3.Connection, calls: Sequence[Accept]
) -> dict[tuple[str, str], RequestRecord]:
    """The request that each Idempotency-Key among the calls named first; new ones are noted."""
    keyed = [call for call in calls if call.key is not None]
    if not keyed:
        return {}
    asked = [(*call.key, call.oldest_key) for call in keyed if call.key is not None]
    first: dict[tuple[str, str], RequestRecord] = {}
    for sub_account_id, key, request_id in rows_of_many(connection, SQL["known_keys"], asked):
        row = connection.execute(SQL["request_by_id"], (request_id,)).fetchone()
        if row is not None:
            first[sub_account_id, key] = request_record(row)
    new = [
        call.key_row
        for call in keyed
        if call.key is not None and first.setdefault(call.key, call.request) is call.request
    ]
    run_many(connection, SQL["remember_keys"], new)
    return first


def save(connection: sqlite3.Connection, calls: Sequence[Save]) -> list[Fenced | None]:
    """Store the next states of sessions."""
    results: list[Fenced | None] = [None] * len(calls)
    for indexes in rounds([call.session_id for call in calls]):
        part = [calls[index] for index in indexes]
        fenced = _save_once(connection, part)
        for index in indexes:
            if calls[index].session_id in fenced:
                results[index] = Fenced(calls[index].session_id)
    return results


def _save_once(connection: sqlite3.Connection, calls: Sequence[Save]) -> set[str]:
    """Save sessions, each at most once; returns the ones that their caller may not write."""
    asked = [(call.session_id, call.node.name, call.node.epoch) for call in calls]
    counts: dict[str, tuple[int, bool]] = {
        session_id: (count, bool(ours))
        for session_id, count, ours in rows_of_many(connection, SQL["owned_sessions"], asked)
    }
    updates: list[StateRow] = []
    late: list[tuple[str, int]] = []
    events: list[EventRow] = []
    outbox: list[OutboxRow] = []
    terms: list[TermRow] = []
    usage: list[CountedUsage] = []
    fenced: set[str] = set()
    for call in calls:
        count, ours = counts.get(call.session_id, (0, False))
        documents = call.event_documents if ours else call.late()
        if ours:
            updates.append(StateRow.of(call, count + len(documents)))
            outbox += call.outbox_rows
            terms += call.term_rows
            usage += call.usage_rows
        else:
            fenced.add(call.session_id)
            if call.session_id not in counts:
                continue
            late.append((call.session_id, count + len(documents)))
        events += event_rows(call.session_id, documents, count)
    run_many(connection, SQL["update_sessions"], updates)
    run_many(connection, SQL["count_events"], late)
    run_many(connection, SQL["insert_events"], events)
    run_many(connection, SQL["insert_outbox"], outbox)
    run_many(connection, SQL["insert_terms"], terms)
    run_many(connection, SQL["add_usage"], added_up(usage))
    return fenced


def finish(connection: sqlite3.Connection, calls: Sequence[Sequence[ResultRow]]) -> list[None]:
    """Record attempts."""
    rows = [row for call in calls for row in call]
    for indexes in rounds([row.delivery_id for row in rows]):
        run_many(connection, SQL["finish"], [rows[index] for index in indexes])
    return [None] * len(calls)


def check_epoch(connection: sqlite3.Connection, name: str, epoch: int) -> None:
    """Raise Fenced when the node's epoch is over."""
    row = connection.execute(SQL["node_epoch"], (name,)).fetchone()
    if row is None or row["epoch"] != epoch:
        raise Fenced(f"{name}'s epoch {epoch} is over")


def store_change(connection: sqlite3.Connection, call: Save, count: int) -> None:
    """Write a session; the caller has checked in this transaction that it may be written."""
    documents = call.event_documents
    row = StateRow.of(call, count + len(documents))
    run_many(connection, SQL["update_sessions"], [row])
    run_many(connection, SQL["insert_events"], event_rows(call.session_id, documents, count))
    run_many(connection, SQL["insert_outbox"], call.outbox_rows)
    run_many(connection, SQL["insert_terms"], call.term_rows)
    run_many(connection, SQL["add_usage"], added_up(call.usage_rows))


def one(connection: sqlite3.Connection, name: str, arguments: Sequence[Any]) -> Any:
    """The first column of a named statement's first row, or None."""
    row = connection.execute(SQL[name], arguments).fetchone()
    return None if row is None else row[0]
