"""``/openapi.json`` and ``/docs``, which shows it and loads nothing from another server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from offhook.http.edge.paths import DOCS_FILES, DOCS_NAMES
from offhook.http.openapi.parts import Json
from offhook.http.refusals import NOT_FOUND, Refused


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


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing comes from another server, and no script but those served here runs."""


@get("/docs", include_in_schema=False, sync_to_thread=False)
def docs() -> Response[bytes]:
    """The document for people, who can try each request: Swagger UI."""
    return Response(
        _own_file("index.html"), media_type="text/html", headers={"content-security-policy": POLICY}
    )


@get(f"{DOCS_FILES}{{name:str}}", include_in_schema=False)
async def docs_file(name: FromPath[str]) -> Response[bytes]:
    """A file of the page; they come with the installation and change only with it."""
    if name not in DOCS_NAMES:
        raise Refused(NOT_FOUND)
    read = _own_file if name == "start.js" else _file_of_swagger_ui
    return Response(
        await asyncio.to_thread(read, name),
        media_type="text/css" if name.endswith(".css") else "text/javascript",
        headers={"cache-control": "max-age=3600", "x-content-type-options": "nosniff"},
    )


@cache
def _own_file(name: str) -> bytes:
    return files("offhook.http").joinpath("docs_page", name).read_bytes()


def _file_of_swagger_ui(name: str) -> bytes:
    """From the package ``swagger-ui-py``, whose Python code is not imported."""
    spec = find_spec("swagger_ui")
    if spec is None or spec.origin is None:
        raise Refused(NOT_FOUND, "Swagger UI is not installed")
    return Path(spec.origin).parent.joinpath("static", name).read_bytes()


@get("/", include_in_schema=False, sync_to_thread=False)
def start_page() -> Redirect:
    """Lead a person who opens the server in a browser to the documentation."""
    return Redirect("/docs", status_code=302)


handlers = [start_page, openapi_json, docs, docs_file]
