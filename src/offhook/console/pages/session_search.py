"""The search of sessions and of rejected requests, and the one field that finds anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.response import Redirect

from offhook.codes import SessionStatus
from offhook.console.choice import Choice, choice_of
from offhook.console.console_parts import ConsoleParts
from offhook.console.outcomes import sentence
from offhook.console.rendering import page
from offhook.console.web import Unsuitable, WebRequest, asked, asked_time, led_to, to
from offhook.flow.actions import MakeCall
from offhook.flow.context import WITHHELD_SOURCES
from offhook.flow.numbers import source_number
from offhook.session.ports.record import RequestRecord, SessionFilter
from offhook.session.session import Session

PAGE_SIZE = 50
MOST_ID = 64
"""The letters of a session id."""


class FoundSession(NamedTuple):
    """A row of the list."""

    id: str
    account: str
    at: datetime
    source: str
    destination: str
    status: str
    reason: str
    length: timedelta | None
    last_action: str
    mos: float | None


class FoundRejection(NamedTuple):
    """A request that made no session."""

    id: str
    account: str
    at: datetime
    http_status: int
    code: int
    message: str
    problems: list[tuple[str, str]]
    """Where, and what was wrong there."""


@get("/sessions")
async def search(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The list; every filter stands in the address."""
    choice = choice_of(request)
    filters = {
        name: asked(request, name)
        for name in ("number", "status", "since", "until", "sip", "request", "batch", "rejected")
    }
    rejected = bool(filters["rejected"])
    shown: dict[str, Any] = {"sessions": [], "rejections": []}
    try:
        if rejected:
            shown["rejections"], following = await _rejections(request, parts, choice)
        else:
            shown["sessions"], following = await _sessions(request, parts, choice)
    except ValueError:
        raise Unsuitable(
            "The address of this page is not complete: begin at the first page"
        ) from None
    return page(
        request,
        "sessions.html",
        filters=filters,
        filtered=any(filters.values()),
        rejected=rejected,
        statuses=[status.value for status in SessionStatus],
        next_page=to("sessions", account=choice.account, cursor=following, **filters)
        if following
        else None,
        first_page=to("sessions", account=choice.account, **filters)
        if asked(request, "cursor")
        else None,
        several=len(choice.owners) > 1,
        **shown,
    )


@get("/find")
async def find(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Redirect:
    """Whatever was pasted: a session's id, a request's, a number, the customer's own id."""
    choice = choice_of(request)
    text = asked(request, "q", 255)
    account = choice.account
    if not text:
        return led_to(to("sessions", account=account))
    if len(text) <= MOST_ID:
        session = await parts.store.any_session(text)
        if session is not None and choice.visitor.opens(session.sub_account_id):
            return led_to(to("sessions", text))
        record = await parts.store.any_request(text)
        if record is not None and choice.visitor.opens(record.sub_account_id):
            return led_to(to("requests", text))
    if source_number(text) is not None or text in WITHHELD_SOURCES:
        return led_to(to("sessions", account=account, number=text))
    return led_to(to("sessions", account=account, request=text))


async def _sessions(
    request: WebRequest, parts: ConsoleParts, choice: Choice
) -> tuple[list[FoundSession], str | None]:
    chosen = filter_of(request, parts.clock.now())
    found, following = await parts.store.every_session(
        chosen, owners=choice.owners, cursor=asked(request, "cursor") or None, limit=PAGE_SIZE
    )
    return [_row(session) for session in found], following


async def _rejections(
    request: WebRequest, parts: ConsoleParts, choice: Choice
) -> tuple[list[FoundRejection], str | None]:
    now = parts.clock.now()
    found, following = await parts.store.rejected_requests(
        choice.owners,
        since=asked_time(request, "since", now),
        until=asked_time(request, "until", now),
        cursor=asked(request, "cursor") or None,
        limit=PAGE_SIZE,
    )
    return [rejection_of(record) for record in found], following


def filter_of(request: WebRequest, now: datetime) -> SessionFilter:
    """The filter that an address asks for. Raises Unsuitable, with a text for people."""
    status, sip = asked(request, "status"), asked(request, "sip")
    if status and status not in set(SessionStatus):
        raise Unsuitable(f"There is no status {status}")
    if sip and not (sip.isdigit() and 100 <= int(sip) <= 699):
        raise Unsuitable("A SIP status is a number from 100 to 699")
    return SessionFilter(
        status=SessionStatus(status) if status else None,
        since=asked_time(request, "since", now),
        until=asked_time(request, "until", now),
        number=_number(asked(request, "number")),
        client_request_id=asked(request, "request", 255) or None,
        client_batch_id=asked(request, "batch", 255) or None,
        sip_code=int(sip) if sip else None,
    )


def _number(text: str) -> str | None:
    if not text or text in WITHHELD_SOURCES:
        return text or None
    number = source_number(text)
    if number is None:
        raise Unsuitable("Write a phone number with its country, such as +6512341234")
    return number


def _row(session: Session) -> FoundSession:
    leg = session.legs[0] if session.legs else None
    first = session.callflow.actions[0] if session.callflow.actions else None
    dialled = first if isinstance(first, MakeCall) else None
    up = [one for one in session.legs if one.connected_at and one.disconnected_at]
    qualities = [one.quality.mos for one in session.legs if one.quality is not None]
    length = timedelta(seconds=max((one.connected_seconds for one in up), default=0))
    return FoundSession(
        id=session.session_id,
        account=session.sub_account_id,
        at=session.created_at,
        source=leg.source if leg else dialled.source if dialled else "",
        destination=leg.destination if leg else dialled.destination if dialled else "",
        status=session.status.value,
        reason=sentence(session),
        length=length if up else None,
        last_action=session.last_action or "",
        mos=min(qualities, default=None),
    )


def rejection_of(record: RequestRecord) -> FoundRejection:
    """A rejected request with what was wrong where."""
    answer = answer_of(record)
    errors = answer.get("errors")
    told = errors if isinstance(errors, Sequence) and not isinstance(errors, str) else ()
    return FoundRejection(
        id=record.call_flow_request_id,
        account=record.sub_account_id,
        at=record.at,
        http_status=record.http_status,
        code=int(answer.get("statusCode", 0)),
        message=str(answer.get("statusMessage", "")),
        problems=[
            (str(one.get("path", "")), str(one.get("message", "")))
            for one in told
            if isinstance(one, dict)
        ],
    )


def answer_of(record: RequestRecord) -> dict[str, Any]:
    """The members of a request's answer."""
    try:
        answer = msgspec.json.decode(record.answer)
    except msgspec.DecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


handlers = [search, find]
