"""``/messages``: the call log as files, made in the background."""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, time, timedelta
from importlib.util import find_spec
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, PathParameter
from litestar.response import Stream

from offhook.flow.numbers import source_number
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import INVALID, NOT_FOUND, RETRY, TOO_MANY, ErrorBody, Refusal, Refused
from offhook.http.resources.base_url import base_url
from offhook.http.resources.params import AnyRequest, needs
from offhook.http.resources.session_views import View, iso_or_none
from offhook.session.ports.exports import (
    ExportFormat,
    ExportJob,
    ExportRequest,
    ExportState,
)
from offhook.session.scopes import Scope

MOST_WAITING = 10
"""Unfinished exports of one sub-account."""
DEFAULT_DAYS = 7
INVALID_JOB = Refusal(404, 4018, "Invalid jobId")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_TOKEN = re.compile(r"([A-Za-z0-9]{64})(?:\.([0-9]{1,6}))?")
_KINDS = {
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}

JobId = Annotated[str, PathParameter(name="jobId", max_length=128)]


class ExportBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which calls are exported; every member may be absent."""

    from_: Annotated[str, msgspec.Meta(max_length=40)] | None = msgspec.field(
        default=None, name="from"
    )
    """A date, or a date-time with `Z`, an offset, or neither (then UTC). Absent: seven days ago."""
    to: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    """As `from`; a date is included whole. Absent: now."""
    phone_number: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    """Only sessions with a call from or to this number."""
    limit: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None
    """Rows at the most; 0 or absent: all."""
    format: ExportFormat | None = None
    """`csv` (default) or `parquet`."""


class ExportStarted(View, frozen=True, kw_only=True):
    """The job that makes the file."""

    job_id: str
    """For `GET /messages/exports/{jobId}`."""


class ExportStatus(View, frozen=True, kw_only=True):
    """Where a job stands."""

    status: ExportState
    """`succeeded`, `empty`, `failed`, `cancelled` and `error` are final."""
    data: list[str] | None = None
    """Links to the file, of a succeeded job: one of CSV, one or more of Parquet. They need no key."""
    expires: str | None = None
    """When the links end: ISO 8601, UTC."""
    rows: int
    """Written so far."""


@post(
    "/exports",
    status_code=202,
    operation_id="startExport",
    summary="Export the call log as a file",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def start_export(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    data: JSONBody[ExportBody | None] = None,
) -> ExportStarted:
    """The file is made in the background; calls under way are not in it."""
    now = deps.clock.now()
    job = ExportJob(
        job_id=_secret(),
        sub_account_id=caller.sub_account.sub_account_id,
        request=_request(data or ExportBody(), now),
        token=_secret(),
        created_at=now,
    )
    if not await deps.store.create_export(job, most_waiting=MOST_WAITING):
        message = f"{TOO_MANY.message}: {MOST_WAITING} exports are being made already"
        raise Refused(TOO_MANY, message, headers=(RETRY,))
    deps.fabric.publish("exports")
    return ExportStarted(job_id=job.job_id)


@get(
    "/exports/{jobId:str}",
    operation_id="getExport",
    summary="Show an export and where to download it",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def get_export(
    request: AnyRequest, deps: NamedDependency[Deps], caller: NamedDependency[Caller], job_id: JobId
) -> ExportStatus:
    """404 with code 4018 for a job that is not the sub-account's, or was deleted."""
    job = await deps.store.export(caller.sub_account.sub_account_id, job_id)
    if job is None or (job.expires_at is not None and job.expires_at <= deps.clock.now()):
        raise Refused(INVALID_JOB)
    ready = job.state is ExportState.SUCCEEDED
    return ExportStatus(
        status=job.state,
        data=_links(base_url(request, deps), job) if ready else None,
        expires=iso_or_none(job.expires_at) if ready else None,
        rows=job.rows,
    )


@delete(
    "/exports/{jobId:str}",
    status_code=204,
    operation_id="cancelExport",
    summary="Cancel an export",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def cancel_export(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], job_id: JobId
) -> None:
    """One that has ended stays as it is."""
    if not await deps.store.cancel_export(caller.sub_account.sub_account_id, job_id):
        raise Refused(INVALID_JOB)


@get(
    "/download/{token:str}",
    operation_id="downloadExport",
    summary="Download the file of an export",
    media_type="text/csv",
    responses={
        404: ResponseSpec(ErrorBody, generate_examples=False, description="No such file any more")
    },
)
async def download_export(
    deps: NamedDependency[Deps],
    token: Annotated[str, PathParameter(name="token", max_length=80)],
) -> Stream:
    """The link is secret and needs no key; it ends after a month."""
    match = _TOKEN.fullmatch(token)
    job = await deps.store.export_of_token(match[1]) if match is not None else None
    number = int(match[2] or 0) if match is not None else 0
    now = deps.clock.now()
    if job is None or job.expires_at is None or job.expires_at <= now:
        raise Refused(NOT_FOUND)
    parquet = job.request.format is ExportFormat.PARQUET
    if number >= (job.pieces if parquet else 1):
        raise Refused(NOT_FOUND)
    pieces = (number,) if parquet else range(job.pieces)
    part = f"-{number + 1}" if parquet and job.pieces > 1 else ""
    name = f"calls-{job.created_at:%Y%m%d-%H%M%S}{part}.{job.request.format.value}"
    return Stream(
        _pieces(deps, job, pieces),
        media_type=_KINDS[job.request.format],
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        },
    )


async def _pieces(
    deps: Deps, job: ExportJob, numbers: tuple[int, ...] | range
) -> AsyncGenerator[bytes, None]:
    """The pieces of a file; a missing one breaks the download off, so that none looks complete."""
    for number in numbers:
        piece = await deps.store.piece(job.job_id, number)
        if piece is None:
            raise RuntimeError("a piece of the export is gone")
        yield zlib.decompress(piece) if job.request.format is ExportFormat.CSV else piece


def _request(body: ExportBody, now: datetime) -> ExportRequest:
    """What is asked for. Raises a 422 :class:`.Refused`."""
    today = datetime.combine(now.astimezone(UTC).date(), time(0), UTC)
    since = _time("from", body.from_, whole_day=False) or today - timedelta(days=DEFAULT_DAYS)
    until = min(_time("to", body.to, whole_day=True) or now, now)
    if since >= until:
        raise Refused(INVALID, "from: must be before to, and in the past")
    number = None
    if body.phone_number is not None and (number := source_number(body.phone_number)) is None:
        raise Refused(INVALID, "phoneNumber: must be a phone number")
    format_ = body.format or ExportFormat.CSV
    if format_ is ExportFormat.PARQUET and find_spec("pyarrow") is None:
        raise Refused(INVALID, "format: this server cannot write parquet (offhook[parquet])")
    return ExportRequest(
        since=since, until=until, number=number, limit=body.limit or 0, format=format_
    )


def _time(name: str, text: str | None, *, whole_day: bool) -> datetime | None:
    """A time of the request; of a date its begin, or with ``whole_day`` its end."""
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            day = datetime.fromisoformat(text).replace(tzinfo=UTC)
            return day + timedelta(days=int(whole_day))
        if _DATE_TIME.fullmatch(text):
            at = datetime.fromisoformat(text.upper().replace(" ", "T"))
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Refused(INVALID, f"{name}: must be a date or date-time such as 2026-11-28T13:00:00+07:00")


def _links(base: str, job: ExportJob) -> list[str]:
    link = f"{base}/api/v1/subaccounts/{job.sub_account_id}/messages/download/{job.token}"
    if job.request.format is ExportFormat.CSV or job.pieces == 1:
        return [link]
    return [f"{link}.{number}" for number in range(job.pieces)]


def _secret() -> str:
    """64 characters that nobody guesses."""
    return secrets.token_hex(32)


router = Router(
    "/messages",
    route_handlers=[start_export, get_export, cancel_export, download_export],
    tags=["Exports"],
)
