"""``/webhooks/{type}/deliveries``: list deliveries with their attempts, and send one again."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import INVALID, NOT_FOUND, Refused
from offhook.http.resources.params import needs, page_of
from offhook.http.resources.session_views import (
    OK_CODE,
    OK_MESSAGE,
    DeliveryView,
    View,
    delivery_view,
)
from offhook.session.ports.record import DeliveryState, OutboxType
from offhook.session.scopes import Scope
from offhook.session.tenancy import WebhookType

GIVE_UP_AFTER = timedelta(hours=24)
"""How long a redelivery is tried (``spec/webhooks.md``)."""


class ListedState(StrEnum):
    """Which deliveries are listed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


Type = Annotated[WebhookType, PathParameter(name="type")]


class DeliveryList(View, frozen=True, kw_only=True):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryView]
    """Each with its attempts and the payload as sent."""
    next_cursor: str | None = None
    status_code: int
    status_message: str


class Redelivered(View, frozen=True, kw_only=True):
    """A delivery that is due again."""

    delivery_id: str
    status_code: int
    status_message: str


@get(
    "/",
    operation_id="listDeliveries",
    summary="List the deliveries of a webhook type, newest first",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def list_deliveries(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    type_: Type,
    listed: Annotated[ListedState | None, QueryParameter(name="state")] = None,
    cursor: Annotated[str | None, QueryParameter(max_length=200)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> DeliveryList:
    """A page of what was sent and what came back. `state=dead`: those that were given up."""
    if type_ is WebhookType.VCA:
        raise Refused(INVALID, "type: a VCA is asked and answers at once; it has no deliveries")
    deliveries, next_cursor = await page_of(
        deps.store.deliveries_of_type(
            caller.sub_account.sub_account_id,
            OutboxType(type_),
            state=None if listed is None else DeliveryState(listed),
            cursor=cursor,
            limit=limit,
        )
    )
    return DeliveryList(
        deliveries=[delivery_view(delivery, caller.sub_account) for delivery in deliveries],
        next_cursor=next_cursor,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@post(
    "/{deliveryId:str}/redeliver",
    status_code=202,
    operation_id="redeliver",
    summary="Send a delivery again, whatever became of it",
    guards=[needs(Scope.SESSIONS_WRITE)],
)
async def redeliver(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    type_: Type,
    delivery_id: Annotated[str, PathParameter(name="deliveryId", max_length=64)],
) -> Redelivered:
    """404 for one that does not exist or is still being tried."""
    now = deps.clock.now()
    sub_account_id = caller.sub_account.sub_account_id
    if not await deps.store.redeliver(sub_account_id, delivery_id, now, now + GIVE_UP_AFTER):
        raise Refused(NOT_FOUND, "No finished delivery of this id")
    deps.fabric.publish("outbox")
    return Redelivered(delivery_id=delivery_id, status_code=OK_CODE, status_message=OK_MESSAGE)


router = Router(
    "/webhooks/{type:str}/deliveries",
    route_handlers=[list_deliveries, redeliver],
    tags=["Webhooks"],
)
