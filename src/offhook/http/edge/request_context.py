"""The facts about a request that the layers of the edge pass on in the scope."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from offhook.http.asgi import Scope
from offhook.http.edge.access import Caller
from offhook.http.edge.paths import ResourcePlace

_KEY = "offhook.request"


@dataclass(slots=True)
class RequestContext:
    """One request; each layer sets its own fields."""

    request_id: str
    """Our id of the request: ``callFlowRequestId`` of a callflow endpoint's answer."""
    place: ResourcePlace
    authorization: bytes | None
    """The header, as received."""
    caller: Caller | None = None
    """The caller; None outside the sub-accounts and before the admission."""
    address: str = ""
    """The source address (:class:`~offhook.http.edge.addresses.Addresses`)."""
    status: int = 0
    """The status of the answer once it has begun; 0 before."""
    held: ExitStack = field(default_factory=ExitStack)
    """What the request holds until its answer has ended, such as its place among the streams."""


def attach(scope: Scope, context: RequestContext) -> None:
    """Pass ``context`` on to the inner layers."""
    scope[_KEY] = context


def context_of(scope: Mapping[str, object]) -> RequestContext:
    """The request's context, which the outermost layer has made."""
    context = scope[_KEY]
    assert isinstance(context, RequestContext)
    return context
