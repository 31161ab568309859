"""Trunks and processes, and the API keys: for operators."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from offhook.console.console_parts import ConsoleParts
from offhook.console.desk import operators_desk
from offhook.console.probing import in_words, probed
from offhook.console.rendering import page
from offhook.console.told import failed, fine_notice, notice_of, problem_of
from offhook.console.web import NotFound, Unsuitable, WebRequest, form_of, led_to, to
from offhook.session.scopes import Scope

ONE_DAY = 86_400


@get("/trunks")
async def trunks(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """Whether each trunk answers, and what each process does."""
    desk = operators_desk(request, parts)
    status = await desk.read_admin("status")
    nodes = await desk.read_admin("nodes")
    return page(
        request,
        "trunks.html",
        desk=desk,
        notice=notice_of(request),
        site=status,
        nodes=nodes["nodes"],
    )


@post("/trunks/drain", status_code=200)
async def drain(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Redirect:
    """Let a node begin no sessions, or begin them again."""
    desk, form = operators_desk(request, parts), await form_of(request)
    drained = form.get("drain") == "1"
    body = {"name": form.get("name", ""), "drain": drained}
    reply = await desk.change_admin("POST", "nodes", body=body)
    fine = (
        "It begins no more sessions; its calls go on." if drained else "It begins sessions again."
    )
    return desk.back("trunks", reply=reply, fine=fine)


@post("/trunks/probe", status_code=200)
async def probe_trunk(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Redirect:
    """Let every voice process ask a trunk whether it is there."""
    desk, form = operators_desk(request, parts), await form_of(request)
    name = form.get("name", "")
    if name not in {trunk.name for trunk in parts.config.trunks}:
        raise NotFound("There is no such trunk")
    answers = await probed(parts, name)
    good = bool(answers) and all(one.status is not None for one in answers)
    tell = fine_notice if good else failed
    return led_to(to("trunks", **tell(desk.visitor, in_words(name, answers))))


@get("/keys")
async def keys(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The table and the form."""
    return await _keys_page(request, parts, None)


async def _keys_page(
    request: WebRequest, parts: ConsoleParts, made: str | None, problem: str = ""
) -> Response[bytes]:
    desk = operators_desk(request, parts)
    listed = (await desk.read_admin("keys"))["keys"]
    listed.sort(key=lambda one: ("revokedAt" in one, one["createdAt"]))
    accounts = sorted({one.account_id for one in desk.visitor.sub_accounts()})
    return page(
        request,
        "keys.html",
        status=422 if problem else 200,
        desk=desk,
        notice=notice_of(request),
        problem=problem,
        keys=listed,
        made=made,
        accounts=accounts,
        sub_accounts=[one.sub_account_id for one in desk.visitor.sub_accounts()],
        scopes=[scope.value for scope in Scope],
    )


@post("/keys", status_code=200)
async def make_key(
    request: WebRequest, parts: NamedDependency[ConsoleParts]
) -> Response[bytes] | Redirect:
    """Make a key, which the answer shows once."""
    desk = operators_desk(request, parts)
    fields = await request.form()
    form = await form_of(request)
    body: dict[str, object] = {"name": form.get("name", ""), "accountId": form.get("owner", "")}
    given = fields.multi_items()
    scopes = [value for name, value in given if name == "scope"]
    if scopes:
        body["scopes"] = scopes
    if form.get("only"):
        body["subAccountIds"] = [form["only"]]
    if form.get("expires"):
        body["expiresAt"] = form["expires"]
    reply = await desk.change_admin("POST", "keys", body=body)
    if not reply.fine:
        return await _keys_page(request, parts, None, problem_of(reply))
    return await _keys_page(request, parts, reply.json()["key"])


@post("/keys/{key_id:str}/{order:str}", status_code=200)
async def change_key(
    request: WebRequest,
    parts: NamedDependency[ConsoleParts],
    key_id: FromPath[str],
    order: FromPath[str],
) -> Response[bytes] | Redirect:
    """Revoke it, or replace it by a new one; the old one then works for a day."""
    desk = operators_desk(request, parts)
    if order == "revoke":
        reply = await desk.change_admin("DELETE", "keys", key_id)
        return desk.back("keys", reply=reply, fine="The key opens nothing any more.")
    if order != "rotate":
        raise NotFound("There is no such order")
    reply = await desk.change_admin(
        "POST", "keys", key_id, "rotate", body={"overlapSeconds": ONE_DAY}
    )
    if not reply.fine:
        raise Unsuitable(problem_of(reply))
    return await _keys_page(request, parts, reply.json()["key"])


handlers = [trunks, drain, probe_trunk, keys, make_key, change_key]
