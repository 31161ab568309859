"""One session on one page: what happened, and why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from offhook.codes import SessionStatus
from offhook.console.console_parts import ConsoleParts
from offhook.console.drawing.ladder import ladder_of
from offhook.console.drawing.session_timeline import Facts, timeline_of
from offhook.console.moments import moments_of
from offhook.console.outcomes import sentence, tone_of
from offhook.console.rendering import data, page, pretty
from offhook.console.session_news import SessionNews
from offhook.console.submitted import MarkedFlow, marked_flow
from offhook.console.told import notice_of, told
from offhook.console.web import Forbidden, NotFound, WebRequest, led_to, to, visitor_of
from offhook.events import ActionStarted, AnyEvent, DecisionAsked, DecisionMade
from offhook.net.shown_url import shown_url
from offhook.session.ports.recording import RecordedFile, RecordingState
from offhook.session.scopes import Scope
from offhook.session.session import Session

PIECE = 64 * 1024
"""Octets of a recording that are read at once."""
PLAYABLE = (
    RecordingState.KEPT,
    RecordingState.WAITING,
    RecordingState.UPLOADED,
    RecordingState.FAILED,
)


class Decision(NamedTuple):
    """One question to the decision webhook."""

    event_id: str
    asked_at: datetime
    took: timedelta | None
    """None: it waits."""
    http_status: int | None
    problem: str | None
    answer: MarkedFlow | None
    question: str
    """What was sent; '' where the record does not have it."""


@get("/sessions/{session_id:str}")
async def session_shown(
    request: WebRequest, parts: NamedDependency[ConsoleParts], session_id: FromPath[str]
) -> Response[bytes]:
    """The page."""
    session = await session_of(request, parts, session_id)
    facts = await facts_of(parts, session)
    record = await parts.store.request(session.sub_account_id, session.call_flow_request_id)
    timeline = timeline_of(facts)
    operator = visitor_of(request).is_operator
    return page(
        request,
        "session.html",
        session=session,
        sentence=sentence(session),
        kind=tone_of(session.status).value,
        timeline=timeline,
        moments=moments_of(facts, timeline.begin),
        ladder=ladder_of(facts.messages),
        decisions=decisions_of(facts.events),
        deliveries=facts.deliveries,
        goes_to=_goes_to(parts, session.sub_account_id),
        recordings=await parts.store.recordings(session.sub_account_id, session_id),
        playable=PLAYABLE,
        flow=_flow(session, facts.events, record.body) if record is not None else None,
        lines=await parts.store.log_lines(session_id) if operator else (),
        notice=notice_of(request),
        waited=_waited(session),
        node=next((event.node for event in facts.events if hasattr(event, "node")), ""),
    )


@get("/sessions/{session_id:str}/stream")
async def session_stream(
    request: WebRequest,
    parts: NamedDependency[ConsoleParts],
    news: NamedDependency[SessionNews],
    session_id: FromPath[str],
) -> Stream | Response[bytes]:
    """Says when the page is to be got again, as server-sent events."""
    session = await session_of(request, parts, session_id)
    if news.full():
        return data({"problem": "Too many browsers follow already."}, status=503)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    stream = news.follow(session.session_id)
    return Stream(stream, media_type="text/event-stream", headers=headers)


@get("/sessions/{session_id:str}/raw")
async def session_raw(
    request: WebRequest, parts: NamedDependency[ConsoleParts], session_id: FromPath[str]
) -> Response[bytes]:
    """The API's own answer, for people."""
    session = await session_of(request, parts, session_id)
    visitor = visitor_of(request)
    path = f"/api/v1/subaccounts/{session.sub_account_id}/sessions/{session_id}"
    reply = await parts.api.ask(visitor.grant, "GET", path)
    return page(request, "raw.html", session=session, text=pretty(reply.body))


@get("/sessions/{session_id:str}/pcap")
async def session_pcap(
    request: WebRequest, parts: NamedDependency[ConsoleParts], session_id: FromPath[str]
) -> Response[bytes]:
    """The packets for Wireshark; for operators."""
    visitor = visitor_of(request)
    if not visitor.is_operator:
        raise Forbidden("Packets are for operators")
    reply = await parts.api.ask(visitor.grant, "GET", f"/admin/v1/sessions/{session_id}/pcap")
    if not reply.fine:
        raise NotFound("No packets are stored for this session")
    name = f'attachment; filename="{session_id}.pcap"'
    return Response(
        reply.body,
        media_type=reply.content_type,
        headers={"content-disposition": name, "x-content-type-options": "nosniff"},
    )


@post("/sessions/{session_id:str}/end", status_code=200)
async def session_ended(
    request: WebRequest, parts: NamedDependency[ConsoleParts], session_id: FromPath[str]
) -> Redirect:
    """Hang up."""
    session = await session_of(request, parts, session_id)
    path = f"/api/v1/subaccounts/{session.sub_account_id}/sessions/{session_id}"
    reply = await parts.api.ask(visitor_of(request).grant, "DELETE", path)
    return led_to(
        to("sessions", session_id, **told(visitor_of(request), reply, "The session was ended."))
    )


@post("/sessions/{session_id:str}/redeliver", status_code=200)
async def redelivered(
    request: WebRequest, parts: NamedDependency[ConsoleParts], session_id: FromPath[str]
) -> Redirect:
    """Send a webhook again."""
    session = await session_of(request, parts, session_id)
    form = await request.form()
    delivery = next(
        (
            one
            for one in await parts.store.deliveries(session_id)
            if one.delivery_id == form.get("delivery")
        ),
        None,
    )
    if delivery is None:
        raise NotFound("There is no such webhook")
    root = f"/api/v1/subaccounts/{session.sub_account_id}/webhooks"
    path = f"{root}/{delivery.type}/deliveries/{delivery.delivery_id}/redeliver"
    reply = await parts.api.ask(visitor_of(request).grant, "POST", path)
    notice = told(visitor_of(request), reply, "It is sent again now.")
    return led_to(to("sessions", session_id, **notice) + "#webhooks")


@get("/recordings/{recording_id:str}")
async def recording_played(
    request: WebRequest, parts: NamedDependency[ConsoleParts], recording_id: FromPath[str]
) -> Stream | Response[bytes]:
    """A recording, or the part of it that the player asks for (RFC 9110 §14.2)."""
    record = await parts.store.recording(recording_id)
    visitor = visitor_of(request)
    if record is None or not visitor.opens(record.sub_account_id):
        raise NotFound("There is no such recording")
    if not visitor.may(Scope.SESSIONS_READ):
        raise Forbidden(f"Your key lacks {Scope.SESSIONS_READ}")
    file = await asyncio.to_thread(parts.recordings.open, record)
    if file is None:
        raise NotFound("The recording lies on another machine")
    first, last, partial = wanted_part(request.headers.get("range"), file.size)
    kind = "audio/mpeg" if record.file_name.endswith(".mp3") else "audio/wav"
    headers = {
        "accept-ranges": "bytes",
        "content-length": str(max(0, last - first + 1)),
        "cache-control": "private, no-store",
        "x-content-type-options": "nosniff",
    }
    if partial:
        headers["content-range"] = f"bytes {first}-{last}/{file.size}"
    return Stream(
        _pieces(file, first, last + 1),
        status_code=206 if partial else 200,
        media_type=kind,
        headers=headers,
    )


def wanted_part(header: str | None, size: int) -> tuple[int, int, bool]:
    """First and last octet, and whether that is a part; what cannot be read asks for all."""
    whole = 0, size - 1, False
    if header is None or not header.startswith("bytes=") or size == 0:
        return whole
    first, dash, last = header.removeprefix("bytes=").partition("-")
    if not dash or not (first + last).isdigit() or len(first + last) > 30:
        return whole
    if not first:
        return max(0, size - int(last)), size - 1, True
    end = min(int(last), size - 1) if last else size - 1
    return (int(first), end, True) if int(first) <= end else whole


async def _pieces(file: RecordedFile, first: int, end: int) -> AsyncIterator[bytes]:
    try:
        while first < end and (
            piece := await asyncio.to_thread(file.read, first, min(PIECE, end - first))
        ):
            first += len(piece)
            yield piece
    finally:
        file.close()


async def session_of(request: WebRequest, parts: ConsoleParts, session_id: str) -> Session:
    """A session that the visitor may see. Raises NotFound, Forbidden."""
    visitor = visitor_of(request)
    if not visitor.may(Scope.SESSIONS_READ):
        raise Forbidden(f"Your key lacks {Scope.SESSIONS_READ}")
    session = await parts.store.any_session(session_id) if len(session_id) <= 64 else None
    if session is None or not visitor.opens(session.sub_account_id):
        raise NotFound("There is no such session. Sessions are kept as long as [retention] says.")
    return session


def _goes_to(parts: ConsoleParts, sub_account_id: str) -> dict[str, str]:
    """The URL of each type of webhook, as it is now."""
    owner = parts.directory.sub_account(sub_account_id)
    webhooks = owner.webhooks.values() if owner is not None else ()
    return {webhook.type.value: shown_url(webhook.url) for webhook in webhooks}


async def facts_of(parts: ConsoleParts, session: Session) -> Facts:
    """What the store knows of a session."""
    return Facts(
        session=session,
        events=[event for _, event in await parts.store.events(session.session_id)],
        deliveries=await parts.store.deliveries(session.session_id),
        messages=await parts.store.sip_trace(session.session_id),
        now=parts.clock.now(),
    )


def decisions_of(events: Sequence[AnyEvent]) -> list[Decision]:
    """The questions to the decision webhook, with their answers."""
    made = {event.event_id: event for event in events if isinstance(event, DecisionMade)}
    return [
        _decision(event, made.get(event.event_id))
        for event in events
        if isinstance(event, DecisionAsked)
    ]


def _decision(asked_for: DecisionAsked, made: DecisionMade | None) -> Decision:
    if made is None:
        return Decision(asked_for.event_id, asked_for.at, None, None, None, None, "")
    problems = _problems(made.problem)
    answer = marked_flow(made.body.encode(), problems) if made.body else None
    took, question = made.at - asked_for.at, pretty(made.question or "")
    return Decision(
        asked_for.event_id, asked_for.at, took, made.http_status, made.problem, answer, question
    )


def _problems(text: str | None) -> list[tuple[str, str]]:
    """``-1003 at $.callflow[0].params: told; …`` as paths and texts."""
    found = []
    for part in (text or "").split("; "):
        code, _, rest = part.partition(" at ")
        path, _, what = rest.partition(": ")
        found.append((path, f"{code} {what}") if path.startswith("$") else ("", part))
    return [one for one in found if one != ("", "")]


def _flow(session: Session, events: Sequence[AnyEvent], body: bytes) -> MarkedFlow:
    """The callflow as submitted, with the action that the session failed in."""
    begun: ActionStarted | None = None
    for event in events:
        if isinstance(event, DecisionMade) and event.body:
            return marked_flow(body)  # what failed is not in the first callflow
        if isinstance(event, ActionStarted):
            begun = event
    ended_well = session.status in (SessionStatus.COMPLETED, SessionStatus.COMPLETED_UNSUBSCRIBED)
    if not session.status.final or ended_well:
        return marked_flow(body)
    return marked_flow(body, (), (begun.index if begun else 0, sentence(session)))


def _waited(session: Session) -> timedelta | None:
    """In the queue."""
    return session.started_at - session.created_at if session.started_at else None


handlers = [
    session_shown,
    session_raw,
    session_stream,
    session_pcap,
    session_ended,
    redelivered,
    recording_played,
]
