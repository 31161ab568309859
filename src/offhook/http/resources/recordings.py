"""``/recordings``: the recordings of a session, and their files through links that expire."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from litestar import Router, delete, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from offhook.clock import iso_seconds
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.edge.paths import RECORDING_FILES
from offhook.http.refusals import CONFLICT, FORBIDDEN, NOT_FOUND, Refused, unavailable
from offhook.http.resources.base_url import base_url
from offhook.http.resources.params import CONFLICTS, AnyRequest, needs
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.ports.record import DeliveryRecord, DeliveryState, OutboxType
from offhook.session.ports.recording import RecordedFile, RecordingRecord, RecordingState
from offhook.session.scopes import Scope

_PIECE = 256 << 10
_TYPES = {"mp3": "audio/mpeg", "opus": "audio/ogg", "wav": "audio/wav"}
_PUT = "UPLOAD_COMPLETED"
_STATUSES = {
    RecordingState.LIVE: "PROCESSING",
    RecordingState.WAITING: "PROCESSING",
    RecordingState.KEPT: _PUT,
    RecordingState.UPLOADED: _PUT,
    RecordingState.FAILED: "UPLOAD_FAILED",
    RecordingState.UNUSABLE: "PROCESSING_FAILED",
}
_CALLBACKS = {
    DeliveryState.DELIVERED: "CALLBACK_COMPLETED",
    DeliveryState.DEAD: "CALLBACK_FAILED",
}
"""The statuses of a recording that is where it belongs, by what became of its VRU webhook."""

_HERE = (RecordingState.WAITING, RecordingState.KEPT, RecordingState.FAILED)
"""The states in which the file is on this server."""

SessionId = Annotated[str, PathParameter(name="sessionId", max_length=64)]


class RecordingView(View, frozen=True, kw_only=True):
    """One recording."""

    recording_id: str
    session_id: str
    sessionid: str
    """Another name of `sessionId`."""
    sub_account_id: str
    status: str
    """`PROCESSING`, `PROCESSING_FAILED`, `UPLOAD_COMPLETED`, `UPLOAD_FAILED`, `CALLBACK_COMPLETED` or
    `CALLBACK_FAILED`."""
    external_file_url: str | None = None
    """Where it was uploaded to; without a push configuration a link to this server that expires."""
    duration: int | None = None
    """Whole seconds; absent while it is processed."""
    start_recording_time: str
    detail: str | None = None
    """Why it is not where it belongs, or what is odd about it."""


class RecordingList(View, frozen=True, kw_only=True):
    """The recordings of a session, oldest first."""

    recordings: list[RecordingView]
    status_code: int
    status_message: str


class RecordingsErased(View, frozen=True, kw_only=True):
    """The recordings that are gone."""

    session_id: str
    recording_ids: list[str]
    status_code: int
    status_message: str


@get(
    "/{sessionId:str}",
    operation_id="listRecordings",
    summary="List the recordings of a session",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def list_recordings(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    request: AnyRequest,
    session_id: SessionId,
) -> RecordingList:
    """Empty for a session that was not recorded."""
    records = await _records(deps, caller, session_id)
    deliveries = await deps.store.deliveries(session_id) if records else ()
    base = base_url(request, deps)
    return RecordingList(
        recordings=[await _view(deps, record, deliveries, base) for record in records],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@delete(
    "/{sessionId:str}",
    status_code=200,
    operation_id="eraseRecordings",
    responses=CONFLICTS,
    summary="Erase the recordings of a session from this server",
    guards=[needs(Scope.SESSIONS_WRITE)],
)
async def erase_recordings(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], session_id: SessionId
) -> RecordingsErased:
    """409 while one is being recorded or mixed. What was uploaded stays where it was uploaded to."""
    records = await _records(deps, caller, session_id)
    if any(record.state is RecordingState.LIVE for record in records):
        raise Refused(CONFLICT, "A recording of the session is not finished yet")
    for record in records:
        if not await asyncio.to_thread(deps.recordings.erase, record) and record.state in _HERE:
            raise unavailable("The recording lies on another machine")
        await deps.store.delete_recording(record.recording_id)
    return RecordingsErased(
        session_id=session_id,
        recording_ids=[record.recording_id for record in records],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(f"{RECORDING_FILES}{{recordingId:str}}/{{fileName:str}}", include_in_schema=False)
async def recording_file(
    deps: NamedDependency[Deps],
    recording_id: Annotated[str, PathParameter(name="recordingId", max_length=64)],
    file_name: Annotated[str, PathParameter(name="fileName", max_length=128)],
    expires: Annotated[int, QueryParameter(name="expires", ge=0, lt=1 << 40)] = 0,
    signature: Annotated[str, QueryParameter(name="signature", max_length=64)] = "",
) -> Stream:
    """The file, for everyone who has the link, until it expires."""
    expected = await asyncio.to_thread(deps.recordings.signature, recording_id, expires)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise Refused(FORBIDDEN, "The link is not valid")
    if deps.clock.now().timestamp() >= expires:
        raise Refused(
            FORBIDDEN, "The link has expired: ask for the recordings of the session again"
        )
    record = await deps.store.recording(recording_id)
    if record is None or record.file_name != file_name:
        raise Refused(NOT_FOUND, "Recording not found")
    file = await asyncio.to_thread(deps.recordings.open, record)
    if file is None:
        raise unavailable("The recording lies on another machine")
    return Stream(
        _pieces(file),
        media_type=_TYPES.get(file_name.rpartition(".")[2], "application/octet-stream"),
        headers={
            "content-length": str(file.size),
            "content-disposition": f'attachment; filename="{record.file_name}"',
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        },
    )


async def _pieces(file: RecordedFile) -> AsyncIterator[bytes]:
    position = 0
    try:
        while piece := await asyncio.to_thread(file.read, position, _PIECE):
            position += len(piece)
            yield piece
    finally:
        file.close()


async def _records(deps: Deps, caller: Caller, session_id: str) -> list[RecordingRecord]:
    owner = caller.sub_account.sub_account_id
    records = await deps.store.recordings(owner, session_id)
    if not records and await deps.store.session(owner, session_id) is None:
        raise Refused(NOT_FOUND, "Session not found")
    return list(records)


async def _view(
    deps: Deps, record: RecordingRecord, deliveries: Sequence[DeliveryRecord], base: str
) -> RecordingView:
    finished = record.state is not RecordingState.LIVE
    return RecordingView(
        recording_id=record.recording_id,
        session_id=record.session_id,
        sessionid=record.session_id,
        sub_account_id=record.sub_account_id,
        status=_status(record, deliveries),
        external_file_url=record.location or await _link(deps, record, base),
        duration=round(record.duration) if finished else None,
        start_recording_time=iso_seconds(record.started_at),
        detail=record.detail or None,
    )


def _status(record: RecordingRecord, deliveries: Sequence[DeliveryRecord]) -> str:
    """Its status, with what became of the webhook that told of it."""
    status = _STATUSES[record.state]
    if status != _PUT:
        return status
    for delivery in deliveries:
        if delivery.type is OutboxType.VRU and record.recording_id.encode() in delivery.payload:
            return _CALLBACKS.get(delivery.state, status)
    return status


async def _link(deps: Deps, record: RecordingRecord, base: str) -> str | None:
    """A link to the file on this server."""
    if record.state not in (RecordingState.KEPT, RecordingState.FAILED):
        return None
    expires = int(deps.clock.now().timestamp() + deps.config.recording.link_expiry)
    signature = await asyncio.to_thread(deps.recordings.signature, record.recording_id, expires)
    path = f"{RECORDING_FILES}{record.recording_id}/{record.file_name}"
    return f"{base.rstrip('/')}{path}?expires={expires}&signature={signature}"


router = Router(
    "/recordings", route_handlers=[list_recordings, erase_recordings], tags=["Recordings"]
)
handlers = [recording_file]
