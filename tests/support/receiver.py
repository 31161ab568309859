"""A real webhook receiver on loopback: records what came, and misbehaves to order."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web
from tests.support.waiting import Changes


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One request that came."""

    at: float
    """Monotonic."""
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    http_status: int
    """What it was answered; 0: the connection was cut."""

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def payload(self) -> Any:
        """The envelope's payload."""
        return self.json["payload"]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """How to answer one request."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    after: float = 0.0
    """Seconds to wait first."""
    cut: bool = False
    """Close the connection instead."""


Script = Callable[[web.Request, bytes], Reply | Awaitable[Reply]]


class Receiver(Changes):
    """``async with Receiver() as receiver``: listens on a free port of 127.0.0.1.

    ``on(path, script)`` scripts a path; everything else is answered 200 and ``{}``.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.received: list[Received] = []
        self.begun = 0
        """Requests that have come, those not answered yet included."""
        self.port = port
        self._scripts: dict[str, Script] = {}
        self._runner: web.AppRunner | None = None

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def on(self, path: str, script: Script | Reply) -> None:
        """Answer ``path`` by ``script``, called with the request and its body, or always the same."""
        self._scripts[path] = (
            (lambda request, body: script) if isinstance(script, Reply) else script
        )

    def at(self, path: str) -> list[Received]:
        """What came to a path."""
        return [one for one in self.received if one.path == path]

    def summaries(self) -> Counter[str]:
        """Accepted session summaries per session id."""
        return Counter(
            one.payload["sessionId"]
            for one in self.received
            if b"SESSION_SUMMARY" in one.body and 200 <= one.http_status <= 299
        )

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        at = time.monotonic()
        body = await request.read()
        self.begun += 1
        self.changed()
        reply = Reply()
        if script := self._scripts.get(request.path):
            said = script(request, body)
            reply = said if isinstance(said, Reply) else await said
        self.received.append(
            Received(
                at=at,
                path=request.path,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=body,
                http_status=0 if reply.cut else reply.status,
            )
        )
        self.changed()
        if reply.after:
            await asyncio.sleep(reply.after)
        if reply.cut and request.transport is not None:
            request.transport.abort()
        return web.Response(
            status=reply.status,
            body=reply.body,
            headers=dict(reply.headers),
            content_type="application/json",
        )
