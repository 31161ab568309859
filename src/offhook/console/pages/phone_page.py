"""The phone in the browser: it is registered as a user's phone, rings, and calls."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from offhook.console.console_parts import ConsoleParts
from offhook.console.rendering import data, page
from offhook.console.sign_ins import SignIns, Visitor
from offhook.console.web import (
    COOKIE,
    Forbidden,
    NotFound,
    Unsuitable,
    WebRequest,
    visitor_of,
)
from offhook.console.web_phone_lines import WebPhoneLines, lacking, owner_of, users_for
from offhook.session.ports.browser_phones import LONGEST_OFFER, PhoneOrder, PhoneWish
from offhook.session.scopes import Scope

MOST_BODY = 2 * LONGEST_OFFER
"""Octets of an order: the offer with its line ends written as JSON."""
GIVEN = (PhoneWish.CALL, PhoneWish.ANSWER, PhoneWish.HANG_UP)
"""What a browser orders; the stream keeps and leaves."""


@get("/phone", sync_to_thread=False)
def phone(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The phone, or what is missing for it."""
    section, visitor = parts.config.browser_phone, visitor_of(request)
    server: dict[str, object] = {"urls": list(section.ice_servers)}
    if section.ice_username is not None:
        server |= {"username": section.ice_username, "credential": section.ice_password or ""}
    return page(
        request,
        "phone.html",
        lacking=lacking(parts),
        users=users_for(parts, visitor),
        may_call=visitor.may(Scope.CALLFLOWS_WRITE),
        any_users=bool(parts.config.sip_users),
        ice=msgspec.json.encode([server] if section.ice_servers else []).decode(),
    )


@get("/phone/line/{user:str}/{phone:str}")
async def listened(
    request: WebRequest,
    parts: NamedDependency[ConsoleParts],
    phone_lines: NamedDependency[WebPhoneLines],
    sign_ins: NamedDependency[SignIns],
    user: FromPath[str],
    phone: FromPath[str],
) -> Stream | Response[bytes]:
    """The news of a phone, as server-sent events; it is a phone for as long as they are read."""
    visitor = visitor_of(request)
    keep = _order(parts, visitor, user, {"phone": phone, "wish": PhoneWish.KEEP})
    if lacking(parts):
        raise NotFound("This server has no phones in browsers")
    if phone_lines.full():
        return data({"problem": "All phones are in use. Try again in a minute."}, status=503)
    token = request.cookies.get(COOKIE, "")

    async def still_allowed() -> bool:
        now = await sign_ins.visitor(token)
        return now is not None and _may_be(parts, now, user)

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    news = phone_lines.listen(keep, still_allowed)
    return Stream(news, media_type="text/event-stream", headers=headers)


@post("/phone/order/{user:str}/{phone:str}/{wish:str}", status_code=204)
async def ordered(
    request: WebRequest,
    parts: NamedDependency[ConsoleParts],
    phone_lines: NamedDependency[WebPhoneLines],
    user: FromPath[str],
    phone: FromPath[str],
    wish: FromPath[str],
) -> None:
    """Call, answer or hang up; the body holds the number and the browser's offer."""
    body = await request.body()
    if len(body) > MOST_BODY:
        raise Unsuitable("The order is too long")
    given = await asyncio.to_thread(_fields, body)
    order = _order(
        parts, visitor_of(request), user, {**given, "phone": phone, "wish": wish, "gateway": None}
    )
    if order.wish not in GIVEN:
        raise Unsuitable("There is no such order")
    phone_lines.order(order)


def _fields(body: bytes) -> dict[str, str]:
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, str])
    except msgspec.DecodeError:
        raise Unsuitable("The order is no JSON object of texts") from None


def _may_be(parts: ConsoleParts, visitor: Visitor, user: str) -> bool:
    return any(one.username == user for one in users_for(parts, visitor))


def _order(parts: ConsoleParts, visitor: Visitor, user: str, fields: dict[str, Any]) -> PhoneOrder:
    if not visitor.may(Scope.CALLFLOWS_WRITE):
        raise Forbidden(f"Your key lacks {Scope.CALLFLOWS_WRITE.value}")
    if not _may_be(parts, visitor, user):
        raise NotFound("There is no such user, or your key does not open it")
    try:
        return msgspec.convert({**fields, "user": user, "owner": owner_of(visitor)}, PhoneOrder)
    except msgspec.ValidationError:
        raise Unsuitable("There is no such order") from None


handlers = [phone, listened, ordered]
