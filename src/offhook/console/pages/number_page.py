"""Virtual numbers: state and health, and a test call; operators assign and withdraw them."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from offhook.console.console_parts import ConsoleParts
from offhook.console.desk import desk_and_form, desk_of
from offhook.console.rendering import page
from offhook.console.told import notice_of
from offhook.console.web import WebRequest, led_to, to

PAGE = "numbers"


@get("/numbers")
async def numbers(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The table, and for operators the form."""
    desk = desk_of(request, parts)
    found = await desk.read("numbers")
    return page(
        request,
        "numbers.html",
        desk=desk,
        notice=notice_of(request),
        numbers=found["numbers"],
        trunks=[trunk.name for trunk in parts.config.trunks],
    )


@post("/numbers", status_code=200)
async def assign(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Redirect:
    """Give a number to the sub-account, or change it; for operators."""
    desk, form = await desk_and_form(request, parts)
    body: dict[str, object] = {
        "active": "active" in form,
        "recordInbound": "record" in form,
        "healthCheck": "health" in form,
    }
    if form.get("reference"):
        body["referenceId"] = form["reference"]
    if form.get("trunk"):
        body["trunk"] = form["trunk"]
    path = ("subaccounts", desk.account, "numbers", form.get("number", ""))
    reply = await desk.change_admin("PUT", *path, body=body)
    return desk.back(PAGE, reply=reply, fine=f"{form.get('number')} is assigned.")


@post("/numbers/withdraw", status_code=200)
async def withdraw(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Redirect:
    """Take a number back; for operators."""
    desk, form = await desk_and_form(request, parts)
    number = form.get("number", "")
    path = ("subaccounts", desk.account, "numbers", number)
    reply = await desk.change_admin("DELETE", *path)
    return desk.back(PAGE, reply=reply, fine=f"{number} is withdrawn.")


@post("/numbers/ring", status_code=200)
async def ring(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Redirect:
    """Call the number over its trunk, say who calls, and show the session."""
    desk, form = await desk_and_form(request, parts)
    number = form.get("number", "")
    owner = parts.directory.sub_account(desk.account)
    source = (owner.own_number if owner is not None else None) or number
    said = {"text": "This is a test call of Offhook.", "language": "en-US"}
    callflow = [
        {"action": "makeCall", "params": {"source": source, "destination": number}},
        {"action": "say", "params": said},
        {"action": "hangup"},
    ]
    reply = await desk.change("POST", "callflows", body={"callflow": callflow})
    if not reply.fine:
        return desk.back(PAGE, reply=reply, fine="")
    return led_to(to("sessions", reply.json()["sessionId"]))


handlers = [numbers, assign, withdraw, ring]
