"""What a database keeps for the console."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, func, insert, select, update

from offhook.codes import SessionStatus
from offhook.session.ports.console_records import (
    ConsoleRecords,
    LiveSession,
    OutcomeCount,
    SignIn,
)
from offhook.session.ports.record import RequestRecord
from offhook.session.session import Session
from offhook.store import schema
from offhook.store.documents import (
    decode_session,
    from_micros,
    known_event,
    known_session,
    micros,
)
from offhook.store.rows import Row, request_record
from offhook.store.statements import Rows, Statements


class SqlConsole(Statements, ConsoleRecords):
    """One row for each browser that is signed in."""

    async def put_sign_in(self, sign_in: SignIn) -> None:
        t = schema.sign_ins
        values = {
            "token_digest": sign_in.token_digest,
            "key_digest": sign_in.key_digest,
            "created_at": micros(sign_in.created_at),
            "used_at": micros(sign_in.used_at),
            "expires_at": micros(sign_in.expires_at),
        }
        over = delete(t).where(t.c.expires_at <= micros(sign_in.created_at))
        await self._write(over, insert(t).values(values))

    async def sign_in(self, token_digest: bytes) -> SignIn | None:
        t = schema.sign_ins
        rows = await self._read(select(t).where(t.c.token_digest == token_digest))
        return (
            SignIn(
                token_digest=bytes(rows[0]["token_digest"]),
                key_digest=bytes(rows[0]["key_digest"]),
                created_at=from_micros(rows[0]["created_at"]),
                used_at=from_micros(rows[0]["used_at"]),
                expires_at=from_micros(rows[0]["expires_at"]),
            )
            if rows
            else None
        )

    async def touch_sign_in(self, token_digest: bytes, at: datetime) -> None:
        t = schema.sign_ins
        await self._write(
            update(t).where(t.c.token_digest == token_digest).values(used_at=micros(at))
        )

    async def delete_sign_in(self, token_digest: bytes) -> None:
        t = schema.sign_ins
        await self._write(delete(t).where(t.c.token_digest == token_digest))

    async def any_request(self, call_flow_request_id: str) -> RequestRecord | None:
        t = schema.requests
        rows = await self._read(select(t).where(t.c.call_flow_request_id == call_flow_request_id))
        return request_record(rows[0]) if rows else None

    async def rejected_requests(
        self,
        sub_account_ids: Collection[str],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[RequestRecord], str | None]:
        t = schema.requests
        found: Rows
        query = select(t).where(
            t.c.session_id.is_(None), t.c.sub_account_id.in_(sorted(sub_account_ids))
        )
        if since is not None:
            query = query.where(t.c.at >= micros(since))
        if until is not None:
            query = query.where(t.c.at < micros(until))
        found, following = await self._page(query, t.c.at, t.c.call_flow_request_id, cursor, limit)
        return [request_record(row) for row in found], following

    async def newest_sessions(
        self, sub_account_ids: Collection[str], since: datetime, *, limit: int
    ) -> Sequence[Session]:
        t = schema.sessions
        newest = (  # from the index alone; only their documents are read
            select(t.c.session_id)
            .where(t.c.sub_account_id.in_(sorted(sub_account_ids)), t.c.created_at >= micros(since))
            .order_by(t.c.created_at.desc())
            .limit(limit)
        )
        rows = await self._read(select(t.c.document).where(t.c.session_id.in_(newest)))
        return [decode_session(row["document"]) for row in rows]

    async def live_sessions(
        self, sub_account_ids: Collection[str], *, each: int, limit: int, events: int
    ) -> Sequence[LiveSession]:
        owners: object = sorted(sub_account_ids)
        if self._dialect.name == "sqlite":
            owners = msgspec.json.encode(owners).decode()
        rows = await self._read_named("live_sessions", owners, each, limit, events)
        return [live for row in rows if (live := _live(row)) is not None]

    async def outcome_counts(
        self, sub_account_ids: Collection[str], since: datetime, until: datetime, step: timedelta
    ) -> Sequence[OutcomeCount]:
        t = schema.sessions
        size = round(step.total_seconds() * 1_000_000)
        begin = (t.c.created_at - t.c.created_at % size).label("begin")
        query = (
            select(begin, t.c.status, func.count().label("sessions"))
            .where(
                t.c.sub_account_id.in_(sorted(sub_account_ids)),
                t.c.status.in_([status.value for status in SessionStatus]),  # for the index
                t.c.created_at >= micros(since),
                t.c.created_at < micros(until),
            )
            .group_by(begin, t.c.status)
            .order_by(begin, t.c.status)
        )
        return [
            OutcomeCount(from_micros(row["begin"]), SessionStatus(row["status"]), row["sessions"])
            for row in await self._read(query)
        ]

    async def sip_code_counts(
        self, sub_account_ids: Collection[str], since: datetime, until: datetime
    ) -> Mapping[int, int]:
        t = schema.session_terms
        query = (
            select(t.c.term, func.count().label("sessions"))
            .where(
                t.c.sub_account_id.in_(sorted(sub_account_ids)),
                t.c.term >= "sip:",
                t.c.term < "sip;",
                t.c.created_at >= micros(since),
                t.c.created_at < micros(until),
            )
            .group_by(t.c.term)
        )
        rows = await self._read(query)
        return {int(row["term"].removeprefix("sip:")): row["sessions"] for row in rows}


def _live(row: Row) -> LiveSession | None:
    session = known_session(row["document"])
    if session is None:
        return None
    documents = msgspec.json.decode(row["events"] or "[]", type=list[str])
    return LiveSession(
        session, row["node"] or "", [one for each in documents if (one := known_event(each))]
    )
