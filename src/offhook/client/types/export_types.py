"""Exports: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

from offhook.client.open_set import OpenSet

__all__ = ["ExportFormat", "ExportStarted", "ExportState", "ExportStatus"]


class ExportStarted(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The job that makes the file."""

    job_id: str
    """For ``GET /messages/exports/{jobId}``."""


class ExportFormat(OpenSet):
    """The form of the file."""

    CSV = "csv"
    PARQUET = "parquet"


class ExportState(OpenSet):
    """Where a job stands (``spec/api.md``)."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EMPTY = "empty"
    ERROR = "error"


class ExportStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a job stands."""

    status: ExportState
    """``succeeded``, ``empty``, ``failed``, ``cancelled`` and ``error`` are final."""
    data: list[str] | None = None
    """Links to the file, of a succeeded job: one of CSV, one or more of Parquet. They need no key.
    """
    expires: str | None = None
    """When the links end: ISO 8601, UTC."""
    rows: int
    """Written so far."""
