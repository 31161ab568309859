"""Deciding by hand: a session of the playground asks here instead of at a server that is not there yet.

Only the browser that began a session has its ticket: an HMAC by its sign-in over the session and the desk.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from offhook.console.console_parts import ConsoleParts
from offhook.console.judging import judged_as
from offhook.console.pages.session_page import session_of
from offhook.console.rendering import data
from offhook.console.screens import ScreenLines
from offhook.console.sign_ins import Visitor
from offhook.console.web import Forbidden, Unsuitable, WebRequest, asked, visitor_of
from offhook.flow.problems import Mode
from offhook.session.ports.hand_answers import MOST_ANSWER, HandAnswer, HoldSession
from offhook.session.scopes import Scope


def ticket_of(visitor: Visitor, session_id: str, desk: str) -> str:
    """What shows that this sign-in began a session with this desk."""
    text = f"hand {session_id} {desk}".encode("utf-8", "surrogatepass")
    return hmac.new(visitor.form_token.encode(), text, hashlib.sha256).hexdigest()


def hold_of(session_id: str, desk: str) -> HoldSession:
    """The order to hold a session. Raises Unsuitable for what is no desk."""
    try:
        return msgspec.convert(
            {"type": "hold", "desk": desk, "session_id": session_id}, type=HoldSession
        )
    except msgspec.ValidationError:
        raise Unsuitable("There is no such desk") from None


@get("/playground/hand/{session_id:str}/{desk:str}")
async def questions(
    request: WebRequest,
    lines: NamedDependency[ScreenLines],
    session_id: FromPath[str],
    desk: FromPath[str],
) -> Stream | Response[bytes]:
    """What the session asks, as server-sent events; the desk holds it as long as they are read."""
    hold = _own(request, session_id, desk)
    if lines.full():
        return data({"problem": "All desks are in use. Try again in a minute."}, status=503)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Stream(lines.decide(hold), media_type="text/event-stream", headers=headers)


@post("/playground/hand/{session_id:str}/{desk:str}/{event_id:str}", status_code=200)
async def answered(
    request: WebRequest,
    parts: NamedDependency[ConsoleParts],
    lines: NamedDependency[ScreenLines],
    session_id: FromPath[str],
    desk: FromPath[str],
    event_id: FromPath[str],
) -> Response[bytes]:
    """Answer a question. What the server would refuse is not sent: there may be time to mend it."""
    _own(request, session_id, desk)
    session = await session_of(request, parts, session_id)
    body = (await request.body())[: MOST_ANSWER + 1]
    if len(body) > MOST_ANSWER or len(event_id) > 64:
        raise Unsuitable(f"An answer by hand has at most {MOST_ANSWER // 1024} KiB")
    verdict = await judged_as(request, parts, session.sub_account_id, body, Mode.DECISION)
    if not verdict.fine:
        return data(verdict, status=422)
    lines.answer(HandAnswer(desk=desk, event_id=event_id, body=body.decode()))
    return data(verdict)


def _own(request: WebRequest, session_id: str, desk: str) -> HoldSession:
    """Raises Forbidden without the ticket."""
    visitor = visitor_of(request)
    ticket = ticket_of(visitor, session_id, desk)
    if not visitor.may(Scope.CALLFLOWS_WRITE) or not hmac.compare_digest(
        ticket.encode(), asked(request, "ticket", 64).encode()
    ):
        raise Forbidden("This session was not begun in this playground")
    return hold_of(session_id, desk)


handlers = [questions, answered]
