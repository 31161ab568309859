"""``/sessions``: list, show, end, and follow as a stream of events."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import Response, Router, delete, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import HeaderParameter, PathParameter
from litestar.response import Stream

from offhook.aio import wait_or
from offhook.clock import new_id
from offhook.codes import SessionStatus
from offhook.http.commander import Commander
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.edge.request_context import context_of
from offhook.http.refusals import NOT_FOUND, Refused, unavailable
from offhook.http.resources.event_stream import EventStreams
from offhook.http.resources.params import AnyRequest, needs, page_of
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
    EndedAnswer,
    SessionAnswer,
    SessionList,
    session_answer,
    session_list,
)
from offhook.session.control import EndSession
from offhook.session.ports.record import SessionFilter
from offhook.session.scopes import Scope
from offhook.session.session import Session

SETTLE_SECONDS = 2.0
"""Seconds that an order to end a session waits for its end."""
POLL_SECONDS = 0.5
"""Seconds between polls, for the case that the fabric loses the event."""

SessionId = Annotated[str, PathParameter(name="sessionId", max_length=64)]


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
    status: Status = None,
    number: Number = None,
    since: Since = None,
    until: Until = None,
    client_request_id: ClientRequestId = None,
    client_batch_id: ClientBatchId = None,
    sip_code: SipCode = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SessionList:
    """A page of the sub-account's sessions."""
    chosen = SessionFilter(
        status=status,
        number=number_wanted(number),
        client_request_id=client_request_id,
        client_batch_id=client_batch_id,
        sip_code=sip_code,
    )
    chosen = within(chosen, since, until, deps.clock.now())
    owner = caller.sub_account.sub_account_id
    page = await page_of(deps.store.sessions(owner, chosen, cursor=cursor, limit=limit))
    return session_list(*page)


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
    return session_answer(session, events, deliveries, caller.sub_account)


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
        streams.open(session, after, context_of(request.scope)),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


router = Router(
    "/sessions",
    route_handlers=[list_sessions, get_session, end_session, follow_session],
    tags=["Sessions"],
)
