"""The filters of the lists of sessions: the customer's and the operator's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar.params import QueryParameter

from offhook.codes import SessionStatus
from offhook.flow.context import WITHHELD_SOURCES
from offhook.flow.numbers import source_number
from offhook.http.refusals import INVALID, Refused
from offhook.http.resources.params import parse_time
from offhook.session.ports.record import SessionFilter

# The parameters of the list. Times are ISO 8601, or so long ago.
Status = Annotated[SessionStatus | None, QueryParameter(description="Only sessions in this status")]
Number = Annotated[
    str | None,
    QueryParameter(max_length=64, description="Source or destination of any call of the session"),
]
Since = Annotated[
    str | None,
    QueryParameter(
        max_length=64,
        description="Created at or after this time: ISO 8601, or so long ago (`1h`, `2d`)",
    ),
]
Until = Annotated[
    str | None,
    QueryParameter(
        max_length=64, description="Created before this time: ISO 8601, or so long ago (`1h`, `2d`)"
    ),
]
ClientRequestId = Annotated[
    str | None,
    QueryParameter(
        name="clientRequestId", max_length=255, description="The request's own `clientRequestId`"
    ),
]
ClientBatchId = Annotated[
    str | None,
    QueryParameter(
        name="clientBatchId", max_length=255, description="The request's own `clientBatchId`"
    ),
]
SipCode = Annotated[
    int | None,
    QueryParameter(
        name="sipCode", ge=100, le=699, description="SIP status of any call of the session"
    ),
]
Cursor = Annotated[
    str | None, QueryParameter(max_length=200, description="`nextCursor` of the page before")
]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]


def number_wanted(text: str | None) -> str | None:
    """A number of a query as sessions keep it. A plus that was sent as it is reads as a blank."""
    if text is None or text in WITHHELD_SOURCES:
        return text
    number = source_number(text)
    if number is None:
        raise Refused(INVALID, "number: must be a phone number such as +6512341234")
    return number


def within(
    chosen: SessionFilter, since: str | None, until: str | None, now: datetime
) -> SessionFilter:
    """The filter with its times. Raises :class:`.Refused` where one cannot be read."""
    return msgspec.structs.replace(
        chosen, since=parse_time("since", since, now), until=parse_time("until", until, now)
    )
