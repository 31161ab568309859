"""The outermost layer: gives each request an id, looks up its path, and notes the status of its answer."""

from __future__ import annotations

import re

from offhook.clock import new_id
from offhook.http.asgi import AsgiApp, Message, Receive, Scope, Send
from offhook.http.edge.paths import place_of
from offhook.http.edge.request_context import RequestContext, attach

REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


class Identify:
    """Returns the client's ``X-Request-Id``, or our own id where that is missing or invalid."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        authorization: bytes | None = None
        echoed: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"x-request-id" and REQUEST_ID.fullmatch(value):
                echoed = value
        request_id = new_id()
        context = RequestContext(request_id, place_of(scope["path"]), authorization)
        attach(scope, context)
        header = (b"x-request-id", echoed or request_id.encode("ascii"))

        async def marked_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        await self._app(scope, receive, marked_send)
