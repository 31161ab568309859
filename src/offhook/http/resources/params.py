"""Parameters that several routes share."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from litestar.connection import ASGIConnection, Request
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter

from offhook.flow.numbers import destination_number
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.edge.request_context import context_of
from offhook.http.refusals import FORBIDDEN, INVALID, UNAUTHORIZED, ErrorBody, Refused
from offhook.session.scopes import Scope

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]

Cursor = Annotated[
    str | None, QueryParameter(max_length=200, description="`nextCursor` of the page before")
]
PageSize = Annotated[int, QueryParameter(ge=1, le=200)]

CONFLICTS: dict[int, ResponseSpec] = {
    409: ResponseSpec(
        ErrorBody,
        generate_examples=False,
        description="It cannot be changed so; the message says why",
    )
}
"""For the ``responses`` of a route that may answer 409."""


async def page_of(finding: Awaitable[T]) -> T:
    """A page that the store finds. Raises a 422 :class:`.Refused` for a cursor that it did not make."""
    try:
        return await finding
    except ValueError as error:
        raise Refused(INVALID, f"cursor: {error}") from None


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """The caller that the edge has authenticated."""
    caller = context_of(connection.scope).caller
    if caller is None:
        raise Refused(UNAUTHORIZED)
    return caller


def phone_number(number: str) -> str:
    """``number`` as E.164 with ``+``. Raises a 422 :class:`.Refused` for what is no number of a phone."""
    found = destination_number(number)
    if found is None:
        raise Refused(INVALID, "number: must be one phone number with its country code")
    return found


def always(value: object) -> Provide:
    """A dependency with the same value for every request."""
    return Provide(lambda: value, sync_to_thread=False)


def needs(scope: Scope) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """A guard: the key's scopes must include ``scope``."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if not caller_of(connection).may(scope):
            raise Refused(FORBIDDEN, f"{FORBIDDEN.message}: the key lacks {scope}")

    return guard


_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(name: str, text: str | None, now: datetime) -> datetime | None:
    """A time from a client: ISO 8601, UTC when it has no offset; or a duration before now (``1h``, ``2d``).

    Raises a 422 :class:`.Refused`.
    """
    if text is None:
        return None
    try:
        if (ago := _AGO.fullmatch(text)) is not None:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        parsed = datetime.fromisoformat(text.replace(" ", "+"))
        if parsed.tzinfo is None:
            return parsed.replace(tzinfo=UTC)
        return parsed.astimezone(UTC)
    except OverflowError:
        raise Refused(INVALID, f"{name}: is outside the calendar") from None
    except ValueError:
        expected = "an ISO 8601 date or date-time, or a time ago such as 1h or 2d"
        raise Refused(INVALID, f"{name}: must be {expected}") from None


async def tenancy_changed(deps: Deps) -> None:
    """Tell all processes, this one included, that accounts, keys, webhooks or scenarios have changed."""
    await deps.directory.refresh()
    deps.fabric.publish("tenancy")
