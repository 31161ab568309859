"""Members that the answers of both ``/calls`` paths have besides those of ``/callflows``.

``spec/status-codes.md``, "v1.1 requests". They are read from valid and invalid bodies, as far as the body
can be read.
"""

from __future__ import annotations

from typing import NamedTuple

from offhook.flow import jsontext, shape
from offhook.flow.actions import Callflow, MakeCall
from offhook.flow.numbers import destination_number, names_several
from offhook.flow.problems import Mode


class CallMembers(NamedTuple):
    """The members that come from the request."""

    destination: str | None = None
    """The first makeCall's (in a v1.1 request the implied one's), E.164 with ``+``; None: it could
    not be read."""
    client_request_id: str | None = None
    """As given; None: absent or invalid."""

    def of_accepted(self, callflow: Callflow) -> CallMembers:
        """The members with the number that an accepted callflow calls: a scenario's template may contain
        it."""
        calls = [each for each in callflow.actions if isinstance(each, MakeCall)]
        return self._replace(destination=calls[0].destination) if calls else self


def read(body: bytes) -> CallMembers:
    """Read them from a request body. Never raises for anything in ``body``."""
    try:
        value = jsontext.decode(body)
    except jsontext.InvalidJson:
        return NOTHING_READ
    if not isinstance(value, dict):
        return NOTHING_READ
    request = shape.read(value, Mode.SUBMITTED, [])
    calls = [
        draft
        for draft in request.drafts
        if draft.is_a("makeCall") or (request.legacy and draft.index == 0)
    ]
    text = calls[0].text("destination") if calls else None
    readable = text is not None and not names_several(text)
    return CallMembers(
        destination=destination_number(text) if text is not None and readable else None,
        client_request_id=request.client_request_id,
    )


NOTHING_READ = CallMembers()
"""The members of a body that was not read, or could not be read."""
