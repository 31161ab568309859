"""``/admin/v1/sessions``: the sessions of all sub-accounts, with their log lines; for the operator."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from offhook.clock import iso_milliseconds
from offhook.http.deps import Deps
from offhook.http.edge.paths import ADMIN_PREFIX
from offhook.http.refusals import INVALID, NOT_FOUND, Refused
from offhook.http.resources.session_filters import (
    ClientBatchId,
    ClientRequestId,
    Cursor,
    Limit,
    Number,
    Since,
    SipCode,
    Status,
    Until,
    number_wanted,
    within,
)
from offhook.http.resources.session_views import (
    OK_CODE,
    OK_MESSAGE,
    SessionAnswer,
    SessionList,
    View,
    session_answer,
    session_list,
)
from offhook.session.ports.record import SessionFilter
from offhook.session.session import Session

SessionId = Annotated[str, PathParameter(name="sessionId", max_length=64)]


class LogLineView(View, frozen=True, kw_only=True):
    """One line that a process logged about a session."""

    at: str
    """ISO 8601, UTC."""
    process: str
    """`api`, `voice-0` …"""
    level: str
    """`info`, `warning`, `error` …"""
    text: str
    """Without credentials, phone numbers and spoken texts."""


class SessionLogAnswer(View, frozen=True, kw_only=True):
    """What was logged about a session."""

    session_id: str
    """Of the session that the lines are about."""
    lines: list[LogLineView]
    """In the order of time; none: nothing worth a line happened."""
    status_code: int
    status_message: str


@get(
    "/sessions",
    operation_id="listAllSessions",
    summary="List the sessions of all sub-accounts, newest first",
)
async def list_all_sessions(
    deps: NamedDependency[Deps],
    sub_account_id: Annotated[
        str | None,
        QueryParameter(
            name="subAccountId", max_length=50, description="Only sessions of this sub-account"
        ),
    ] = None,
    sip_code: SipCode = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    number: Number = None,
    client_batch_id: ClientBatchId = None,
    client_request_id: ClientRequestId = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> SessionList:
    """The same filters as of a sub-account's own list."""
    chosen = SessionFilter(
        sip_code=sip_code,
        status=status,
        number=number_wanted(number),
        client_batch_id=client_batch_id,
        client_request_id=client_request_id,
    )
    chosen = within(chosen, since, until, deps.clock.now())
    store = deps.store
    try:
        if sub_account_id is not None:
            page = await store.sessions(sub_account_id, chosen, cursor=cursor, limit=limit)
        else:
            page = await store.every_session(chosen, cursor=cursor, limit=limit)
    except ValueError:
        raise Refused(INVALID, "cursor: invalid cursor") from None
    return session_list(*page)


@get(
    "/sessions/{sessionId:str}",
    operation_id="getAnySession",
    summary="Show a session of any sub-account",
)
async def get_any_session(deps: NamedDependency[Deps], session_id: SessionId) -> SessionAnswer:
    """As the sub-account's own: legs, actions, events and webhook deliveries."""
    session = await _session(deps, session_id)
    events = await deps.store.events(session_id)
    return session_answer(session, events, await deps.store.deliveries(session_id))


@get(
    "/sessions/{sessionId:str}/log",
    operation_id="getSessionLog",
    summary="What was logged about a session",
)
async def get_session_log(deps: NamedDependency[Deps], session_id: SessionId) -> SessionLogAnswer:
    """The lines at level info and above of all processes, a second after they were logged."""
    session = await _session(deps, session_id)
    return SessionLogAnswer(
        session_id=session.session_id,
        lines=[
            LogLineView(
                at=iso_milliseconds(line.at),
                process=line.process,
                level=line.level,
                text=line.text,
            )
            for line in await deps.store.log_lines(session_id)
        ],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


async def _session(deps: Deps, session_id: str) -> Session:
    session = await deps.store.any_session(session_id)
    if session is None:
        raise Refused(NOT_FOUND, "Session not found")
    return session


router = Router(
    ADMIN_PREFIX,
    route_handlers=[list_all_sessions, get_any_session, get_session_log],
    tags=["Administration"],
)
