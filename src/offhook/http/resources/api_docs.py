"""``/openapi.json`` and ``/docs``, which draws it with nothing loaded from elsewhere."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.response import Redirect

from offhook.http.openapi.parts import Json


class Pages:
    """The document, made in a thread when first asked for (half a second), and kept."""

    def __init__(self, document: Callable[[], Json]) -> None:
        self._document = document
        self._making = asyncio.Lock()
        self._openapi: bytes | None = None

    async def openapi(self) -> bytes:
        """The OpenAPI document."""
        async with self._making:
            if self._openapi is None:
                self._openapi = msgspec.json.encode(await asyncio.to_thread(self._document))
            return self._openapi


@get("/openapi.json", include_in_schema=False)
async def openapi_json(pages: NamedDependency[Pages]) -> Response[bytes]:
    """OpenAPI 3.1."""
    return Response(await pages.openapi(), media_type="application/json")


@get("/docs", include_in_schema=False, sync_to_thread=False)
def docs() -> Response[bytes]:
    """The document for people."""
    page, policy = _docs()
    return Response(page, media_type="text/html", headers={"content-security-policy": policy})


@cache
def _docs() -> tuple[bytes, str]:
    """The page, and a policy under which only its own script and style run."""
    page = files("offhook.http").joinpath("docs.html").read_text("utf-8")
    script = _hashes(r"<script>(.*?)</script>", page)
    style = _hashes(r"<style>(.*?)</style>", page)
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode(), policy


def _hashes(pattern: str, page: str) -> str:
    found = re.findall(pattern, page, flags=re.DOTALL)
    digests = (hashlib.sha256(each.encode()).digest() for each in found)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


@get("/", include_in_schema=False, sync_to_thread=False)
def start_page() -> Redirect:
    """Lead a person who opens the server in a browser to the documentation."""
    return Redirect("/docs", status_code=302)


handlers = [start_page, openapi_json, docs]
