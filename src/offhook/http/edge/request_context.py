"""What the layers of the edge know of a request, handed on in the scope."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from offhook.http.asgi import Scope
from offhook.http.edge.access import Caller
from offhook.http.edge.paths import ResourcePlace

_KEY = "offhook.request"


@dataclass(slots=True)
class RequestContext:
    """One request; each layer fills in what it finds out."""

    request_id: str
    """Our id of the request: ``callFlowRequestId`` of a callflow endpoint's answer."""
    place: ResourcePlace
    authorization: bytes | None
    """The header, as received."""
    caller: Caller | None = None
    """Who asks; None outside the sub-accounts and before the admission."""
    address: str = ""
    """Where it comes from, as :class:`~offhook.http.edge.addresses.Addresses` tells it."""
    held: ExitStack = field(default_factory=ExitStack)
    """What the request holds until its answer has ended, such as its place among the streams."""


def attach(scope: Scope, context: RequestContext) -> None:
    """Hand ``context`` on to the layers behind."""
    scope[_KEY] = context


def context_of(scope: Mapping[str, Any]) -> RequestContext:
    """The request's context, which the outermost layer has made."""
    context: RequestContext = scope[_KEY]
    return context
