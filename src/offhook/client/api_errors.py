"""What the clients raise. All of it is an :class:`OffhookError`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from offhook.client.types import CallflowProblem


class OffhookError(Exception):
    """A request did not succeed. The text says why."""


class NoAnswer(OffhookError):
    """The server could not be reached, did not answer in time, or what answered is no Offhook."""


class RequestRefused(OffhookError):
    """The server refused the request, or failed."""

    def __init__(
        self,
        message: str,
        *,
        http_status: int,
        status_code: int,
        request_id: str | None = None,
        error_id: str | None = None,
        retry_after: float | None = None,
        problems: Sequence[CallflowProblem] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        """The server's text."""
        self.http_status = http_status
        self.status_code = status_code
        """The API's own code, such as -1014 (docs/codes); of most endpoints the HTTP status."""
        self.request_id = request_id
        """``X-Request-Id``; of a callflow its ``callFlowRequestId``."""
        self.error_id = error_id
        """Under which the server's log has the cause of a 500."""
        self.retry_after = retry_after
        """Seconds after which to ask again; None: the server said nothing."""
        self.problems = tuple(problems)
        """Of a callflow: all that is wrong with it, each with its path."""

    def __str__(self) -> str:
        return f"{self.message} (code {self.status_code}, HTTP {self.http_status})"


class RequestInvalid(RequestRefused):
    """Something in the request is not valid: HTTP 400, 413 or 422."""


class CallflowInvalid(RequestInvalid):
    """The callflow is not valid. ``problems`` tells everything that is wrong with it."""


class KeyNotAccepted(RequestRefused):
    """The API key is missing or wrong: HTTP 401."""


class KeyNotAllowed(RequestRefused):
    """The API key does not hold the scope: HTTP 403."""


class UnknownResource(RequestRefused):
    """There is no such resource, or not for this key: HTTP 404."""


class StateConflict(RequestRefused):
    """The state of the resource does not allow it, such as a session that has ended: HTTP 409."""


class TooMany(RequestRefused):
    """A limit or a budget is reached: HTTP 429. ``retry_after`` says when to ask again."""


class ServerFailed(RequestRefused):
    """The server failed, or is not ready: HTTP 5xx."""


_BY_STATUS: dict[int, type[RequestRefused]] = {
    400: RequestInvalid,
    401: KeyNotAccepted,
    403: KeyNotAllowed,
    404: UnknownResource,
    409: StateConflict,
    413: RequestInvalid,
    422: RequestInvalid,
    429: TooMany,
}


class _RefusalBody(msgspec.Struct, rename="camel"):
    """What the bodies of all refusals share."""

    status_code: int
    status_message: str
    error_id: str | None = None
    call_flow_request_id: str | None = None
    errors: list[CallflowProblem] = []


def refusal(
    http_status: int, body: bytes, request_id: str | None, retry_after: float | None
) -> OffhookError:
    """The exception for an answer that is not 2xx."""
    try:
        said = msgspec.json.decode(body, type=_RefusalBody)
    except msgspec.MsgspecError:
        said = _said_otherwise(http_status, body)
    kind = _BY_STATUS.get(http_status, ServerFailed if http_status >= 500 else RequestRefused)
    if kind is RequestInvalid and said.errors:
        kind = CallflowInvalid
    return kind(
        said.status_message,
        http_status=http_status,
        status_code=said.status_code,
        request_id=said.call_flow_request_id or request_id,
        error_id=said.error_id,
        retry_after=retry_after,
        problems=said.errors,
    )


def _said_otherwise(http_status: int, body: bytes) -> _RefusalBody:
    """Of readiness (``status``), of a vendor's form (``message``), or of a proxy in between."""
    try:
        members: object = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        members = None
    text = ""
    if isinstance(members, dict):
        text = str(members.get("message") or members.get("status") or "")
    return _RefusalBody(status_code=http_status, status_message=text or f"HTTP {http_status}")
