"""Records as rows, in the order of their tables' columns; the same for every dialect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from offhook.events import AnyEvent
from offhook.session.ports.record import DeliveryResult, Node, OutboxEntry, RequestRecord
from offhook.session.session import Session
from offhook.store.documents import (
    encode,
    encode_session,
    from_micros,
    held_channels,
    micros,
    optional_micros,
)

Row = tuple[Any, ...]

IDEMPOTENCY_WINDOW = int(timedelta(hours=24).total_seconds() * 1e6)
"""How long an Idempotency-Key answers again, in microseconds (``spec/api.md``)."""


def session_row(session: Session, event_count: int, node: Node | None = None) -> Row:
    """A row of ``sessions``."""
    return (
        session.session_id,
        session.sub_account_id,
        session.status.value,
        micros(session.created_at),
        optional_micros(session.valid_until),
        None,
        "",
        node and node.name,
        node and node.epoch,
        held_channels(session),
        event_count,
        encode_session(session),
    )


def event_rows(session_id: str, documents: Sequence[str], after: int = 0) -> list[Row]:
    """Rows of ``events``, numbered from ``after`` + 1."""
    return [(session_id, number, text) for number, text in enumerate(documents, after + 1)]


def event_documents(events: Sequence[AnyEvent]) -> list[str]:
    """The documents of events."""
    return [encode(event) for event in events]


def request_row(request: RequestRecord) -> Row:
    """A row of ``requests``."""
    return (
        request.call_flow_request_id,
        request.sub_account_id,
        micros(request.at),
        request.body,
        request.http_status,
        request.answer,
        request.session_id,
        request.idempotency_key,
    )


def request_record(row: Sequence[Any]) -> RequestRecord:
    """The inverse of :func:`request_row`."""
    return RequestRecord(
        call_flow_request_id=row[0],
        sub_account_id=row[1],
        at=from_micros(row[2]),
        body=bytes(row[3]),
        http_status=row[4],
        answer=bytes(row[5]),
        session_id=row[6],
        idempotency_key=row[7],
    )


def outbox_row(entry: OutboxEntry) -> Row:
    """A row of ``outbox``: pending, due at once."""
    created = micros(entry.created_at)
    return (
        entry.delivery_id,
        entry.sub_account_id,
        entry.type,
        entry.session_id,
        entry.url,
        entry.payload,
        created,
        micros(entry.give_up_at),
        "pending",
        created,
        None,
        0,
        "",
    )


def outbox_entry(row: Sequence[Any]) -> OutboxEntry:
    """The entry of an ``outbox`` row."""
    return OutboxEntry(
        delivery_id=row[0],
        sub_account_id=row[1],
        type=row[2],
        session_id=row[3],
        url=row[4],
        payload=bytes(row[5]),
        created_at=from_micros(row[6]),
        give_up_at=from_micros(row[7]),
    )


def result_row(result: DeliveryResult) -> Row:
    """What a delivery's result changes: id, state, next_at, attempts to add, history to append."""
    line = ""
    if result.attempted:
        attempt = {"at": result.at, "httpStatus": result.http_status, "detail": result.detail}
        line = encode(attempt) + "\n"
    next_at = result.next_at if result.next_at is not None else result.at
    return (result.delivery_id, result.state, micros(next_at), int(result.attempted), line)


def delivery_view(row: Sequence[Any]) -> dict[str, Any]:
    """An ``outbox`` row as the API shows it (keys: :meth:`.interface.Store.deliveries`)."""
    state = "pending" if row[8] == "leased" else row[8]
    return {
        "deliveryId": row[0],
        "type": row[2],
        "url": row[4],
        "state": state,
        "createdAt": from_micros(row[6]),
        "nextAt": from_micros(row[9]) if state == "pending" else None,
        "attempts": [msgspec.json.decode(line) for line in row[12].split("\n") if line],
        "payload": msgspec.json.decode(bytes(row[5])),
    }
