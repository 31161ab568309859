"""``/requests``: what was asked and what was answered."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import PathParameter

from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import NOT_FOUND, Refused
from offhook.http.resources.params import needs
from offhook.http.resources.session_views import RequestAnswer, request_answer
from offhook.session.scopes import Scope


@get(
    "/{callFlowRequestId:str}",
    operation_id="getRequest",
    summary="Show a callflow request and its answer, rejected ones included",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def get_request(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    request_id: Annotated[str, PathParameter(name="callFlowRequestId", max_length=64)],
) -> RequestAnswer:
    """Kept 30 days."""
    record = await deps.store.request(caller.sub_account.sub_account_id, request_id)
    if record is None:
        raise Refused(NOT_FOUND, "Request not found")
    return request_answer(record)


router = Router("/requests", route_handlers=[get_request], tags=["Requests"])
