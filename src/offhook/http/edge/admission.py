"""The outermost application: what every request passes before its body is read.

Each request gets an id (``X-Request-Id``), is counted and timed, and under a sub-account's path is
authenticated (401), matched with its sub-account (404) and rate-limited (429), in that order
(``spec/status-codes.md``, "Order of judgement"). The callflow endpoints, whose answers and speed are
the contract, are served from here; all others by the routes behind.
"""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import datetime
from typing import NamedTuple

from offhook.clock import new_id
from offhook.codes import StatusCode
from offhook.http import callflow_answers as answers
from offhook.http import refusals as problems
from offhook.http.asgi import Answer, AsgiApp, Message, Receive, Scope, Send, send_answer
from offhook.http.deps import Deps
from offhook.http.edge.access import SUB_ACCOUNT_ID, Caller, bearer_key
from offhook.http.edge.addresses import Addresses
from offhook.http.edge.body import ClientGone
from offhook.http.edge.key_use import KeyUse
from offhook.http.edge.rate_limits import RateLimiter
from offhook.http.http_metrics import HttpMetrics
from offhook.http.resources import code_pages
from offhook.http.resources.callflows import CallflowEndpoints, CallflowRequest

log = logging.getLogger(__name__)

API_PREFIX = "/api/v1/subaccounts/"
ADMIN_PREFIX = "/admin/v1"
RESOURCES = frozenset(
    {
        "calls",
        "callflows",
        "numbers",
        "requests",
        "scenarios",
        "sessions",
        "speech-profiles",
        "webhooks",
    }
)
PAGES = frozenset({"/docs", "/healthz", "/metrics", "/openapi.json", "/readyz"})
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
CHALLENGE = (b"www-authenticate", b"Bearer")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


class Picked(NamedTuple):
    """The headers that matter before the routes."""

    authorization: bytes | None
    own_id: str
    """Our id of the request: ``callFlowRequestId`` of a callflow endpoint's answer."""
    echoed_id: bytes
    """``X-Request-Id`` of the answer: the client's, or ours where it sent none fit to be echoed."""


def pick(scope: Scope) -> Picked:
    """Read them in one pass."""
    authorization: bytes | None = None
    echoed_id: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
        elif name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            echoed_id = value
    own_id = new_id()
    return Picked(authorization, own_id, echoed_id or own_id.encode("ascii"))


class Refusal(NamedTuple):
    """Why a request goes no further."""

    code: StatusCode
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Edge:
    """See the module's text."""

    def __init__(
        self,
        deps: Deps,
        routes: AsgiApp,
        callflows: CallflowEndpoints,
        metrics: HttpMetrics,
        key_use: KeyUse,
    ) -> None:
        self._deps = deps
        self._routes = routes
        self._callflows = callflows
        self._metrics = metrics
        self._key_use = key_use
        self._by_sub_account = RateLimiter(deps.limits.sub_account_rate)
        self._by_address = RateLimiter(deps.limits.address_rate)
        self._addresses = Addresses(deps.config.http.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope of the ASGI server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._key_use.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._key_use.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self._deps.clock.monotonic()
        picked = pick(scope)
        if scope["method"] == "OPTIONS":
            scope["method"] = "TRACE"  # we offer neither; the routes' own OPTIONS misname methods
        path: str = scope["path"]
        request_id = (b"x-request-id", picked.echoed_id)
        status = 0

        async def marked_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), request_id]
            await send(message)

        try:
            if path.startswith(API_PREFIX):
                route = await self._sub_account(scope, picked, receive, marked_send)
            elif path == ADMIN_PREFIX or path.startswith(ADMIN_PREFIX + "/"):
                route = ADMIN_PREFIX
                await self._admin(scope, picked, receive, marked_send)
            elif path in PAGES or path in code_pages.PATHS:
                route = path
                page = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
                await self._routes(page, receive, marked_send)
            else:
                route = "unknown"
                await send_answer(
                    marked_send, problems.problem_answer(problems.NOT_FOUND, self._now())
                )
        except ClientGone:
            return
        except asyncio.CancelledError:  # the server stops and this request outlived its grace
            if status:
                raise
            route = "unknown"
            closing = (problems.retry_after(problems.RETRY_SECONDS), (b"connection", b"close"))
            await send_answer(
                marked_send,
                problems.problem_answer(problems.UNAVAILABLE, self._now(), headers=closing),
            )
        except Exception:
            log.exception("request %s failed", picked.own_id)
            if status:
                raise
            route = "unknown"
            await send_answer(marked_send, problems.problem_answer(problems.INTERNAL, self._now()))
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.answered(route, method, status, self._deps.clock.monotonic() - started)

    async def _sub_account(self, scope: Scope, picked: Picked, receive: Receive, send: Send) -> str:
        """Serve a request below a sub-account; returns the route's name for the figures."""
        path: str = scope["path"]
        sub_account_id, _, rest = path[len(API_PREFIX) :].partition("/")
        resource = rest.partition("/")[0]
        admitted = self._admit(sub_account_id, scope, picked)
        endpoint = self._callflows.endpoint(rest)
        if isinstance(admitted, Refusal):
            await send_answer(
                send, self._refuse(admitted, sub_account_id, picked, callflow=endpoint is not None)
            )
        elif endpoint is None:
            scope["state"] = {"caller": admitted}
            await self._routes(scope, receive, send)
        elif scope["method"] != "POST":
            allow = ((b"allow", b"POST"),)
            kind = problems.METHOD_NOT_ALLOWED
            await send_answer(send, problems.problem_answer(kind, self._now(), headers=allow))
        else:
            request = CallflowRequest(picked.own_id, admitted, scope["headers"], receive)
            await send_answer(send, await endpoint(request))
        return API_PREFIX + "{subAccountId}/" + (resource if resource in RESOURCES else "unknown")

    def _admit(self, sub_account_id: str, scope: Scope, picked: Picked) -> Caller | Refusal:
        """401, 404, 429: without touching the body, and in the same time whatever exists."""
        now = self._deps.clock.monotonic()
        wait = self._by_address.take(self._addresses.of(scope), now)
        key = bearer_key(picked.authorization)
        grant = self._deps.directory.authenticate(key) if key is not None else None
        if grant is None:
            return Refusal(StatusCode.UNAUTHORIZED, (CHALLENGE,))
        sub_account = (
            self._deps.directory.sub_account(sub_account_id)
            if SUB_ACCOUNT_ID.fullmatch(sub_account_id)
            else None
        )
        if sub_account is None or not grant.opens(sub_account):
            return Refusal(StatusCode.SUB_ACCOUNT_NOT_FOUND)
        wait = max(wait, self._by_sub_account.take(sub_account_id, now))
        if wait > 0:
            return Refusal(StatusCode.TOO_MANY_REQUESTS, (problems.retry_after(wait),))
        self._key_use.used(grant.key_id)
        return Caller(grant, sub_account)

    def _refuse(
        self, refusal: Refusal, sub_account_id: str, picked: Picked, *, callflow: bool
    ) -> Answer:
        code = refusal.code
        if callflow:
            return answers.refused(
                picked.own_id, code, sub_account_id=sub_account_id, headers=refusal.headers
            )
        message = code.message
        if code is StatusCode.SUB_ACCOUNT_NOT_FOUND:
            message += sub_account_id
        kind = problems.Kind(code.http_status, code, message)
        return problems.problem_answer(kind, self._now(), headers=refusal.headers)

    async def _admin(self, scope: Scope, picked: Picked, receive: Receive, send: Send) -> None:
        """The operator's own API: absent unless keys for it are configured."""
        wait = self._by_address.take(self._addresses.of(scope), self._deps.clock.monotonic())
        key = bearer_key(picked.authorization)
        if key is None or not self._deps.directory.is_admin(key):
            exists = bool(self._deps.config.admin.api_keys)
            refusal = problems.problem_answer(
                problems.UNAUTHORIZED if exists else problems.NOT_FOUND,
                self._now(),
                headers=(CHALLENGE,) if exists else (),
            )
        elif wait > 0:
            refusal = problems.problem_answer(
                problems.TOO_MANY, self._now(), headers=(problems.retry_after(wait),)
            )
        else:
            await self._routes(scope, receive, send)
            return
        await send_answer(send, refusal)

    def _now(self) -> datetime:
        return self._deps.clock.now()
