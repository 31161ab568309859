"""Webhooks of a sub-account: where events go, what came back, and sending them again."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from offhook.console.console_parts import ConsoleParts
from offhook.console.desk import Desk, desk_and_form, desk_of
from offhook.console.rendering import page
from offhook.console.told import failed, fine_notice, notice_of, problem_of
from offhook.console.web import Forbidden, NotFound, Unsuitable, WebRequest, asked, led_to, to
from offhook.session.scopes import Scope
from offhook.session.tenancy import WebhookType

PAGE = "webhooks"
TYPES = tuple(one.value for one in WebhookType)
QUEUED_TYPES = tuple(one.value for one in WebhookType if one is not WebhookType.VCA)
"""Those that are delivered; VCA is asked and answers at once."""
PURPOSES = {
    "VCA": "is asked what to do next, while the call waits",
    "VCS": "hears of each call that begins or ends",
    "VSS": "gets the summary when a session has ended",
    "VRU": "hears that a recording is ready",
    "VNU": "hears of the state of numbers",
}


@get("/webhooks")
async def webhooks(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The table and the form."""
    return await _page(request, parts)


async def _page(request: WebRequest, parts: ConsoleParts, **more: Any) -> Response[bytes]:
    desk = desk_of(request, parts)
    listed = (await desk.read("webhooks"))["webhooks"]
    last: dict[str, Any] = {}
    dead: dict[str, int] = {}
    for one in listed:
        if one["type"] in QUEUED_TYPES:
            found = await desk.read("webhooks", one["type"], "deliveries", limit="1")
            last[one["type"]] = next(iter(found["deliveries"]), None)
            given_up = await desk.read("webhooks", one["type"], "deliveries", state="dead")
            dead[one["type"]] = len(given_up["deliveries"])
    edited = asked(request, "edit")
    values: dict[str, Any] = {
        "notice": notice_of(request),
        "secret": None,
        "desk": desk,
        "webhooks": listed,
        "last": last,
        "dead": dead,
        "types": TYPES,
        "purposes": PURPOSES,
        "edited": next((one for one in listed if one["type"] == edited), {}),
    }
    return page(request, "webhooks.html", **{**values, **more})


@get("/webhooks/{type_:str}")
async def deliveries(
    request: WebRequest, parts: NamedDependency[ConsoleParts], type_: FromPath[str]
) -> Response[bytes]:
    """What was sent of one type."""
    if type_ not in QUEUED_TYPES:
        raise NotFound("There is no such list of deliveries")
    desk = desk_of(request, parts)
    state = asked(request, "state")
    found = await desk.read(
        "webhooks",
        type_,
        "deliveries",
        state=state,
        cursor=asked(request, "cursor"),
        limit="50",
    )
    return page(
        request,
        "deliveries.html",
        desk=desk,
        notice=notice_of(request),
        type=type_,
        state=state,
        deliveries=found["deliveries"],
        following=found.get("nextCursor"),
    )


@post("/webhooks", status_code=200)
async def put_webhook(
    request: WebRequest, parts: NamedDependency[ConsoleParts]
) -> Response[bytes] | Redirect:
    """Create one, or replace the one of its type."""
    desk, form = await desk_and_form(request, parts)
    body: dict[str, Any] = {
        "type": form.get("type", ""),
        "url": form.get("url", ""),
        "enabled": "enabled" in form,
    }
    if form.get("header"):
        body["httpAuthHeader"] = form["header"]
    if form.get("fallback"):
        body["fallbackUrl"] = form["fallback"]
    reply = await desk.change("POST", "webhooks", body=body)
    shown = [one.get("secret") for one in reply.json()["webhooks"]] if reply.fine else []
    secret = next((one for one in shown if one), None)
    if secret is not None:
        return await _page(request, parts, secret=secret)
    return desk.back(PAGE, reply=reply, fine=f"The webhook {body['type']} is set.")


@post("/webhooks/{type_:str}/{order:str}", status_code=200)
async def change_webhook(
    request: WebRequest,
    parts: NamedDependency[ConsoleParts],
    type_: FromPath[str],
    order: FromPath[str],
) -> Response[bytes] | Redirect:
    """Delete it, replace its secret, send a delivery again, or try it with a made-up event."""
    desk, form = await desk_and_form(request, parts)
    if type_ not in TYPES:
        raise NotFound("There is no such webhook")
    if order == "delete":
        reply = await desk.change("DELETE", "webhooks", type_)
        return desk.back(PAGE, reply=reply, fine=f"The webhook {type_} is gone.")
    if order == "secret":
        reply = await desk.change("POST", "webhooks", type_, "secret", body={})
        if not reply.fine:
            raise Unsuitable(problem_of(reply))
        return await _page(request, parts, secret=reply.json()["secret"])
    if order == "test":
        return await _tried(desk, WebhookType(type_))
    if order == "redeliver":
        path = ("webhooks", type_, "deliveries", form.get("delivery", ""), "redeliver")
        reply = await desk.change("POST", *path)
        return desk.back(PAGE, type_, reply=reply, fine="It is sent again now.")
    raise NotFound("There is no such order")


async def _tried(desk: Desk, kind: WebhookType) -> Redirect:
    """Send a made-up event, and tell what came back."""
    if not desk.visitor.may(Scope.SETTINGS_WRITE):
        raise Forbidden(f"Your key lacks {Scope.SETTINGS_WRITE.value}")
    owner = desk.parts.directory.sub_account(desk.account)
    webhook = owner.webhooks.get(kind) if owner is not None else None
    if owner is None or webhook is None:
        raise NotFound("There is no such webhook")
    reply = await desk.parts.trial.send(owner, webhook)
    if reply.body is None or reply.unreadable:
        return led_to(to(PAGE, account=desk.account, **failed(desk.visitor, reply.detail)))
    fine = f"A test event was sent: the webhook {kind.value} answered HTTP {reply.http_status}."
    return led_to(to(PAGE, account=desk.account, **fine_notice(desk.visitor, fine)))


handlers = [webhooks, deliveries, put_webhook, change_webhook]
