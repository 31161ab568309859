"""``/admin/v1/sessions``: the sessions of all sub-accounts, with their log lines; for the operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from offhook.clock import iso_milliseconds, new_id
from offhook.http.deps import Deps
from offhook.http.edge.paths import ADMIN_PREFIX
from offhook.http.refusals import INVALID, NOT_FOUND, Refused
from offhook.http.resources.params import page_of
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
from offhook.session.pcap import Packet, datagram, end_of, packets_of, pcap_file
from offhook.session.ports.capture_orders import (
    ARMED_FOR,
    CAPTURES_TOPIC,
    MOST_SECONDS,
    CaptureOrder,
    encode_order,
)
from offhook.session.ports.record import SessionFilter
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session

PCAP = "application/octet-stream"
"""Generators of clients do not know ``application/vnd.tcpdump.pcap``."""
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
    if sub_account_id is not None:
        finding = store.sessions(sub_account_id, chosen, cursor=cursor, limit=limit)
    else:
        finding = store.every_session(chosen, cursor=cursor, limit=limit)
    return session_list(*await page_of(finding))


@get(
    "/sessions/{sessionId:str}",
    operation_id="getAnySession",
    summary="Show a session of any sub-account",
)
async def get_any_session(deps: NamedDependency[Deps], session_id: SessionId) -> SessionAnswer:
    """As the sub-account's own: legs, actions, events and webhook deliveries."""
    session = await _session(deps, session_id)
    events = await deps.store.events(session_id)
    owner = deps.directory.sub_account(session.sub_account_id)
    return session_answer(session, events, await deps.store.deliveries(session_id), owner)


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


class CaptureRequest(View, frozen=True, kw_only=True):
    """What to capture: exactly one of `sessionId` and `number`."""

    session_id: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    """A session that runs or waits."""
    number: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    """The next session with a call from or to this number."""
    seconds: Annotated[float, msgspec.Meta(ge=1, le=MOST_SECONDS)] = 60
    """Of audio."""
    rtp: bool = True
    """False: SIP only."""


class CaptureAnswer(View, frozen=True, kw_only=True):
    """An order that waits for its session on every voice node."""

    capture_id: str
    """Of the order."""
    expires_at: str
    """When an order that found no session is void."""
    status_code: int
    status_message: str


@post(
    "/captures",
    status_code=202,
    operation_id="orderCapture",
    summary="Capture the packets of a session",
)
async def order_capture(
    deps: NamedDependency[Deps], data: JSONBody[CaptureRequest]
) -> CaptureAnswer:
    """SIP and RTP are kept when the session ends: `GET /admin/v1/sessions/{sessionId}/pcap`.

    A session that is recorded is captured without RTP. An order that a node does not hear of (the fabric is
    away) is lost: ask again.
    """
    if (data.session_id is None) == (data.number is None):
        raise Refused(INVALID, "sessionId, number: exactly one of them is needed")
    until = deps.clock.now() + timedelta(seconds=ARMED_FOR)
    order = CaptureOrder(
        capture_id=new_id(),
        session_id=data.session_id,
        number=number_wanted(data.number),
        seconds=data.seconds,
        rtp=data.rtp,
        until=until,
    )
    deps.fabric.publish(CAPTURES_TOPIC, encode_order(order))
    return CaptureAnswer(
        capture_id=order.capture_id,
        expires_at=iso_milliseconds(until),
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(
    "/sessions/{sessionId:str}/pcap",
    operation_id="getSessionPcap",
    summary="The packets of a session, for Wireshark",
    media_type=PCAP,
)
async def get_session_pcap(deps: NamedDependency[Deps], session_id: SessionId) -> Response[bytes]:
    """Its SIP messages (of a session that failed or was captured), and its RTP if that was captured."""
    await _session(deps, session_id)
    packets = [_datagram(message) for message in await deps.store.sip_trace(session_id)]
    captured = await deps.store.capture(session_id)
    packets += packets_of(captured) if captured is not None else ()
    if not packets:
        raise Refused(NOT_FOUND, "No packets are stored for this session")
    name = f'attachment; filename="{session_id}.pcap"'
    return Response(pcap_file(packets), media_type=PCAP, headers={"content-disposition": name})


def _datagram(message: SipMessage) -> Packet:
    ends = end_of(message.near), end_of(message.far)
    source, target = ends if message.sent else reversed(ends)
    return datagram(message.at.timestamp(), source, target, message.text.encode())


router = Router(
    ADMIN_PREFIX,
    route_handlers=[
        list_all_sessions,
        get_any_session,
        get_session_log,
        order_capture,
        get_session_pcap,
    ],
    tags=["Administration"],
)
