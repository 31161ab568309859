"""What the pages share of HTTP: who asks, forms, and answers that lead elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from offhook.console.sign_ins import Visitor

COOKIE = "offhook_console"
THEME_COOKIE = "offhook_theme"
ROOT = "/console"
WebRequest = Request[Any, Any, Any]

Form = Mapping[str, str]


class NotFound(HTTPException):
    """There is no such page, or it is not this visitor's."""

    status_code = 404


class Forbidden(HTTPException):
    """The visitor may not do that."""

    status_code = 403


class Unsuitable(HTTPException):
    """What was given cannot be read."""

    status_code = 422


def visitor_of(request: WebRequest) -> Visitor:
    """Who asks; the door has found out."""
    visitor = request.state.visitor
    assert isinstance(visitor, Visitor)
    return visitor


def theme_of(request: WebRequest) -> str | None:
    """``light`` or ``dark`` where the visitor has chosen."""
    theme = request.cookies.get(THEME_COOKIE)
    return theme if theme in ("light", "dark") else None


async def form_of(request: WebRequest) -> Form:
    """The fields of a form that was sent; of a repeated one the last."""
    fields = await request.form()
    return {name: value for name, value in fields.multi_items() if isinstance(value, str)}


def to(*parts: str, **query: str | None) -> str:
    """An address below the console: ``to("sessions", id, tab="sip")``."""
    path = "/".join(quote(part, safe="") for part in parts)
    chosen = {name: value for name, value in query.items() if value}
    return f"{ROOT}/{path}" + (f"?{urlencode(chosen)}" if chosen else "")


def led_to(address: str) -> Redirect:
    """Ask the browser to get another page (303)."""
    return Redirect(address, status_code=303)


def within_console(address: str | None) -> str:
    """``address`` where it leads to a page of the console, else the first page: no link
    leads to another site."""
    fine = address is not None and (address == ROOT or address.startswith(ROOT + "/"))
    if (
        not fine
        or address is None
        or "\\" in address
        or any(ord(letter) < 32 for letter in address)
    ):
        return to("now")
    return address


def asked(request: WebRequest, name: str, most: int = 200) -> str:
    """A parameter of the address, without blanks around it; '' where it is absent."""
    value = request.query_params.get(name, "")
    return str(value).strip()[:most]


_AGO = {"h": "hours", "d": "days", "m": "minutes", "w": "weeks"}


def asked_time(request: WebRequest, name: str, now: datetime) -> datetime | None:
    """A time of the address: ISO 8601 (UTC without an offset) or so long ago (``1h``). Raises Unsuitable."""
    text = asked(request, name, 40)
    if not text:
        return None
    try:
        if text[-1] in _AGO and text[:-1].isdigit() and len(text) < 7:
            return now - timedelta(**{_AGO[text[-1]]: int(text[:-1])})
        at = datetime.fromisoformat(text.replace(" ", "+"))
        return at.replace(tzinfo=now.tzinfo) if at.tzinfo is None else at.astimezone(now.tzinfo)
    except (OverflowError, ValueError):
        raise Unsuitable(f"{name}: write a time such as 2026-07-03T05:59 or 2h") from None
