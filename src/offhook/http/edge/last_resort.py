"""The layer that answers when an inner layer raises an exception."""

from __future__ import annotations

import asyncio
import logging

from offhook.clock import Clock
from offhook.http import refusals
from offhook.http.asgi import AsgiApp, Receive, Scope, Send, send_answer
from offhook.http.edge.body import ClientGone
from offhook.http.edge.request_context import context_of
from offhook.http.refusals import refusal_answer

log = logging.getLogger(__name__)


class LastResort:
    """500 for an internal error, 503 for a request that outlives the server's grace.

    An answer that has begun cannot be replaced: then the exception goes on, and the server closes
    the connection.
    """

    def __init__(self, app: AsgiApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        context = context_of(scope)
        try:
            await self._app(scope, receive, send)
        except ClientGone:
            return
        except asyncio.CancelledError:  # the server stops and the request's grace is over
            if context.status:
                raise
            headers = (refusals.RETRY, (b"connection", b"close"))
            answer = refusal_answer(refusals.UNAVAILABLE, self._clock.now(), headers=headers)
            await send_answer(send, answer)
        except Exception:
            log.exception("request %s: internal error", context.request_id)
            if context.status:
                raise
            await send_answer(send, refusal_answer(refusals.INTERNAL, self._clock.now()))
