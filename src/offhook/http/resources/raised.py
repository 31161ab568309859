"""Turns whatever a route raises into the API's error body."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from litestar.exceptions import HTTPException, ValidationException
from litestar.response import Response

from offhook.clock import Clock, new_id
from offhook.http import refusals as problems
from offhook.http.asgi import Answer, Headers
from offhook.http.edge.body import ClientGone
from offhook.http.refusals import Problem
from offhook.http.resources.params import AnyRequest
from offhook.session.ports.record import StoreUnavailable

log = logging.getLogger(__name__)

Handler = Callable[[AnyRequest, Any], Response[bytes]]

MAX_MESSAGE = 1000


class ErrorPages:
    """One handler for each kind of exception."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def handlers(self) -> dict[int | type[Exception], Handler]:
        """For the application's ``exception_handlers``."""
        return {
            Problem: self._problem,
            StoreUnavailable: self._unavailable,
            ClientGone: self._nobody_there,
            ValidationException: self._invalid,
            HTTPException: self._http,
            Exception: self._bug,
        }

    def _problem(self, _: AnyRequest, error: Problem) -> Response[bytes]:
        return self._response(error.kind, error.message, headers=error.headers)

    def _unavailable(self, _: AnyRequest, error: StoreUnavailable) -> Response[bytes]:
        retry = problems.retry_after(problems.RETRY_SECONDS)
        return self._response(problems.UNAVAILABLE, headers=(retry,))

    def _nobody_there(self, _: AnyRequest, error: ClientGone) -> Response[bytes]:
        return self._response(problems.BAD_REQUEST)

    def _invalid(self, _: AnyRequest, error: ValidationException) -> Response[bytes]:
        return self._response(problems.INVALID, _explain(error))

    def _http(self, request: AnyRequest, error: HTTPException) -> Response[bytes]:
        if error.status_code >= 500:
            return self._bug(request, error)
        if error.status_code == 400:
            return self._response(problems.INVALID_JSON)
        kind = problems.BY_STATUS.get(error.status_code, problems.BAD_REQUEST)
        allow = (error.headers or {}).get("allow")
        offered = ", ".join(sorted({*(allow or "").split(", ")} - {"OPTIONS"}))
        headers = ((b"allow", offered.encode("ascii")),) if allow else ()
        return self._response(kind, headers=headers)

    def _bug(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        error_id = new_id()
        log.error(
            "errorId %s: %s %s failed",
            error_id,
            request.method,
            request.scope["path"],
            exc_info=error,
        )
        return self._response(problems.INTERNAL, error_id=error_id)

    def _response(
        self,
        kind: problems.Kind,
        message: str | None = None,
        *,
        error_id: str | None = None,
        headers: Headers = (),
    ) -> Response[bytes]:
        answer: Answer = problems.problem_answer(
            kind, self._clock.now(), message=message, error_id=error_id
        )
        return Response(
            answer.body,
            status_code=answer.status,
            media_type="application/json",
            headers={name.decode("ascii"): value.decode("ascii") for name, value in headers},
        )


def _explain(error: ValidationException) -> str:
    """``limit: Expected `int` <= 200``: every parameter that is wrong, by its name on the wire."""
    extra = error.extra if isinstance(error.extra, list) else []
    parts = []
    for each in extra:
        name = each.get("key", "body")
        text = each["message"]
        if text == f"'{name}'":
            text = "is missing but it is required"
        parts.append(f"{_wire_name(name)}: {text}")
    return "; ".join(parts)[:MAX_MESSAGE] or problems.INVALID.message


def _wire_name(name: str) -> str:
    """``session_id`` is ``sessionId`` on the wire, and the body has no name there."""
    if name == "data":
        return "body"
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)
