"""Campaigns: their progress, their lists, and the orders they get."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from offhook.console.console_parts import ConsoleParts
from offhook.console.desk import desk_and_form, desk_of, json_of
from offhook.console.rendering import page, pretty
from offhook.console.told import notice_of, problem_of
from offhook.console.web import NotFound, Unsuitable, WebRequest, asked

PAGE = "campaigns"
ORDERS = ("start", "pause", "resume", "cancel")
BY_STATE = {
    "DRAFT": ("start", "cancel"),
    "RUNNING": ("pause", "cancel"),
    "PAUSED": ("resume", "cancel"),
}
FIRST = """[
  {"action": "makeCall", "params": {"source": "+6512341234", "destination": "{{number}}"}},
  {"action": "say", "params": {"text": "Hello {{name}}, your parcel is ready.", "language": "en-US"}}
]"""


@get("/campaigns")
async def campaigns(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The table and the form."""
    return await _page(request, parts, {})


async def _page(
    request: WebRequest, parts: ConsoleParts, typed: dict[str, str], problem: str = ""
) -> Response[bytes]:
    desk = desk_of(request, parts)
    found = await desk.read("campaigns", cursor=asked(request, "cursor"))
    first = {"name": "", "callflow": FIRST, "pace": "1", "calls": "", "numbers": ""}
    return page(
        request,
        "campaigns.html",
        status=422 if problem else 200,
        desk=desk,
        notice=notice_of(request),
        problem=problem,
        campaigns=found["campaigns"],
        following=found.get("nextCursor"),
        orders=BY_STATE,
        shown={**first, **typed},
    )


@get("/campaigns/{campaign_id:str}")
async def campaign(
    request: WebRequest, parts: NamedDependency[ConsoleParts], campaign_id: FromPath[str]
) -> Response[bytes]:
    """One campaign with its list."""
    desk = desk_of(request, parts)
    found = await desk.read("campaigns", campaign_id)
    listed = await desk.read(
        "campaigns", campaign_id, "targets", cursor=asked(request, "cursor"), limit="100"
    )
    return page(
        request,
        "campaign.html",
        desk=desk,
        notice=notice_of(request),
        campaign=found,
        callflow=pretty(msgspec.json.encode(found["callflow"])),
        targets=listed["targets"],
        following=listed.get("nextCursor"),
        orders=BY_STATE,
    )


@post("/campaigns", status_code=200)
async def create(
    request: WebRequest, parts: NamedDependency[ConsoleParts]
) -> Response[bytes] | Redirect:
    """Make one, with its list: a number a line, with parameters behind it as ``name=value``."""
    desk, form = await desk_and_form(request, parts)
    typed = {name: form.get(name, "") for name in ("name", "callflow", "pace", "calls", "numbers")}
    try:
        body = _body(typed, start="start" in form)
    except Unsuitable as unsuitable:
        return await _page(request, parts, typed, unsuitable.detail)
    reply = await desk.change("POST", "campaigns", body=body)
    if not reply.fine:
        return await _page(request, parts, typed, problem_of(reply))
    made = reply.json()
    left_out = len(made.get("problems", ()))
    fine = "The campaign is made." + (f" {left_out} lines cannot be used." if left_out else "")
    return desk.back(PAGE, made["campaignId"], reply=reply, fine=fine)


def _body(typed: dict[str, str], *, start: bool) -> dict[str, Any]:
    body: dict[str, object] = {
        "callflow": json_of("callflow", typed["callflow"]),
        "targets": [_target(line) for line in typed["numbers"].splitlines() if line.strip()],
        "start": start,
    }
    if typed["name"]:
        body["name"] = typed["name"]
    try:
        body["pace"] = float(typed["pace"] or 1)
        if typed["calls"]:
            body["maxCalls"] = int(typed["calls"])
    except ValueError:
        raise Unsuitable("Pace and calls at once are numbers") from None
    return body


def _target(line: str) -> dict[str, Any]:
    number, *rest = (part.strip() for part in line.split(","))
    pairs = (part.partition("=") for part in rest if part)
    return {
        "number": number,
        "parameters": {name.strip(): value.strip() for name, _, value in pairs},
    }


@post("/campaigns/{campaign_id:str}/{order:str}", status_code=200)
async def ordered(
    request: WebRequest,
    parts: NamedDependency[ConsoleParts],
    campaign_id: FromPath[str],
    order: FromPath[str],
) -> Redirect:
    """Start, pause, resume or cancel it."""
    if order not in ORDERS:
        raise NotFound("There is no such order")
    desk, _ = await desk_and_form(request, parts)
    reply = await desk.change("POST", "campaigns", campaign_id, order)
    return desk.back(PAGE, campaign_id, reply=reply, fine=f"The order to {order} is given.")


handlers = [campaigns, campaign, create, ordered]
