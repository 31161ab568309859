"""Recordings and push configurations in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from offhook.session.ports.record import OutboxEntry
from offhook.session.ports.recording import RecordingRecord, RecordingState, RecordingStore
from offhook.store.memory.memory_records import MemoryPart
from offhook.store.stored_recordings import BEYOND, SHARE


class MemoryRecordings(MemoryPart, RecordingStore):
    """Keeps recordings and push configurations."""

    async def put_recording(
        self, record: RecordingRecord, outbox: Sequence[OutboxEntry] = ()
    ) -> None:
        self._data.recordings[record.recording_id] = record
        self._data.add_deliveries(outbox)

    async def add_recording(self, record: RecordingRecord) -> None:
        self._data.recordings.setdefault(record.recording_id, record)

    async def recordings(self, sub_account_id: str, session_id: str) -> Sequence[RecordingRecord]:
        return [
            each
            for each in self._by_age()
            if each.session_id == session_id and each.sub_account_id == sub_account_id
        ]

    async def recording(self, recording_id: str) -> RecordingRecord | None:
        return self._data.recordings.get(recording_id)

    async def lease_recordings(
        self, storage: str, now: datetime, *, lease: float, limit: int
    ) -> Sequence[RecordingRecord]:
        due = [
            each
            for each in self._to_upload()
            if each.storage == storage and each.next_at is not None and each.next_at <= now
        ]
        leased: list[RecordingRecord] = []
        taken: Counter[str] = Counter()
        for each in sorted(due, key=lambda one: (str(one.next_at), one.recording_id)):
            if taken[each.sub_account_id] < SHARE and len(leased) < limit:
                taken[each.sub_account_id] += 1
                leased.append(self._change(each, now + timedelta(seconds=lease)))
        return leased

    async def recordings_due(self, sub_account_id: str, now: datetime) -> None:
        for each in self._to_upload():
            far = each.next_at is not None and each.next_at > now + BEYOND
            if each.sub_account_id == sub_account_id and far:
                self._change(each, now)

    async def old_recordings(
        self, storage: str, before: datetime, *, limit: int
    ) -> Sequence[RecordingRecord]:
        old = [
            each
            for each in self._by_age()
            if each.storage == storage
            and each.started_at < before
            and each.state is not RecordingState.LIVE
        ]
        return old[:limit]

    async def delete_recording(self, recording_id: str) -> bool:
        return self._data.recordings.pop(recording_id, None) is not None

    def _by_age(self) -> list[RecordingRecord]:
        records = self._data.recordings.values()
        return sorted(records, key=lambda each: (each.started_at, each.recording_id))

    def _to_upload(self) -> list[RecordingRecord]:
        return [each for each in self._by_age() if each.state is RecordingState.WAITING]

    def _change(self, record: RecordingRecord, next_at: datetime) -> RecordingRecord:
        changed = msgspec.structs.replace(record, next_at=next_at)
        self._data.recordings[record.recording_id] = changed
        return changed
