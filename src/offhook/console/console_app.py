"""Puts the console together: the door in front, the pages behind."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from litestar import Litestar, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from offhook.clock import new_id
from offhook.console.board import Board
from offhook.console.console_parts import ConsoleParts
from offhook.console.pages import (
    campaign_page,
    entrance,
    figures_page,
    hand_page,
    now_page,
    number_page,
    operator_pages,
    opt_out_page,
    phone_page,
    playground_page,
    request_page,
    scenario_page,
    session_page,
    session_search,
    usage_page,
    webhook_page,
)
from offhook.console.rendering import data, page
from offhook.console.screens import ScreenLines
from offhook.console.session_news import SessionNews
from offhook.console.sign_ins import SignIns, is_form_token
from offhook.console.web import COOKIE, ROOT, Forbidden, WebRequest, form_of, led_to, to
from offhook.console.web_phone_lines import WebPhoneLines
from offhook.session.ports.record import StoreUnavailable

log = logging.getLogger(__name__)

MOST_BODY = 2 * 1024 * 1024
"""Bytes of a form: a callflow, a list of numbers, a scenario."""
OPEN = (to("sign-in"), f"{ROOT}/static/")
"""What needs no sign-in."""
PAGES = (
    now_page,
    session_search,
    request_page,
    session_page,
    webhook_page,
    number_page,
    scenario_page,
    campaign_page,
    figures_page,
    usage_page,
    opt_out_page,
    playground_page,
    phone_page,
    hand_page,
    operator_pages,
)


def create_console(parts: ConsoleParts) -> ASGIApp:
    """The ASGI application of the console."""
    door = Door(SignIns(parts), parts.config.http.public_url)
    provided: dict[str, object] = {
        "parts": parts,
        "sign_ins": door.sign_ins,
        "board": Board(parts.store, parts.clock, parts.stopping),
        "lines": ScreenLines(parts),
        "phone_lines": WebPhoneLines(parts),
        "news": SessionNews(parts),
    }
    return Litestar(
        route_handlers=[
            *entrance.handlers,
            Router(ROOT, route_handlers=[one for each in PAGES for one in each.handlers]),
        ],
        dependencies={name: _always(value) for name, value in provided.items()},
        before_request=door.let_in,
        exception_handlers={
            StoreUnavailable: _store_away,
            HTTPException: _failed,
            Exception: _internal_error,
        },
        request_max_body_size=MOST_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


class Door:
    """Lets in who is signed in; a change needs the form's token, too."""

    def __init__(self, sign_ins: SignIns, public_url: str | None) -> None:
        self.sign_ins = sign_ins
        self._public_url = public_url

    async def let_in(self, request: WebRequest) -> Response[Any] | None:
        """For the application's ``before_request``: an answer ends the request."""
        changes = request.method not in ("GET", "HEAD")
        if changes and not _same_origin(request, self._public_url):
            raise Forbidden("The form did not come from this console")
        path = request.url.path
        if path == OPEN[0] or path.startswith(OPEN[1]):
            return None
        token = request.cookies.get(COOKIE)
        visitor = await self.sign_ins.visitor(token) if token else None
        if visitor is None:
            if "text/html" not in request.headers.get("accept", ""):
                return data({"problem": "You are not signed in any more."}, status=401)
            wanted = path if not changes else ROOT
            query = request.url.query if not changes else ""
            return led_to(to("sign-in", next=f"{wanted}?{query}" if query else wanted))
        request.state.visitor = visitor
        if changes:
            given = request.headers.get("x-form-token") or (await form_of(request)).get("token", "")
            if not is_form_token(visitor, given):
                raise Forbidden("The form is too old: load the page again and repeat what you did")
        return None


def _same_origin(request: WebRequest, public_url: str | None) -> bool:
    """Whether a browser that says where a form is from says: here.

    ``Sec-Fetch-Site`` is the browser's own word. Without it the origin must be the host that was asked, or
    ``[http] public_url`` where a proxy changes the host.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    here = {request.headers.get("host"), urlsplit(public_url or "").netloc}
    return origin is None or urlsplit(origin).netloc in here


def _always(value: object) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


def _failed(request: WebRequest, error: HTTPException) -> Response[Any]:
    if error.status_code >= 500:
        return _internal_error(request, error)
    titles = {403: "Not allowed", 404: "There is no such page", 405: "Not here"}
    title = titles.get(error.status_code, "That did not work")
    text = error.detail if type(error).__module__.startswith("offhook.") else ""
    return _problem(request, title, text, error.status_code)


def _store_away(request: WebRequest, _error: StoreUnavailable) -> Response[Any]:
    text = "Nothing was changed. Try again in a few seconds."
    return _problem(request, "The database does not answer", text, 503)


def _internal_error(request: WebRequest, error: Exception) -> Response[Any]:
    error_id = new_id()
    log.error(
        "errorId %s: %s %s: internal error",
        error_id,
        request.method,
        request.url.path,
        exc_info=error,
    )
    return _problem(
        request, "Something is broken here", f"The log has it as errorId {error_id}.", 500
    )


def _problem(request: WebRequest, title: str, text: str, status: int) -> Response[Any]:
    if "text/html" not in request.headers.get("accept", ""):
        return data({"problem": f"{title}. {text}".strip()}, status=status)
    return page(request, "problem.html", status=status, title=title, text=text)
