"""``/docs/codes/…``: a page for each status code, drawn from the Markdown that the repository shows too."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from offhook.codes import StatusCode
from offhook.flow import json_schema
from offhook.http.edge.paths import CALLFLOW_SCHEMA, CODE_PAGES
from offhook.http.refusals import NOT_FOUND, Refused

_NAMES = frozenset({"README.md", *(code.page for code in StatusCode)})

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
_FRAME = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Offhook: status codes</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow-x: auto; padding: 1rem; background: #8882 }}
table {{ border-collapse: collapse }} td, th {{ padding: .2rem .8rem .2rem 0; text-align: left }}
</style>
{content}
<p><a href="README.md">All codes</a> · <a href="/docs">The whole API</a></p>
</html>
"""


@get(f"{CODE_PAGES}/{{name:str}}", include_in_schema=False, sync_to_thread=False)
def code_page(name: FromPath[str]) -> Response[str]:
    """The page of one code, by the name that ``errors[].help`` links."""
    if name not in _NAMES:
        raise Refused(NOT_FOUND)
    return Response(
        _page(name),
        media_type="text/html",
        headers={"content-security-policy": _POLICY},
    )


@get(CALLFLOW_SCHEMA, include_in_schema=False, sync_to_thread=False)
def callflow_schema() -> Response[bytes]:
    """The JSON Schema of the callflow, which the pages link."""
    return Response(
        msgspec.json.encode(json_schema.document()), media_type="application/schema+json"
    )


handlers = [code_page, callflow_schema]


@cache
def _page(name: str) -> str:
    text = files("offhook.http").joinpath("codes", name).read_text("utf-8")
    from markdown_it import MarkdownIt  # 62 modules that most API processes never need

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return _FRAME.format(content=markdown.render(text))
