"""Scenarios: callflow templates, written and deleted."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from offhook.console.console_parts import ConsoleParts
from offhook.console.desk import desk_and_form, desk_of, json_of
from offhook.console.rendering import page
from offhook.console.told import notice_of, problem_of
from offhook.console.web import Unsuitable, WebRequest, asked

PAGE = "scenarios"
FIRST = """[
  {"action": "makeCall", "params": {"source": "{{source}}", "destination": "{{destination}}"}},
  {"action": "say", "params": {"text": "Your code is {{code}}.", "language": "en-US"}}
]"""
FIRST_PARAMETERS = '[{"name": "code", "required": true, "pattern": "[0-9]{4,8}"}]'


@get("/scenarios")
async def scenarios(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The table and the form."""
    return await _page(request, parts, None)


async def _page(
    request: WebRequest, parts: ConsoleParts, typed: dict[str, str] | None, problem: str = ""
) -> Response[bytes]:
    """``typed``: what the visitor wrote that could not be kept."""
    desk = desk_of(request, parts)
    listed = (await desk.read("scenarios"))["scenarios"]
    name = asked(request, "edit")
    edited: dict[str, Any] = next((one for one in listed if one["name"] == name), {})
    shown = typed or {
        "name": name if edited else "",
        "callflow": _json(edited["callflow"]) if edited else FIRST,
        "parameters": _json(edited.get("parameters", [])) if edited else FIRST_PARAMETERS,
    }
    return page(
        request,
        "scenarios.html",
        status=422 if problem else 200,
        desk=desk,
        notice=notice_of(request),
        problem=problem,
        scenarios=listed,
        shown=shown,
        edited=edited,
    )


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


@post("/scenarios", status_code=200)
async def put_scenario(
    request: WebRequest, parts: NamedDependency[ConsoleParts]
) -> Response[bytes] | Redirect:
    """Create or replace one; what cannot be kept stays in the form."""
    desk, form = await desk_and_form(request, parts)
    typed = {name: form.get(name, "") for name in ("name", "callflow", "parameters")}
    try:
        body = {
            "callflow": json_of("callflow", typed["callflow"]),
            "parameters": json_of("parameters", typed["parameters"] or "[]"),
        }
    except Unsuitable as unsuitable:
        return await _page(request, parts, typed, unsuitable.detail)
    reply = await desk.change("PUT", "scenarios", typed["name"], body=body)
    if not reply.fine:
        return await _page(request, parts, typed, problem_of(reply))
    return desk.back(PAGE, reply=reply, fine=f"The scenario {typed['name']} is kept.")


@post("/scenarios/delete", status_code=200)
async def delete_scenario(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Redirect:
    """Delete one."""
    desk, form = await desk_and_form(request, parts)
    name = form.get("name", "")
    reply = await desk.change("DELETE", "scenarios", name)
    return desk.back(PAGE, reply=reply, fine=f"The scenario {name} is gone.")


handlers = [scenarios, put_scenario, delete_scenario]
