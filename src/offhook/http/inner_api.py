"""The API without a socket, for the console: the same resources, behind the same rights."""

from __future__ import annotations

from typing import final
from urllib.parse import quote

from offhook.clock import new_id
from offhook.http import refusals
from offhook.http.asgi import AsgiApp, HttpAnswer, Message, Scope
from offhook.http.deps import Deps
from offhook.http.edge.access import SUB_ACCOUNT_ID, Caller
from offhook.http.edge.paths import Area, place_of
from offhook.http.edge.request_context import RequestContext, attach
from offhook.http.refusals import refusal_answer
from offhook.session.ports.api_door import ApiDoor, ApiReply
from offhook.session.tenancy import KeyGrant

OPERATOR = "operator"
"""The id that stands for an operator's key, below a sub-account."""


@final
class InnerApi(ApiDoor):
    """Stands where the admission stands for requests from outside."""

    def __init__(self, app: AsgiApp, deps: Deps) -> None:
        self._app = app
        self._deps = deps

    async def ask(
        self, grant: KeyGrant | None, method: str, path: str, *, query: str = "", body: bytes = b""
    ) -> ApiReply:
        context = RequestContext(new_id(), place_of(path), None)
        refused = self._let_in(context, grant)
        if refused is not None:
            return _reply_of(refused)
        scope = _scope(method, path, query, body)
        attach(scope, context)
        answer = _InnerAnswer(body)
        with context.held:
            await self._app(scope, answer.receive, answer.send)
        return answer.reply()

    def _let_in(self, context: RequestContext, grant: KeyGrant | None) -> HttpAnswer | None:
        """Set the caller of a request; or why it is refused."""
        now = self._deps.clock.now()
        if context.place.area is Area.ADMIN:
            return None if grant is None else refusal_answer(refusals.FORBIDDEN, now)
        if context.place.area is not Area.SUB_ACCOUNT:
            return refusal_answer(refusals.NOT_FOUND, now)
        wanted = context.place.sub_account_id
        found = (
            self._deps.directory.sub_account(wanted) if SUB_ACCOUNT_ID.fullmatch(wanted) else None
        )
        if found is not None and grant is None:
            grant = KeyGrant(key_id=OPERATOR, account_id=found.account_id)
        if found is None or grant is None or not grant.opens(found):
            refusal = refusals.SUB_ACCOUNT_NOT_FOUND
            return refusal_answer(refusal, now, refusal.message + wanted)
        context.caller = Caller(grant, found)
        return None


class _InnerAnswer:
    """Gives a request's body, and collects the answer."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._status = 500
        self._type = ""
        self._pieces: list[bytes] = []

    async def receive(self) -> Message:
        """The body, once."""
        body, self._body = self._body, None
        if body is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Keep a part of the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = {bytes(name).lower(): bytes(value) for name, value in message["headers"]}
            self._type = headers.get(b"content-type", b"").decode("latin-1")
        else:
            self._pieces.append(message.get("body", b""))

    def reply(self) -> ApiReply:
        """The whole answer."""
        return ApiReply(self._status, self._type, b"".join(self._pieces))


def _reply_of(answer: HttpAnswer) -> ApiReply:
    return ApiReply(answer.status, answer.content_type[1].decode(), answer.body)


def _scope(method: str, path: str, query: str, body: bytes) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"console"),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ],
        "client": ("127.0.0.1", 0),
        "server": ("console", 80),
        "state": {},
    }
