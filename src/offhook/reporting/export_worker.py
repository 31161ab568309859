"""Makes the exports that wait, in the exporting process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from offhook.clock import Clock
from offhook.reporting.export_files import ExportFile, new_file, parquet_installed
from offhook.reporting.export_rows import CallLog, Value
from offhook.session.ports.exports import AT_END, ExportFormat, ExportJob, ExportState
from offhook.session.ports.record import SessionFilter, StoreUnavailable
from offhook.session.ports.stores import Store

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""A worker that has not written for so long has lost its job."""
MOST_ATTEMPTS = 5
KEPT = timedelta(days=30)
"""How long a finished file can be downloaded."""
PAGE = 500
"""Sessions read at once."""
PAUSE = 1.0
"""Seconds between two attempts while the store is away."""


class ExportWorker:
    """Takes one job after the other. ``owner`` names this worker and no other."""

    def __init__(self, store: Store, calls: CallLog, clock: Clock, owner: str) -> None:
        self._store = store
        self._calls = calls
        self._clock = clock
        self._owner = owner

    async def run(self) -> int:
        """Make all jobs that wait; returns how many."""
        made = 0
        while True:
            now = self._clock.now()
            job = await self._store.lease_export(self._owner, now, now + LEASE)
            if job is None:
                return made
            made += 1
            await self._make(job)

    async def _make(self, job: ExportJob) -> None:
        log.info("export %s: begun, attempt %d", job.job_id[:8], job.attempts)
        if job.attempts > MOST_ATTEMPTS:
            await self._end(job, ExportState.ERROR)
        elif job.request.format is ExportFormat.PARQUET and not parquet_installed():
            log.error("export %s: this machine lacks offhook[parquet]", job.job_id[:8])
            await self._end(job, ExportState.FAILED)
        else:
            try:
                await self._write(job)
            except StoreUnavailable as error:
                log.warning("export %s: waits for the database: %s", job.job_id[:8], error)
                await asyncio.sleep(PAUSE)
            except Exception:
                log.exception("export %s: internal error", job.job_id[:8])
                await self._end(job, ExportState.ERROR)

    async def _write(self, job: ExportJob) -> None:
        """Write what is missing, piece by piece."""
        while job.cursor != AT_END:
            file = new_file(job.request.format, job.pieces)
            filled = await self._fill(job, file)
            if filled is None:
                return
            if filled.rows:
                data = await asyncio.to_thread(file.piece)
                filled = msgspec.structs.replace(filled, pieces=job.pieces + 1)
                until = self._clock.now() + LEASE
                if not await self._store.add_piece(filled, self._owner, data, until):
                    return
            job = filled
        await self._end(job, ExportState.SUCCEEDED if job.rows else ExportState.EMPTY)

    async def _fill(self, job: ExportJob, file: ExportFile) -> ExportJob | None:
        """Fill one piece; returns the job after it, None: cancelled, or another worker's now."""
        request = job.request
        chosen = SessionFilter(since=request.since, until=request.until, number=request.number)
        before, renewed = job.rows, self._clock.now()
        while True:
            sessions, cursor = await self._store.sessions(
                job.sub_account_id, chosen, cursor=job.cursor, limit=PAGE
            )
            rows: Sequence[Sequence[Value]]
            rows = [row for session in sessions for row in self._calls.rows(session)]
            if request.limit:
                rows = rows[: request.limit - job.rows]
            await asyncio.to_thread(file.add, rows)
            count = job.rows + len(rows)
            if cursor is None or (request.limit and count >= request.limit):
                return msgspec.structs.replace(job, cursor=AT_END, rows=count)
            job = msgspec.structs.replace(job, cursor=cursor, rows=count)
            if count - before >= file.most_rows:
                return job
            now = self._clock.now()
            if now - renewed < LEASE / 3:
                continue
            renewed = now
            if not await self._store.renew_export(job.job_id, self._owner, now + LEASE):
                log.info("export %s: cancelled, or another worker's now", job.job_id[:8])
                return None

    async def _end(self, job: ExportJob, state: ExportState) -> None:
        expires_at = self._clock.now() + KEPT
        if await self._store.finish_export(job.job_id, self._owner, state, expires_at):
            log.info("export %s: %s, %d rows", job.job_id[:8], state, job.rows)
