"""``/admin/v1/erasures``: delete what is stored of one phone number."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec.structs import replace

from offhook import config
from offhook.http.deps import Deps
from offhook.http.edge.paths import ADMIN_PREFIX
from offhook.http.refusals import NOT_FOUND, Refused
from offhook.http.resources.params import page_of
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.ports.record import DeliveryState, SessionFilter
from offhook.session.ports.recording import RecordingState
from offhook.session.session import Session

AT_ONCE = 200
"""Sessions looked at for one request."""
IN_REQUESTS = "requests."
"""What the cursor of the second part begins with: the sessions are done."""
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
ON_DISK = (RecordingState.WAITING, RecordingState.KEPT, RecordingState.FAILED)


class ErasureRequest(View, frozen=True, kw_only=True):
    """Whose data is erased."""

    number: config.Msisdn
    sub_account_id: config.SubAccountId
    """Of which sub-account."""
    cursor: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """Where the answer before ended."""


class ErasureAnswer(View, frozen=True, kw_only=True):
    """What was erased."""

    sessions: int
    """With timelines, requests, webhooks, SIP messages and recordings."""
    requests: int
    """Requests without a session that named the number."""
    requests_looked_at: int
    """Requests, of all sub-accounts, that were looked through for it."""
    campaign_targets: int
    """Places in lists of campaigns."""
    left: list[str]
    """Sessions that stay: they have not ended, or a webhook of theirs is still tried."""
    recordings_elsewhere: int
    """Recordings on other machines, which delete them within an hour."""
    next_cursor: str | None = None
    """Absent: everything was looked at."""
    status_code: int
    status_message: str


NOTHING = ErasureAnswer(
    sessions=0,
    requests=0,
    requests_looked_at=0,
    campaign_targets=0,
    left=[],
    recordings_elsewhere=0,
    status_code=OK_CODE,
    status_message=OK_MESSAGE,
)


@post(
    "/erasures",
    status_code=200,
    operation_id="eraseNumber",
    summary="Erase what is stored of a phone number",
)
async def erase_number(
    deps: NamedDependency[Deps], data: JSONBody[ErasureRequest]
) -> ErasureAnswer:
    """Ask again with `nextCursor` until there is none. The opt-out list keeps the number: it is there to
    protect it. Usage totals stay; what was uploaded or exported stays where it is."""
    owner = data.sub_account_id
    if deps.directory.sub_account(owner) is None:
        raise Refused(NOT_FOUND, "Sub-account not found")
    if data.cursor is not None and data.cursor.startswith(IN_REQUESTS):
        return await _erase_requests(deps, data, behind=data.cursor.removeprefix(IN_REQUESTS))
    wanted = SessionFilter(number=data.number)
    found, following = await page_of(
        deps.store.sessions(owner, wanted, cursor=data.cursor, limit=AT_ONCE)
    )
    erased = await _erase_sessions(deps, found)
    if following is not None:
        return replace(erased, next_cursor=following)
    others = await _erase_requests(deps, data, behind=None)
    return replace(
        others,
        sessions=erased.sessions,
        left=erased.left,
        recordings_elsewhere=erased.recordings_elsewhere,
        campaign_targets=await deps.store.erase_targets(owner, data.number),
    )


async def _erase_sessions(deps: Deps, found: Sequence[Session]) -> ErasureAnswer:
    """Erase those of ``found`` that nothing needs any more."""
    erasable = [session for session in found if await _is_done(deps, session)]
    elsewhere = sum([await _erase_recordings(deps, session) for session in erasable])
    await deps.store.erase_sessions(erasable)
    gone = {session.session_id for session in erasable}
    return replace(
        NOTHING,
        sessions=len(erasable),
        recordings_elsewhere=elsewhere,
        left=[session.session_id for session in found if session.session_id not in gone],
    )


async def _erase_requests(deps: Deps, data: ErasureRequest, *, behind: str | None) -> ErasureAnswer:
    """Erase requests without a session, some at a time."""
    found = await page_of(deps.store.erase_requests(data.sub_account_id, data.number, behind))
    following = None if found.cursor is None else IN_REQUESTS + found.cursor
    return replace(
        NOTHING, requests=found.erased, requests_looked_at=found.looked_at, next_cursor=following
    )


async def _is_done(deps: Deps, session: Session) -> bool:
    """Whether nothing needs the session any more."""
    if not session.status.final:
        return False
    deliveries = await deps.store.deliveries(session.session_id)
    if any(delivery.state is DeliveryState.PENDING for delivery in deliveries):
        return False
    records = await deps.store.recordings(session.sub_account_id, session.session_id)
    return all(record.state is not RecordingState.LIVE for record in records)


async def _erase_recordings(deps: Deps, session: Session) -> int:
    """Erase the session's recordings here; let other machines erase theirs, and return how many."""
    elsewhere = 0
    for record in await deps.store.recordings(session.sub_account_id, session.session_id):
        here = await asyncio.to_thread(deps.recordings.erase, record)
        if here or record.state not in ON_DISK:
            await deps.store.delete_recording(record.recording_id)
            continue
        # The machine that has it deletes what is too old to keep.
        old = replace(record, state=RecordingState.FAILED, started_at=BEFORE_ALL, detail="erased")
        await deps.store.put_recording(old)
        elsewhere += 1
    return elsewhere


router = Router(ADMIN_PREFIX, route_handlers=[erase_number], tags=["Administration"])
