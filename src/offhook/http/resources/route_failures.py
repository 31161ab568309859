"""Turns an exception of a route into the API's error body."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from litestar.exceptions import HTTPException, ValidationException
from litestar.params import ParameterKwarg
from litestar.response import Response
from litestar.typing import FieldDefinition

from offhook.clock import Clock, new_id
from offhook.http import refusals
from offhook.http.edge.body import ClientGone
from offhook.http.refusals import Refused, refusal_answer
from offhook.http.resources.choices import in_words
from offhook.http.resources.params import AnyRequest
from offhook.session.ports.record import StoreUnavailable

log = logging.getLogger(__name__)

Handler = Callable[[AnyRequest, Any], Response[bytes]]

MAX_MESSAGE = 1000


class RouteFailures:
    """One handler for each kind of exception."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def handlers(self) -> dict[int | type[Exception], Handler]:
        """For the application's ``exception_handlers``."""
        return {
            Refused: lambda _, refused: self._response(refused),
            StoreUnavailable: lambda _, __: self._response(refusals.unavailable()),
            ClientGone: lambda _, __: self._response(Refused(refusals.BAD_REQUEST)),
            ValidationException: lambda request, error: self._response(
                Refused(refusals.INVALID, _explain(request, error))
            ),
            HTTPException: self._of_framework,
            Exception: self._internal_error,
        }

    def _of_framework(self, request: AnyRequest, error: HTTPException) -> Response[bytes]:
        if error.status_code >= 500:
            return self._internal_error(request, error)
        if error.status_code == 400:
            return self._response(Refused(refusals.INVALID_JSON))
        refusal = refusals.BY_STATUS.get(error.status_code, refusals.BAD_REQUEST)
        allow = (error.headers or {}).get("allow")
        offered = ", ".join(sorted({*(allow or "").split(", ")} - {"OPTIONS"}))
        headers = ((b"allow", offered.encode("ascii")),) if allow else ()
        return self._response(Refused(refusal, headers=headers))

    def _internal_error(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        error_id = new_id()
        log.error(
            "errorId %s: %s %s: internal error",
            error_id,
            request.method,
            request.scope["path"],
            exc_info=error,
        )
        return self._response(Refused(refusals.INTERNAL), error_id=error_id)

    def _response(self, refused: Refused, *, error_id: str | None = None) -> Response[bytes]:
        answer = refusal_answer(
            refused.refusal, self._clock.now(), refused.message, error_id=error_id
        )
        headers = {name.decode("ascii"): value.decode("ascii") for name, value in refused.headers}
        return Response(
            answer.body, status_code=answer.status, media_type="application/json", headers=headers
        )


def _explain(request: AnyRequest, error: ValidationException) -> str:
    """``limit: Expected `int` <= 200``: every parameter that is wrong, by its name on the wire."""
    extra = error.extra if isinstance(error.extra, list) else []
    declared = request.route_handler.parsed_fn_signature.parameters
    parts = []
    for each in extra:
        name = each.get("key", "body")
        text = each["message"]
        parameter = declared.get(name)
        if text == f"'{name}'":
            text = "is missing but it is required"
        elif parameter is not None:
            definition = parameter.kwarg_definition
            described = definition.description if isinstance(definition, ParameterKwarg) else None
            text = in_words(text, parameter.annotation, described=described)
        parts.append(f"{_wire_name(name, parameter)}: {text}")
    return "; ".join(parts)[:MAX_MESSAGE] or refusals.INVALID.message


def _wire_name(name: str, parameter: FieldDefinition | None) -> str:
    """``session_id`` is ``sessionId`` on the wire, or has a name of its own; the body has none."""
    if name == "data":
        return "body"
    definition = parameter.kwarg_definition if parameter is not None else None
    if isinstance(definition, ParameterKwarg) and definition.name:
        return definition.name
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)
