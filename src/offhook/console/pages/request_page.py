"""One request of a callflow: what was asked, what was answered, and what was wrong where."""

from __future__ import annotations

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from offhook.console.choice import choice_of
from offhook.console.console_parts import ConsoleParts
from offhook.console.pages.session_search import rejection_of
from offhook.console.rendering import page, pretty
from offhook.console.submitted import marked_flow
from offhook.console.web import NotFound, WebRequest


@get("/requests/{request_id:str}")
async def request_shown(
    request: WebRequest, parts: NamedDependency[ConsoleParts], request_id: FromPath[str]
) -> Response[bytes]:
    """The request, also one that made no session."""
    visitor = choice_of(request).visitor
    record = await parts.store.any_request(request_id)
    if record is None or not visitor.opens(record.sub_account_id):
        raise NotFound("There is no such request. Requests are kept for 30 days.")
    rejection = rejection_of(record)
    return page(
        request,
        "request.html",
        record=record,
        rejection=rejection,
        flow=marked_flow(record.body, rejection.problems),
        answer=pretty(record.answer),
    )


handlers = [request_shown]
