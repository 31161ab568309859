"""Reading the record: requests, sessions, timelines, deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import (
    ColumnElement,
    FromClause,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)

from offhook.events import AnyEvent
from offhook.session.ports.record import (
    EVERY_SESSION,
    DeliveryRecord,
    DeliveryState,
    OutboxType,
    RequestRecord,
    SessionFilter,
)
from offhook.session.ports.session_history import History
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session
from offhook.store import schema
from offhook.store.documents import decode_session, encode, from_micros, known_event, micros
from offhook.store.rows import delivery_record, request_record
from offhook.store.search_terms import wanted_terms
from offhook.store.statements import Statements

_UNDER_WAY = (DeliveryState.PENDING.value, DeliveryState.LEASED.value)
_sip_messages = msgspec.json.Decoder(tuple[SipMessage, ...])


class SqlHistory(Statements, History):
    """Reads the tables that grow."""

    # --- requests, sessions, timelines

    async def request(self, sub_account_id: str, call_flow_request_id: str) -> RequestRecord | None:
        t = schema.requests
        rows = await self._read(
            select(t).where(
                t.c.call_flow_request_id == call_flow_request_id,
                t.c.sub_account_id == sub_account_id,
            )
        )
        return request_record(rows[0]) if rows else None

    async def session(self, sub_account_id: str, session_id: str) -> Session | None:
        t = schema.sessions
        rows = await self._read(
            select(t.c.document).where(
                t.c.session_id == session_id, t.c.sub_account_id == sub_account_id
            )
        )
        return decode_session(rows[0]["document"]) if rows else None

    async def sessions(
        self,
        sub_account_id: str,
        chosen: SessionFilter = EVERY_SESSION,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Session], str | None]:
        s = schema.sessions
        terms = wanted_terms(chosen)
        found_by: FromClause = s
        t: FromClause = s
        if terms:  # select by the first term, then check the other terms of each session found
            t = schema.session_terms
            found_by = t.join(s, s.c.session_id == t.c.session_id)
        query = (
            select(t.c.created_at, t.c.session_id, s.c.document)
            .select_from(found_by)
            .where(t.c.sub_account_id == sub_account_id, *_has_terms(t, terms))
        )
        if chosen.status is not None:
            query = query.where(s.c.status == chosen.status.value)
        if chosen.since is not None:
            query = query.where(t.c.created_at >= micros(chosen.since))
        if chosen.until is not None:
            query = query.where(t.c.created_at < micros(chosen.until))
        rows, following = await self._page(query, t.c.created_at, t.c.session_id, cursor, limit)
        return [decode_session(row["document"]) for row in rows], following

    async def events(self, session_id: str, after: int = 0) -> Sequence[tuple[int, AnyEvent]]:
        t = schema.events
        query = select(t.c.number, t.c.document).where(
            t.c.session_id == session_id, t.c.number > after
        )
        rows = await self._read(query.order_by(t.c.number))
        found = ((row["number"], known_event(row["document"])) for row in rows)
        return [(number, event) for number, event in found if event is not None]

    # --- deliveries

    async def deliveries(self, session_id: str) -> Sequence[DeliveryRecord]:
        t = schema.outbox
        query = select(t).where(t.c.session_id == session_id)
        rows = await self._read(query.order_by(t.c.created_at, t.c.delivery_id))
        return [delivery_record(row) for row in rows]

    async def deliveries_of_type(
        self,
        sub_account_id: str,
        type_: OutboxType,
        *,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[DeliveryRecord], str | None]:
        t = schema.outbox
        query = select(t).where(t.c.sub_account_id == sub_account_id, t.c.type == type_.value)
        if state is DeliveryState.PENDING:
            query = query.where(t.c.state.in_(_UNDER_WAY))
        elif (
            state is DeliveryState.DEAD
        ):  # written out: SQLite then takes the index of the dead ones
            query = query.where(text("outbox.state = 'dead'"))
        elif state is not None:
            query = query.where(t.c.state == state.value)
        rows, following = await self._page(query, t.c.created_at, t.c.delivery_id, cursor, limit)
        return [delivery_record(row) for row in rows], following

    async def redeliver(
        self, sub_account_id: str, delivery_id: str, now: datetime, give_up_at: datetime
    ) -> bool:
        t = schema.outbox
        again = (
            update(t)
            .where(
                t.c.delivery_id == delivery_id,
                t.c.sub_account_id == sub_account_id,
                t.c.state.notin_(_UNDER_WAY),
            )
            .values(
                state=DeliveryState.PENDING.value,
                next_at=micros(now),
                give_up_at=micros(give_up_at),
            )
        )
        return await self._changed(again, t.c.delivery_id)

    async def make_due(
        self,
        sub_account_id: str,
        type_: OutboxType,
        url: str | None,
        now: datetime,
        *,
        limit: int = 500,
    ) -> int:
        t = schema.outbox
        waiting = (
            select(t.c.delivery_id)
            .where(
                t.c.state == DeliveryState.PENDING.value,
                t.c.sub_account_id == sub_account_id,
                t.c.type == type_.value,
                t.c.next_at > micros(now),
                t.c.url.is_(None) if url is None else t.c.url == url,
            )
            .order_by(t.c.next_at)
            .limit(limit)
        )
        (changed,) = await self._write(
            update(t)
            .where(t.c.delivery_id.in_(waiting), t.c.state == DeliveryState.PENDING.value)
            .values(next_at=t.c.created_at)
            .returning(t.c.delivery_id)
        )
        return len(changed)

    async def next_delivery_at(self) -> datetime | None:
        t = schema.outbox
        leased = select(func.min(t.c.next_at).label("next_at")).where(
            t.c.state == DeliveryState.LEASED.value
        )
        rows = [*await self._read(leased), *await self._read_named("pending_groups")]
        times = [row["next_at"] for row in rows if row["next_at"] is not None]
        return from_micros(min(times)) if times else None

    # --- SIP traces

    async def put_sip_trace(self, session_id: str, messages: Sequence[SipMessage]) -> None:
        t = schema.sip_traces
        values = {"session_id": session_id, "document": encode(messages)}
        await self._write(delete(t).where(t.c.session_id == session_id), insert(t).values(values))

    async def sip_trace(self, session_id: str) -> Sequence[SipMessage]:
        t = schema.sip_traces
        rows = await self._read(select(t.c.document).where(t.c.session_id == session_id))
        return _sip_messages.decode(rows[0]["document"]) if rows else ()


def _has_terms(t: FromClause, terms: Sequence[str]) -> list[ColumnElement[bool]]:
    """The condition that a row of ``session_terms`` has the first term, and its session has the others."""
    conditions: list[ColumnElement[bool]] = [t.c.term == term for term in terms[:1]]
    for term in terms[1:]:
        other = schema.session_terms.alias()
        conditions.append(
            exists().where(
                other.c.sub_account_id == t.c.sub_account_id,
                other.c.term == term,
                other.c.created_at == t.c.created_at,
                other.c.session_id == t.c.session_id,
            )
        )
    return conditions
