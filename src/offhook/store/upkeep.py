"""Deletes what is too old, and what belongs to one phone number."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Table,
    and_,
    case,
    delete,
    exists,
    or_,
    select,
    text,
    tuple_,
    update,
)

from offhook.codes import SessionStatus
from offhook.session.campaign import CampaignState, TargetState
from offhook.session.ports.keeping import KEEP_USUAL, ErasedRequests, Retention, Upkeep
from offhook.session.ports.record import DeliveryState
from offhook.session.session import Session
from offhook.store import schema
from offhook.store.documents import decode_session, micros
from offhook.store.rows import Row
from offhook.store.search_terms import all_terms
from offhook.store.statements import Statements

_PURGE_CHUNK = 500
"""Requests, deliveries or keys deleted in one transaction, so that other writes do not wait long."""
_PURGE_SESSIONS = 50
"""The same for sessions: each has some twenty rows in other tables."""
_PURGE_PAUSE = 0.02
"""Seconds between two such transactions at least: other processes get the write lock in between."""
_REST = 3.0
"""… and so many times as long as the transaction took: a slow disk is left to the calls."""
_REQUESTS_READ = 500
"""Requests looked through at once for a number …"""
_LOOKS = 10
"""… and so many times before the caller is told how far it is."""
_UNDER_WAY = (DeliveryState.PENDING.value, DeliveryState.LEASED.value)
_NOT_FINAL = (SessionStatus.QUEUED.value, SessionStatus.RUNNING.value)
_FINAL_CAMPAIGNS = tuple(state.value for state in CampaignState if state.final)


class SqlUpkeep(Statements, Upkeep):
    """Deletes from the tables that grow."""

    async def purge(self, now: datetime, keep: Retention = KEEP_USUAL) -> int:
        r, i, p = schema.requests, schema.idempotency, schema.passed_over

        def before(days: int) -> int:
            return micros(now - timedelta(days=days))

        gone = await self._purge_old(r, r.c.at < before(keep.requests), r.c.at)
        await self._purge_old(i, i.c.at < before(1), i.c.at)
        await self._purge_old(p, p.c.since < before(1), p.c.since)
        for row in await self._read_named("owners"):
            owner = row["sub_account_id"]
            gone += await self._purge_sessions(owner, before(keep.sessions))
            if keep.deliveries is not None:
                gone += await self._purge_deliveries(owner, before(keep.deliveries))
            if keep.events is not None:
                gone += await self._purge_events(
                    owner, before(keep.events), keep.events_gone_before
                )
        return gone

    async def erase_sessions(self, sessions: Sequence[Session]) -> None:
        r = schema.requests
        final = [session for session in sessions if session.status.final]
        for start in range(0, len(final), _PURGE_SESSIONS):
            part = final[start : start + _PURGE_SESSIONS]
            requests = [session.call_flow_request_id for session in part]
            began = time.monotonic()
            await self._write(
                *_without_sessions(part), delete(r).where(r.c.call_flow_request_id.in_(requests))
            )
            await _rest(began)

    async def erase_requests(
        self, sub_account_id: str, number: str, cursor: str | None = None
    ) -> ErasedRequests:
        r, s = schema.requests, schema.sessions
        digits = number.removeprefix("+").encode()
        # There is no index by sub-account: rows of others count too, so that each look is bounded.
        own = case((r.c.sub_account_id == sub_account_id, r.c.body), else_=None).label("own")
        query = select(r.c.call_flow_request_id, r.c.at, own)
        erased = looked_at = 0
        for _ in range(_LOOKS):
            began = time.monotonic()
            rows, cursor = await self._page(
                query, r.c.at, r.c.call_flow_request_id, cursor, _REQUESTS_READ
            )
            looked_at += len(rows)
            ids = [
                row["call_flow_request_id"] for row in rows if digits in bytes(row["own"] or b"")
            ]
            if ids:
                lost = ~exists().where(s.c.session_id == r.c.session_id)
                chosen = and_(r.c.call_flow_request_id.in_(ids), lost)
                gone = delete(r).where(chosen).returning(r.c.at)
                erased += len((await self._write(gone))[0])
            if cursor is None:
                break
            await _rest(began)
        return ErasedRequests(erased, looked_at, cursor)

    async def erase_targets(self, sub_account_id: str, number: str) -> int:
        t, c = schema.campaign_targets, schema.campaigns
        own = select(c.c.campaign_id).where(c.c.sub_account_id == sub_account_id)
        ended = own.where(c.c.state.in_(_FINAL_CAMPAIGNS))
        erased = (
            update(t)
            .where(
                t.c.campaign_id.in_(own),
                t.c.number == number,
                or_(t.c.state == TargetState.DONE.value, t.c.campaign_id.in_(ended)),
                t.c.state != TargetState.CALLING.value,
            )
            .values(
                number=text("'erased-' || position"), parameters="{}", session_id=None, detail=None
            )
            .returning(t.c.position)
        )
        return len((await self._write(erased))[0])

    # --- one kind of row at a time

    async def _purge_old(
        self, table: Table, old: ColumnElement[bool], at: ColumnElement[int]
    ) -> int:
        """Delete the rows that are ``old``, a chunk in each transaction; returns how many."""
        key = list(table.primary_key.columns)
        chosen = select(*key).where(old).order_by(at).limit(_PURGE_CHUNK)
        chunk = delete(table).where(tuple_(*key).in_(chosen)).returning(at)
        gone = 0
        while True:
            began = time.monotonic()
            rows = (await self._write(chunk))[0]
            gone += len(rows)
            if len(rows) < _PURGE_CHUNK:
                return gone
            await _rest(began)

    async def _purge_sessions(self, sub_account_id: str, before: int) -> int:
        """Delete final sessions with everything that belongs to them."""
        old = _final_sessions(sub_account_id, before).limit(_PURGE_SESSIONS)
        gone = 0
        while rows := await self._read(old):
            began = time.monotonic()
            await self._write(*_without_sessions([_session(row) for row in rows]))
            gone += len(rows)
            await _rest(began)
        return gone

    async def _purge_deliveries(self, sub_account_id: str, before: int) -> int:
        """Delete deliveries that are not tried any more."""
        o = schema.outbox
        types = await self._read(
            select(o.c.type).where(o.c.sub_account_id == sub_account_id).distinct()
        )
        gone = 0
        for row in types:
            old = and_(
                o.c.sub_account_id == sub_account_id,
                o.c.type == row["type"],
                o.c.created_at < before,
                o.c.state.notin_(_UNDER_WAY),
            )
            gone += await self._purge_old(o, old, o.c.created_at)
        return gone

    async def _purge_events(self, sub_account_id: str, before: int, since: datetime | None) -> int:
        """Delete the timelines of final sessions that are kept themselves, made at ``since`` or later."""
        e, s = schema.events, schema.sessions
        query = _final_sessions(sub_account_id, before)
        if since is not None:
            query = query.where(s.c.created_at >= micros(since))
        cursor: str | None = None
        gone = 0
        while True:
            rows, cursor = await self._page(
                query, s.c.created_at, s.c.session_id, cursor, _PURGE_CHUNK
            )
            for start in range(0, len(rows), _PURGE_SESSIONS):
                ids = [row["session_id"] for row in rows[start : start + _PURGE_SESSIONS]]
                began = time.monotonic()
                if await self._read(select(e.c.number).where(e.c.session_id.in_(ids)).limit(1)):
                    erased = delete(e).where(e.c.session_id.in_(ids)).returning(e.c.number)
                    gone += len((await self._write(erased))[0])
                await _rest(began)
            if cursor is None:
                return gone


async def _rest(began: float) -> None:
    """Leave the database to others after a transaction that began at ``began`` (monotonic)."""
    await asyncio.sleep(max(_PURGE_PAUSE, _REST * (time.monotonic() - began)))


def _final_sessions(sub_account_id: str, before: int) -> Select[Any]:
    s = schema.sessions
    return select(s.c.session_id, s.c.created_at, s.c.document).where(
        s.c.sub_account_id == sub_account_id,
        s.c.created_at < before,
        s.c.status.notin_(_NOT_FINAL),
    )


def _session(row: Row) -> Session:
    return decode_session(row["document"])


def _without_sessions(sessions: Sequence[Session]) -> list[Executable]:
    """The statements that delete final sessions with everything that belongs to them."""
    s, t = schema.sessions, schema.session_terms
    ids = [session.session_id for session in sessions]
    found_by = [tuple(term) for session in sessions for term in all_terms(session)]
    belong = (
        schema.events,
        schema.outbox,
        schema.sip_traces,
        schema.log_lines,
        schema.captures,
    )
    return [
        *(delete(table).where(table.c.session_id.in_(ids)) for table in belong),
        delete(t).where(tuple_(*t.primary_key.columns).in_(found_by)),
        delete(s).where(s.c.session_id.in_(ids)),
    ]
