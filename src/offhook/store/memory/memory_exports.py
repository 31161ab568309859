"""Exports in memory."""

from __future__ import annotations

from datetime import datetime

from offhook.session.ports.exports import Exporting, ExportJob, ExportState
from offhook.store.memory.memory_records import MemoryPart, StoredExport


class MemoryExports(MemoryPart, Exporting):
    """Keeps jobs with their pieces."""

    async def create_export(self, job: ExportJob, *, most_waiting: int) -> bool:
        exports = self._data.exports
        waiting = [
            each
            for each in exports.values()
            if each.job.sub_account_id == job.sub_account_id and not each.job.state.final
        ]
        if len(waiting) >= most_waiting:
            return False
        exports[job.job_id] = StoredExport(job)
        return True

    async def export(self, sub_account_id: str, job_id: str) -> ExportJob | None:
        stored = self._data.exports.get(job_id)
        mine = stored is not None and stored.job.sub_account_id == sub_account_id
        return stored.job if stored is not None and mine else None

    async def export_of_token(self, token: str) -> ExportJob | None:
        for stored in self._data.exports.values():
            if stored.job.token == token and stored.job.state is ExportState.SUCCEEDED:
                return stored.job
        return None

    async def cancel_export(self, sub_account_id: str, job_id: str) -> bool:
        if await self.export(sub_account_id, job_id) is None:
            return False
        stored = self._data.exports[job_id]
        if not stored.job.state.final:
            stored.change(state=ExportState.CANCELLED)
            stored.pieces.clear()
        return True

    async def exports_due(self, now: datetime) -> bool:
        return any(each.is_due(now) for each in self._data.exports.values())

    async def lease_export(self, owner: str, now: datetime, until: datetime) -> ExportJob | None:
        due = [each for each in self._data.exports.values() if each.is_due(now)]
        if not due:
            return None
        stored = min(due, key=lambda each: (each.job.created_at, each.job.job_id))
        stored.owner, stored.lease_until = owner, until
        return stored.change(state=ExportState.RUNNING, attempts=stored.job.attempts + 1)

    async def renew_export(self, job_id: str, owner: str, until: datetime) -> bool:
        stored = self._of(job_id, owner)
        if stored is not None:
            stored.lease_until = until
        return stored is not None

    async def add_piece(self, job: ExportJob, owner: str, data: bytes, until: datetime) -> bool:
        stored = self._of(job.job_id, owner)
        if stored is None or stored.job.pieces != job.pieces - 1:
            return False
        stored.pieces.append(data)
        stored.lease_until = until
        stored.change(cursor=job.cursor, rows=job.rows, pieces=job.pieces)
        return True

    async def finish_export(
        self, job_id: str, owner: str, state: ExportState, expires_at: datetime
    ) -> bool:
        stored = self._of(job_id, owner)
        if stored is None:
            return False
        stored.expires_at = expires_at
        shown = expires_at if state is ExportState.SUCCEEDED else None
        stored.change(state=state, expires_at=shown)
        return True

    async def piece(self, job_id: str, number: int) -> bytes | None:
        stored = self._data.exports.get(job_id)
        pieces = [] if stored is None else stored.pieces
        return pieces[number] if number < len(pieces) else None

    async def purge_exports(self, now: datetime, *, limit: int = 100) -> int:
        exports = self._data.exports
        old = [key for key, each in exports.items() if each.expires_at < now][:limit]
        for key in old:
            del exports[key]
        return len(old)

    def _of(self, job_id: str, owner: str) -> StoredExport | None:
        """The job, while ``owner`` makes it."""
        stored = self._data.exports.get(job_id)
        if stored is None or stored.owner != owner:
            return None
        return stored if stored.job.state is ExportState.RUNNING else None
