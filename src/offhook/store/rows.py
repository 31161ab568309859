"""Records as rows and rows as records; the same for every dialect.

The row classes list the columns in the order of the INSERT or UPDATE that takes them. Rows that are
read are accessed by column name, in both databases' drivers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple, Protocol

import msgspec

from offhook.events import AnyEvent
from offhook.session.ports.record import (
    Delivery,
    DeliveryAttempt,
    DeliveryRecord,
    DeliveryResult,
    DeliveryState,
    Node,
    OutboxEntry,
    OutboxType,
    RequestRecord,
)
from offhook.session.session import Session
from offhook.store.documents import (
    encode,
    encode_session,
    from_micros,
    held_channels,
    micros,
    optional_micros,
)

IDEMPOTENCY_WINDOW = int(timedelta(hours=24).total_seconds() * 1e6)
"""How long an Idempotency-Key is valid, in microseconds (``spec/api.md``)."""

_attempts = msgspec.json.Decoder(DeliveryAttempt)


class Row(Protocol):
    """A row that was read: ``sqlite3.Row`` or ``asyncpg.Record``."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of a column."""


class SessionRow(NamedTuple):
    """A row of ``sessions``."""

    session_id: str
    sub_account_id: str
    status: str
    created_at: int
    valid_until: int | None
    ready_since: int | None
    waits_for: str
    node: str | None
    epoch: int | None
    channels: str
    event_count: int
    document: str


class EventRow(NamedTuple):
    """A row of ``events``."""

    session_id: str
    number: int
    document: str


class RequestRow(NamedTuple):
    """A row of ``requests``."""

    call_flow_request_id: str
    sub_account_id: str
    at: int
    body: bytes
    http_status: int
    answer: bytes
    session_id: str | None
    idempotency_key: str | None


class KeyRow(NamedTuple):
    """A row of ``idempotency``."""

    sub_account_id: str
    idempotency_key: str
    call_flow_request_id: str
    at: int


class OutboxRow(NamedTuple):
    """A row of ``outbox``."""

    delivery_id: str
    sub_account_id: str
    type: str
    session_id: str | None
    url: str | None
    payload: bytes
    created_at: int
    give_up_at: int
    state: str
    next_at: int
    owner: str | None
    attempts: int
    history: str


class DecisionRow(NamedTuple):
    """The columns that a claim writes for a session."""

    session_id: str
    status: str
    ready_since: int | None
    waits_for: str
    node: str | None
    epoch: int | None
    channels: str
    event_count: int
    document: str


class BucketRow(NamedTuple):
    """A row of ``buckets``."""

    kind: str
    name: str
    tokens: float
    at: int


class ResultRow(NamedTuple):
    """The columns of an ``outbox`` row that the result of an attempt changes."""

    delivery_id: str
    state: str
    next_at: int
    attempts: int
    """Attempts to add."""
    history: str
    """Text to append."""


def session_row(session: Session, event_count: int, node: Node | None = None) -> SessionRow:
    """The row of a new session, waiting or run by ``node``."""
    return SessionRow(
        session_id=session.session_id,
        sub_account_id=session.sub_account_id,
        status=session.status.value,
        created_at=micros(session.created_at),
        valid_until=optional_micros(session.valid_until),
        ready_since=None,
        waits_for="",
        node=node.name if node is not None else None,
        epoch=node.epoch if node is not None else None,
        channels=held_channels(session),
        event_count=event_count,
        document=encode_session(session),
    )


def event_rows(session_id: str, documents: Sequence[str], after: int = 0) -> list[EventRow]:
    """Rows of events, numbered from ``after`` + 1."""
    return [EventRow(session_id, number, text) for number, text in enumerate(documents, after + 1)]


def event_documents(events: Sequence[AnyEvent]) -> list[str]:
    """The documents of events."""
    return [encode(event) for event in events]


def request_row(request: RequestRecord) -> RequestRow:
    """The row of a request."""
    return RequestRow(
        call_flow_request_id=request.call_flow_request_id,
        sub_account_id=request.sub_account_id,
        at=micros(request.at),
        body=request.body,
        http_status=request.http_status,
        answer=request.answer,
        session_id=request.session_id,
        idempotency_key=request.idempotency_key,
    )


def request_record(row: Row) -> RequestRecord:
    """The inverse of :func:`request_row`."""
    return RequestRecord(
        call_flow_request_id=row["call_flow_request_id"],
        sub_account_id=row["sub_account_id"],
        at=from_micros(row["at"]),
        body=bytes(row["body"]),
        http_status=row["http_status"],
        answer=bytes(row["answer"]),
        session_id=row["session_id"],
        idempotency_key=row["idempotency_key"],
    )


def outbox_row(entry: OutboxEntry) -> OutboxRow:
    """The row of a new delivery: pending, due at once."""
    created = micros(entry.created_at)
    return OutboxRow(
        delivery_id=entry.delivery_id,
        sub_account_id=entry.sub_account_id,
        type=entry.type.value,
        session_id=entry.session_id,
        url=entry.url,
        payload=entry.payload,
        created_at=created,
        give_up_at=micros(entry.give_up_at),
        state=DeliveryState.PENDING.value,
        next_at=created,
        owner=None,
        attempts=0,
        history="",
    )


def leased_delivery(row: Row) -> Delivery:
    """The delivery of an ``outbox`` row that was leased."""
    entry = OutboxEntry(
        delivery_id=row["delivery_id"],
        sub_account_id=row["sub_account_id"],
        type=OutboxType(row["type"]),
        session_id=row["session_id"],
        url=row["url"],
        payload=bytes(row["payload"]),
        created_at=from_micros(row["created_at"]),
        give_up_at=from_micros(row["give_up_at"]),
    )
    return Delivery(entry=entry, attempts=row["attempts"])


def result_row(result: DeliveryResult) -> ResultRow:
    """The changes that a result makes."""
    line = ""
    if result.attempted:
        line = encode(attempt_of(result)) + "\n"
    return ResultRow(
        delivery_id=result.delivery_id,
        state=result.state.value,
        next_at=micros(result.next_at if result.next_at is not None else result.at),
        attempts=int(result.attempted),
        history=line,
    )


def attempt_of(result: DeliveryResult) -> DeliveryAttempt:
    """The attempt of a result."""
    return DeliveryAttempt(at=result.at, http_status=result.http_status, detail=result.detail)


def delivery_record(row: Row) -> DeliveryRecord:
    """The record of a whole ``outbox`` row."""
    state = DeliveryState(row["state"])
    if state is DeliveryState.LEASED:
        state = DeliveryState.PENDING
    return DeliveryRecord(
        delivery_id=row["delivery_id"],
        type=OutboxType(row["type"]),
        url=row["url"],
        state=state,
        created_at=from_micros(row["created_at"]),
        next_at=from_micros(row["next_at"]) if state is DeliveryState.PENDING else None,
        attempts=tuple(_attempts.decode(line) for line in row["history"].split("\n") if line),
        payload=bytes(row["payload"]),
    )
