"""Signing in and out, and the files that the pages load."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from offhook.console.console_parts import ConsoleParts
from offhook.console.rendering import STATIC, page, static_file
from offhook.console.sign_ins import SignIns
from offhook.console.web import (
    COOKIE,
    ROOT,
    NotFound,
    WebRequest,
    asked,
    form_of,
    led_to,
    to,
    within_console,
)

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@get(ROOT, sync_to_thread=False)
def start() -> Redirect:
    """The first page."""
    return led_to(to("now"))


@get(to("sign-in"), sync_to_thread=False)
def sign_in_page(request: WebRequest) -> Response[bytes]:
    """The form."""
    return page(request, "sign_in.html", next=within_console(asked(request, "next", 2000)))


@post(to("sign-in"), status_code=200)
async def sign_in(
    request: WebRequest, sign_ins: NamedDependency[SignIns], parts: NamedDependency[ConsoleParts]
) -> Response[bytes] | Redirect:
    """Open the console with a key."""
    form = await form_of(request)
    wanted = within_console(form.get("next"))
    token = await sign_ins.open(form.get("key", ""))
    if token is None:
        problem = "This key opens nothing here. Check it, or ask the operator for a new one."
        return page(request, "sign_in.html", status=401, next=wanted, problem=problem)
    answer = led_to(wanted)
    answer.cookies.append(_cookie(request, parts, token))
    return answer


@post(to("sign-out"), status_code=200)
async def sign_out(
    request: WebRequest, sign_ins: NamedDependency[SignIns], parts: NamedDependency[ConsoleParts]
) -> Redirect:
    """End the sign-in, here and on the server."""
    await sign_ins.close(request.cookies.get(COOKIE, ""))
    answer = led_to(to("sign-in"))
    answer.cookies.append(_cookie(request, parts, ""))
    return answer


@get(f"{ROOT}/static/{{mark:str}}/{{name:str}}", sync_to_thread=False)
def static(mark: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A file of the pages; its address changes with it (``mark``)."""
    if name not in STATIC:
        raise NotFound("There is no such file")
    return Response(
        static_file(name),
        media_type=TYPES[name.rpartition(".")[2]],
        headers={
            "cache-control": "public, max-age=31536000, immutable",
            "x-content-type-options": "nosniff",
        },
    )


def _cookie(request: WebRequest, parts: ConsoleParts, token: str) -> Cookie:
    """``token`` '': the cookie is to be forgotten."""
    config = parts.config.http
    public = str(config.public_url or "")
    return Cookie(
        COOKIE,
        value=token,
        path=ROOT,
        max_age=int(parts.signed_in_for.total_seconds()) if token else 0,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https" or public.startswith("https:"),
    )


handlers = [start, sign_in_page, sign_in, sign_out, static]
