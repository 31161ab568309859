"""Jobs that export the call log, and the pieces of their files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from offhook.session.ports.exports import Exporting, ExportJob, ExportRequest, ExportState
from offhook.store import schema
from offhook.store.documents import (
    encode,
    from_micros,
    micros,
    optional_from_micros,
)
from offhook.store.rows import Row
from offhook.store.statements import Statements

UNFINISHED_KEPT = timedelta(days=31)
"""Jobs that nobody has made are deleted after it."""
_IS_OPEN = text("exports.state IN ('queued', 'running')")
"""As the partial index ``exports_open`` says it: with parameters SQLite does not use that index."""


class SqlExports(Statements, Exporting):
    """Keeps jobs and pieces in two tables."""

    async def create_export(self, job: ExportJob, *, most_waiting: int) -> bool:
        t = schema.exports
        waiting = (
            select(func.count())
            .select_from(t)
            .where(t.c.sub_account_id == job.sub_account_id, _IS_OPEN)
            .scalar_subquery()
        )
        values = {
            "job_id": job.job_id,
            "sub_account_id": job.sub_account_id,
            "token": job.token,
            "created_at": micros(job.created_at),
            "state": job.state.value,
            "request": encode(job.request),
            "rows": 0,
            "pieces": 0,
            "attempts": 0,
            "lease_until": 0,
            "expires_at": micros(job.created_at + UNFINISHED_KEPT),
        }
        columns = [t.c[name] for name in values]
        row = select(*(literal(value, t.c[name].type) for name, value in values.items()))
        made = insert(t).from_select(columns, row.where(waiting < most_waiting))
        return await self._changed(made, t.c.job_id)

    async def export(self, sub_account_id: str, job_id: str) -> ExportJob | None:
        t = schema.exports
        return await self._one(t.c.job_id == job_id, t.c.sub_account_id == sub_account_id)

    async def export_of_token(self, token: str) -> ExportJob | None:
        t = schema.exports
        return await self._one(t.c.token == token, t.c.state == ExportState.SUCCEEDED.value)

    async def _one(self, *conditions: ColumnElement[bool]) -> ExportJob | None:
        rows = await self._read(select(schema.exports).where(*conditions))
        return _job(rows[0]) if rows else None

    async def cancel_export(self, sub_account_id: str, job_id: str) -> bool:
        t, p = schema.exports, schema.export_pieces
        mine = (t.c.job_id == job_id, t.c.sub_account_id == sub_account_id)
        cancelled = ExportState.CANCELLED.value
        written = await self._write(
            update(t).where(*mine, _IS_OPEN).values(state=cancelled),
            delete(p).where(p.c.job_id == job_id, exists().where(*mine, t.c.state == cancelled)),
            select(t.c.job_id).where(*mine),
        )
        return bool(written[-1])

    async def exports_due(self, now: datetime) -> bool:
        t = schema.exports
        return bool(await self._read(select(t.c.job_id).where(_due(now)).limit(1)))

    async def lease_export(self, owner: str, now: datetime, until: datetime) -> ExportJob | None:
        t = schema.exports
        oldest = select(t.c.job_id).where(_due(now)).order_by(t.c.created_at, t.c.job_id).limit(1)
        if self._dialect.name != "sqlite":
            oldest = oldest.with_for_update(skip_locked=True)
        (rows,) = await self._write(
            update(t)
            .where(t.c.job_id.in_(oldest.scalar_subquery()), _due(now))
            .values(
                state=ExportState.RUNNING.value,
                owner=owner,
                lease_until=micros(until),
                attempts=t.c.attempts + 1,
            )
            .returning(t)
        )
        return _job(rows[0]) if rows else None

    async def renew_export(self, job_id: str, owner: str, until: datetime) -> bool:
        t = schema.exports
        renewed = update(t).where(*_of(job_id, owner)).values(lease_until=micros(until))
        return await self._changed(renewed, t.c.job_id)

    async def add_piece(self, job: ExportJob, owner: str, data: bytes, until: datetime) -> bool:
        t, p = schema.exports, schema.export_pieces
        number = job.pieces - 1
        moved = (
            update(t)
            .where(*_of(job.job_id, owner), t.c.pieces == number)
            .values(cursor=job.cursor, rows=job.rows, pieces=job.pieces, lease_until=micros(until))
            .returning(t.c.job_id)
        )
        piece = insert(p).from_select(
            ["job_id", "number", "data"],
            select(
                literal(job.job_id, p.c.job_id.type),
                literal(number, p.c.number.type),
                literal(data, p.c.data.type),
            ).where(
                exists().where(*_of(job.job_id, owner), t.c.pieces == job.pieces),
                ~exists().where(p.c.job_id == job.job_id, p.c.number == number),
            ),
        )
        written = await self._write(moved, piece)
        return bool(written[0])

    async def finish_export(
        self, job_id: str, owner: str, state: ExportState, expires_at: datetime
    ) -> bool:
        t = schema.exports
        finished = (
            update(t)
            .where(*_of(job_id, owner))
            .values(state=state.value, owner=None, expires_at=micros(expires_at))
        )
        return await self._changed(finished, t.c.job_id)

    async def piece(self, job_id: str, number: int) -> bytes | None:
        p = schema.export_pieces
        rows = await self._read(select(p.c.data).where(p.c.job_id == job_id, p.c.number == number))
        return bytes(rows[0]["data"]) if rows else None

    async def purge_exports(self, now: datetime, *, limit: int = 100) -> int:
        t, p = schema.exports, schema.export_pieces
        old = select(t.c.job_id).where(t.c.expires_at < micros(now)).limit(limit)
        ids = [row["job_id"] for row in await self._read(old)]
        if ids:
            await self._write(
                delete(p).where(p.c.job_id.in_(ids)), delete(t).where(t.c.job_id.in_(ids))
            )
        return len(ids)


def _due(now: datetime) -> ColumnElement[bool]:
    """The condition that a job waits or has lost its worker."""
    t = schema.exports
    return and_(_IS_OPEN, t.c.lease_until <= micros(now))


def _of(job_id: str, owner: str) -> Sequence[ColumnElement[bool]]:
    """The conditions that a job is being made by ``owner``."""
    t = schema.exports
    return (t.c.job_id == job_id, t.c.owner == owner, t.c.state == ExportState.RUNNING.value)


def _job(row: Row) -> ExportJob:
    state = ExportState(row["state"])
    expires: Any = row["expires_at"] if state is ExportState.SUCCEEDED else None
    return ExportJob(
        job_id=row["job_id"],
        sub_account_id=row["sub_account_id"],
        request=msgspec.json.decode(row["request"], type=ExportRequest),
        token=row["token"],
        created_at=from_micros(row["created_at"]),
        state=state,
        cursor=row["cursor"],
        rows=row["rows"],
        pieces=row["pieces"],
        attempts=row["attempts"],
        expires_at=optional_from_micros(expires),
    )
