"""``/sessions``: list, show, end, and follow as a stream of events."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

from litestar import Response, Router, delete, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from litestar.response import Stream

from offhook.aio import wait_or
from offhook.clock import new_id
from offhook.codes import SessionStatus
from offhook.flow.context import WITHHELD_SOURCES
from offhook.flow.numbers import source_number
from offhook.http.commander import Commander
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller, Scope
from offhook.http.edge.request_context import context_of
from offhook.http.refusals import INVALID, NOT_FOUND, Refused, unavailable
from offhook.http.resources.event_stream import EventStreams
from offhook.http.resources.params import AnyRequest, needs, parse_time
from offhook.http.resources.session_views import (
    OK_CODE,
    OK_MESSAGE,
    EndedAnswer,
    SessionAnswer,
    SessionList,
    session_answer,
    session_view,
)
from offhook.session.control import EndSession
from offhook.session.ports.record import SessionFilter
from offhook.session.session import Session

SETTLE_SECONDS = 2.0
"""Seconds that an order to end a session waits for its end."""
POLL_SECONDS = 0.5
"""Seconds between polls, for the case that the fabric loses the event."""

SessionId = Annotated[str, PathParameter(name="sessionId", max_length=64)]

# The parameters of the list. Times are ISO 8601, or so long ago.
_Status = Annotated[
    SessionStatus | None, QueryParameter(description="Only sessions in this status")
]
_Number = Annotated[
    str | None,
    QueryParameter(max_length=64, description="Source or destination of any call of the session"),
]
_Since = Annotated[
    str | None,
    QueryParameter(
        max_length=64,
        description="Created at or after this time: ISO 8601, or so long ago (`1h`, `2d`)",
    ),
]
_Until = Annotated[
    str | None,
    QueryParameter(
        max_length=64, description="Created before this time: ISO 8601, or so long ago (`1h`, `2d`)"
    ),
]
_ClientRequestId = Annotated[
    str | None,
    QueryParameter(
        name="clientRequestId", max_length=255, description="The request's own `clientRequestId`"
    ),
]
_ClientBatchId = Annotated[
    str | None,
    QueryParameter(
        name="clientBatchId", max_length=255, description="The request's own `clientBatchId`"
    ),
]
_SipCode = Annotated[
    int | None,
    QueryParameter(
        name="sipCode", ge=100, le=699, description="SIP status of any call of the session"
    ),
]
_Cursor = Annotated[
    str | None, QueryParameter(max_length=200, description="`nextCursor` of the page before")
]
_Limit = Annotated[int, QueryParameter(ge=1, le=200)]


async def _session(deps: Deps, caller: Caller, session_id: str) -> Session:
    session = await deps.store.session(caller.sub_account.sub_account_id, session_id)
    if session is None:
        raise Refused(NOT_FOUND, "Session not found")
    return session


async def _settled(deps: Deps, session: Session) -> Session:
    """The session once it is final, or its state after :data:`SETTLE_SECONDS`."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + SETTLE_SECONDS
    changed = asyncio.Event()
    unsubscribe = deps.fabric.subscribe(
        f"session.{session.session_id}.events", lambda _topic, _message: changed.set()
    )
    try:
        while True:
            changed.clear()
            current = await deps.store.session(session.sub_account_id, session.session_id)
            session = current or session
            left = give_up - loop.time()
            if session.status.final or left <= 0:
                return session
            await wait_or(changed.wait(), min(left, POLL_SECONDS))
    finally:
        unsubscribe()


@get(
    "/",
    operation_id="listSessions",
    summary="List sessions, newest first",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def list_sessions(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    status: _Status = None,
    number: _Number = None,
    since: _Since = None,
    until: _Until = None,
    client_request_id: _ClientRequestId = None,
    client_batch_id: _ClientBatchId = None,
    sip_code: _SipCode = None,
    cursor: _Cursor = None,
    limit: _Limit = 50,
) -> SessionList:
    """A page of the sub-account's sessions."""
    now = deps.clock.now()
    chosen = SessionFilter(
        status=status,
        number=_number(number),
        since=parse_time("since", since, now),
        until=parse_time("until", until, now),
        client_request_id=client_request_id,
        client_batch_id=client_batch_id,
        sip_code=sip_code,
    )
    try:
        sessions, next_cursor = await deps.store.sessions(
            caller.sub_account.sub_account_id,
            chosen,
            cursor=cursor,
            limit=limit,
        )
    except ValueError:
        raise Refused(INVALID, "cursor: invalid cursor") from None
    return SessionList(
        sessions=[session_view(session) for session in sessions],
        next_cursor=next_cursor,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


def _number(text: str | None) -> str | None:
    """A number of a query as sessions keep it. A plus that was sent as it is reads as a blank."""
    if text is None or text in WITHHELD_SOURCES:
        return text
    number = source_number(text)
    if number is None:
        raise Refused(INVALID, "number: must be a phone number such as +6512341234")
    return number


@get(
    "/{sessionId:str}",
    operation_id="getSession",
    summary="Show a session with its legs, actions, events and webhook deliveries",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def get_session(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], session_id: SessionId
) -> SessionAnswer:
    """One session, everything that is known of it."""
    session = await _session(deps, caller, session_id)
    events = await deps.store.events(session_id)
    deliveries = await deps.store.deliveries(session_id)
    return session_answer(session, events, deliveries)


@delete(
    "/{sessionId:str}",
    status_code=200,
    operation_id="endSession",
    summary="End a session now",
    responses={
        202: ResponseSpec(
            EndedAnswer,
            generate_examples=False,
            description="The phone is still being hung up",
        )
    },
    guards=[needs(Scope.SESSIONS_WRITE)],
)
async def end_session(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    commander: NamedDependency[Commander],
    session_id: SessionId,
) -> Response[EndedAnswer]:
    """Queued or ringing ends ``CANCELED``, connected is hung up; one that has ended stays as it is.

    200 with the final status, 202 when the phone is still being hung up, 503 when the node that runs
    the session could not be reached.
    """
    session = await _session(deps, caller, session_id)
    if session.status is SessionStatus.QUEUED:
        cancellation = deps.cancel(session, caller.sub_account, deps.clock.now())
        if await deps.store.cancel_queued(*cancellation):
            session = cancellation.session
            deps.fabric.publish(f"session.{session_id}.events")
            deps.fabric.publish("outbox")
        else:
            session = await _session(deps, caller, session_id)
    if not session.status.final:
        heard = await commander.send(session_id, EndSession(command_id=new_id()))
        session = await _settled(deps, session)
        if heard is None and not session.status.final:
            raise unavailable("The node that runs the session did not answer")
    answer = EndedAnswer(
        session_id=session_id,
        session_status=session.status,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )
    return Response(answer, status_code=200 if session.status.final else 202)


@get(
    "/{sessionId:str}/events",
    operation_id="followSession",
    summary="Follow a session: server-sent events from the beginning until it ends",
    guards=[needs(Scope.SESSIONS_READ)],
    media_type="text/event-stream",
)
async def follow_session(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    streams: NamedDependency[EventStreams],
    request: AnyRequest,
    session_id: SessionId,
    last_event_id: Annotated[
        str | None,
        HeaderParameter(
            name="Last-Event-ID",
            pattern=r"^[0-9]{1,9}$",
            description="Number of the last event already seen, as a reconnecting client sends it",
        ),
    ] = None,
) -> Stream:
    """Each event has its number as ``id``, its name as ``event`` and its JSON as ``data``."""
    session = await _session(deps, caller, session_id)
    after = int(last_event_id) if last_event_id is not None else 0
    return Stream(
        streams.open(session, after, context_of(cast(Any, request.scope))),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


router = Router(
    "/sessions",
    route_handlers=[list_sessions, get_session, end_session, follow_session],
    tags=["Sessions"],
)
