"""The layer that counts and times answered requests."""

from __future__ import annotations

from offhook.clock import Clock
from offhook.http.asgi import AsgiApp, Receive, Scope, Send
from offhook.http.edge.request_context import context_of
from offhook.http.http_metrics import HttpMetrics

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Count:
    """A client that leaves before its answer begins is not counted."""

    def __init__(self, app: AsgiApp, metrics: HttpMetrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = self._clock.monotonic()
        method = scope["method"] if scope["method"] in METHODS else "other"
        await self._app(scope, receive, send)
        context = context_of(scope)
        if context.status:
            took = self._clock.monotonic() - started
            self._metrics.answered(context.place.route, method, context.status, took)
