"""The opt-out list: who is not called any more."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from offhook.console.console_parts import ConsoleParts
from offhook.console.desk import desk_and_form, desk_of
from offhook.console.rendering import page
from offhook.console.told import notice_of
from offhook.console.web import WebRequest, asked

PAGE = "opt-outs"


@get("/opt-outs")
async def opt_outs(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The list and the form."""
    desk = desk_of(request, parts)
    found = await desk.read("opt-outs", cursor=asked(request, "cursor"))
    owner = parts.directory.sub_account(desk.account)
    return page(
        request,
        "opt_outs.html",
        desk=desk,
        notice=notice_of(request),
        listed=found["optOuts"],
        following=found.get("nextCursor"),
        counts=owner is not None and owner.opt_out is not None,
    )


@post("/opt-outs", status_code=200)
async def put_on(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Redirect:
    """Put a number on the list."""
    desk, form = await desk_and_form(request, parts)
    number = form.get("number", "")
    reply = await desk.change("PUT", "opt-outs", number)
    return desk.back(PAGE, reply=reply, fine=f"{number} is on the list.")


@post("/opt-outs/delete", status_code=200)
async def take_off(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Redirect:
    """Take a number off the list."""
    desk, form = await desk_and_form(request, parts)
    number = form.get("number", "")
    reply = await desk.change("DELETE", "opt-outs", number)
    return desk.back(PAGE, reply=reply, fine=f"{number} is off the list.")


handlers = [opt_outs, put_on, take_off]
