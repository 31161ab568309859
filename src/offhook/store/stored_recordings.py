"""Stored recordings and push configurations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import delete, func, insert, select, update

from offhook.session.ports.record import OutboxEntry
from offhook.session.ports.recording import RecordingRecord, RecordingState, RecordingStore
from offhook.store import schema
from offhook.store.documents import encode, micros, optional_from_micros, optional_micros
from offhook.store.rows import Row, outbox_row
from offhook.store.statements import Statements

SHARE: Final = 4
"""Recordings of one sub-account that are leased at a time."""
BEYOND: Final = timedelta(minutes=10)
"""A recording that is due later than this is certainly not being uploaded."""

_t = schema.recordings


class SqlRecordings(Statements, RecordingStore):
    """Keeps recordings as JSON documents with what is selected by in columns."""

    async def put_recording(
        self, record: RecordingRecord, outbox: Sequence[OutboxEntry] = ()
    ) -> None:
        rows = [outbox_row(entry) for entry in outbox]
        await self._write(
            self._upsert(schema.recordings, ["recording_id"], _values(record)),
            *(insert(schema.outbox).values(row._asdict()) for row in rows),
        )

    async def add_recording(self, record: RecordingRecord) -> None:
        same = {"recording_id": record.recording_id}
        await self._write(self._upsert(schema.recordings, ["recording_id"], _values(record), same))

    async def recordings(self, sub_account_id: str, session_id: str) -> Sequence[RecordingRecord]:
        rows = await self._read(
            select(_t.c.state, _t.c.next_at, _t.c.document)
            .where(_t.c.session_id == session_id, _t.c.sub_account_id == sub_account_id)
            .order_by(_t.c.started_at, _t.c.recording_id)
        )
        return [_record(row) for row in rows]

    async def recording(self, recording_id: str) -> RecordingRecord | None:
        rows = await self._read(
            select(_t.c.state, _t.c.next_at, _t.c.document).where(_t.c.recording_id == recording_id)
        )
        return _record(rows[0]) if rows else None

    async def lease_recordings(
        self, storage: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[RecordingRecord]:
        turn = func.row_number().over(
            partition_by=_t.c.sub_account_id, order_by=(_t.c.next_at, _t.c.recording_id)
        )
        due = (
            select(_t.c.recording_id, _t.c.next_at, turn.label("turn"))
            .where(
                _t.c.state == RecordingState.WAITING.value,
                _t.c.storage == storage,
                _t.c.next_at <= micros(now),
            )
            .subquery()
        )
        rows = await self._read(
            select(due.c.recording_id, due.c.next_at)
            .where(due.c.turn <= SHARE)
            .order_by(due.c.next_at)
            .limit(limit)
        )
        until = micros(now + timedelta(seconds=lease))
        leased = await self._write(
            *(
                update(_t)
                .where(
                    _t.c.recording_id == row["recording_id"],
                    _t.c.next_at == row["next_at"],
                    _t.c.state == RecordingState.WAITING.value,
                )
                .values(next_at=until)
                .returning(_t.c.state, _t.c.next_at, _t.c.document)
                for row in rows
            )
        )
        return [_record(row) for found in leased for row in found]

    async def recordings_due(self, sub_account_id: str, now: datetime) -> None:
        await self._write(
            update(_t)
            .where(
                _t.c.sub_account_id == sub_account_id,
                _t.c.state == RecordingState.WAITING.value,
                _t.c.next_at > micros(now + BEYOND),
            )
            .values(next_at=micros(now))
        )

    async def old_recordings(
        self, storage: str, before: datetime, *, limit: int
    ) -> Sequence[RecordingRecord]:
        rows = await self._read(
            select(_t.c.state, _t.c.next_at, _t.c.document)
            .where(
                _t.c.storage == storage,
                _t.c.started_at < micros(before),
                _t.c.state != RecordingState.LIVE.value,
            )
            .order_by(_t.c.started_at)
            .limit(limit)
        )
        return [_record(row) for row in rows]

    async def delete_recording(self, recording_id: str) -> bool:
        gone = delete(_t).where(_t.c.recording_id == recording_id)
        return await self._changed(gone, _t.c.recording_id)


def _values(record: RecordingRecord) -> dict[str, object]:
    return {
        "recording_id": record.recording_id,
        "sub_account_id": record.sub_account_id,
        "session_id": record.session_id,
        "storage": record.storage,
        "state": record.state.value,
        "started_at": micros(record.started_at),
        "next_at": optional_micros(record.next_at),
        "document": encode(record),
    }


def _record(row: Row) -> RecordingRecord:
    """The record: of the columns that statements change, the columns count."""
    record = msgspec.json.decode(row["document"], type=RecordingRecord)
    state, next_at = RecordingState(row["state"]), optional_from_micros(row["next_at"])
    return msgspec.structs.replace(record, state=state, next_at=next_at)
