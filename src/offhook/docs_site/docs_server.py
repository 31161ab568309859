"""Serves a built site on loopback, from a mapping in memory: no path of a request reaches the disk."""

from __future__ import annotations

import mimetypes
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from typing import Any

import uvicorn

HOST = "127.0.0.1"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Of an SVG file, whose own styles move its frames; it can load and run nothing."""
MOST_CONNECTIONS = 64

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]


def kind_of(name: str) -> str:
    """The content type of a file by its name; text for what has no known type."""
    if name.endswith(".md"):
        return "text/markdown; charset=utf-8"
    guessed = mimetypes.guess_type(name)[0] or "text/plain"
    if guessed.startswith("image/"):
        return guessed
    if guessed == "application/json" or guessed in ("text/html", "text/css", "text/javascript"):
        return f"{guessed}; charset=utf-8"
    return "text/plain; charset=utf-8"


def make_app(files: Mapping[str, bytes]) -> App:
    """An ASGI application that answers GET and HEAD with the files of the site."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = str(scope["path"]).removeprefix("/")
        name = path + "index.html" if path == "" or path.endswith("/") else path
        status, body = 200, files.get(name, b"")
        if scope["method"] not in ("GET", "HEAD"):
            status, body, name = 405, b"only GET and HEAD\n", "405.txt"
        elif name not in files:
            status, body, name = 404, b"no such page\n", "404.txt"
        headers = [
            (b"content-type", kind_of(name).encode()),
            (b"content-length", str(len(body)).encode()),
            (b"content-security-policy", _policy(name).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-cache"),
        ]
        if status == 405:
            headers.append((b"allow", b"GET, HEAD"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        shown = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": shown})

    return app


def _policy(name: str) -> str:
    return PICTURE_POLICY if name.endswith(".svg") else POLICY


def listening(port: int) -> socket.socket:
    """A socket on loopback; port 0 is any free one. Raises ``OSError``."""
    return socket.create_server((HOST, port))


def serve(files: Mapping[str, bytes], on: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    config = uvicorn.Config(
        make_app(files),
        lifespan="off",
        access_log=False,
        log_level="warning",
        limit_concurrency=MOST_CONNECTIONS,
        server_header=False,
    )
    uvicorn.Server(config).run([on])
