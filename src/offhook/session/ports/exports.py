"""Exports of the call log: jobs, and the store that keeps them with their files.

A job is leased like a webhook delivery: the worker that leases it writes its file piece by piece. Each piece
is stored in one transaction with the place up to which the log has been read, so that another process goes
on exactly there when the first one dies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from enum import StrEnum

import msgspec

AT_END = "-"
"""The ``cursor`` of a job whose file is complete."""


class ExportState(StrEnum):
    """Where a job stands (``spec/api.md``)."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It cannot be made as asked."""
    CANCELLED = "cancelled"
    EMPTY = "empty"
    ERROR = "error"
    """It was tried too often and failed each time."""

    @property
    def final(self) -> bool:
        """Whether nothing more happens to it."""
        return self not in (ExportState.QUEUED, ExportState.RUNNING)


class ExportFormat(StrEnum):
    """The form of the file."""

    CSV = "csv"
    """One file."""
    PARQUET = "parquet"
    """One or more files, each whole in itself."""


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is exported: the calls of the sessions created in a time."""

    since: datetime
    until: datetime
    """Excluded."""
    number: str | None = None
    """Of any call of the session, E.164 with ``+``; None: all."""
    limit: int = 0
    """Rows at the most; 0: no limit."""
    format: ExportFormat = ExportFormat.CSV


class ExportJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it stands."""

    job_id: str
    sub_account_id: str
    request: ExportRequest
    token: str
    """Opens the finished file."""
    created_at: datetime
    state: ExportState = ExportState.QUEUED
    cursor: str | None = None
    """Where the log is read on; None: at its begin, :data:`AT_END`: everything is written."""
    rows: int = 0
    """Written so far."""
    pieces: int = 0
    """Stored so far."""
    attempts: int = 0
    """How often it was leased."""
    expires_at: datetime | None = None
    """Of a succeeded one: when its file is deleted."""


class Exporting(ABC):
    """The part of the store for exports."""

    @abstractmethod
    async def create_export(self, job: ExportJob, *, most_waiting: int) -> bool:
        """Queue a job; False where its sub-account has ``most_waiting`` unfinished ones already."""

    @abstractmethod
    async def export(self, sub_account_id: str, job_id: str) -> ExportJob | None:
        """One job."""

    @abstractmethod
    async def export_of_token(self, token: str) -> ExportJob | None:
        """The succeeded job whose file this token opens."""

    @abstractmethod
    async def cancel_export(self, sub_account_id: str, job_id: str) -> bool:
        """Stop a job that has not ended; one that has stays as it is. False: there is no such job."""

    @abstractmethod
    async def exports_due(self, now: datetime) -> bool:
        """Whether a job waits, or has lost its worker."""

    @abstractmethod
    async def lease_export(self, owner: str, now: datetime, until: datetime) -> ExportJob | None:
        """The oldest job that waits or has lost its worker, ``owner``'s until then; None: there is none.

        ``owner`` must be a name that no other worker has or had.
        """

    @abstractmethod
    async def renew_export(self, job_id: str, owner: str, until: datetime) -> bool:
        """Keep a job for longer; False: it was cancelled, or is another worker's now."""

    @abstractmethod
    async def add_piece(self, job: ExportJob, owner: str, data: bytes, until: datetime) -> bool:
        """Store the piece number ``job.pieces - 1`` with the job's new ``cursor`` and ``rows``.

        False, and nothing stored: the job was cancelled, is another worker's, or has that piece.
        """

    @abstractmethod
    async def finish_export(
        self, job_id: str, owner: str, state: ExportState, expires_at: datetime
    ) -> bool:
        """End a job. ``expires_at``: when its file, and the job, are deleted. False: it is not this
        owner's."""

    @abstractmethod
    async def piece(self, job_id: str, number: int) -> bytes | None:
        """A piece of the file, from 0; None: there is none."""

    @abstractmethod
    async def purge_exports(self, now: datetime, *, limit: int = 100) -> int:
        """Delete jobs that have expired, with their files; returns how many, at most ``limit``."""
