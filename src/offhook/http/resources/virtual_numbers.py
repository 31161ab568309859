"""``/numbers``: the sub-account's virtual numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import PathParameter

from offhook.clock import iso_milliseconds
from offhook.flow.numbers import source_number
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import INVALID, NOT_FOUND, Refused
from offhook.http.resources.base_url import base_url
from offhook.http.resources.params import AnyRequest, needs
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View, iso_or_none
from offhook.session.number_states import (
    HealthStatus,
    NumberHealth,
    OperationalStatus,
)
from offhook.session.ports.number_records import NumberState
from offhook.session.ports.operating import TrunkState
from offhook.session.scopes import Scope
from offhook.session.tenancy import SubAccount, VirtualNumber
from offhook.session.trunk_views import known_trunks


class HealthView(View, frozen=True, kw_only=True):
    """Whether calls to and from the number can work."""

    is_healthy: bool
    status: HealthStatus
    """Why."""
    last_checked_time: str | None = None
    """When its trunk last answered or failed to, or the last test call was; absent: never."""


class NumberView(View, frozen=True, kw_only=True):
    """One virtual number."""

    msisdn: str
    """E.164 with `+`."""
    date_created: str
    """When it was assigned to the sub-account."""
    date_updated: str
    """When something about it changed last."""
    country_code: str | None = None
    """ISO 3166-1 alpha-2; absent: it belongs to no country."""
    operational_status: OperationalStatus
    """`Active`, `Expiring` (within 30 days) or `Inactive`; `numberHealth` tells whether it works."""
    reference_id: str | None = None
    rental_price: float
    """For a month."""
    incoming_rate: float
    """For a minute of a call to it."""
    billing_unit: int
    """Seconds in which calls to it are billed."""
    billing_currency: str
    uri: str
    """Where this number is."""
    number_type: str
    """`FIXED_LINE`, `MOBILE`, `TOLL_FREE` …"""
    number_health_check_enabled: bool
    number_health: HealthView


class NumberList(View, frozen=True, kw_only=True):
    """All of them."""

    total_numbers: int
    last_updated_at: str | None = None
    """The latest `dateUpdated`; absent: there are no numbers."""
    numbers: list[NumberView]
    status_code: int
    status_message: str


class NumberAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One number."""

    status_code: int
    status_message: str
    timestamp: str
    payload: NumberView


@get(
    "/",
    operation_id="listNumbers",
    summary="List the virtual numbers",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def list_numbers(
    request: AnyRequest, deps: NamedDependency[Deps], caller: NamedDependency[Caller]
) -> NumberList:
    """The numbers of the sub-account with prices, status and health."""
    numbers = await _views(request, deps, caller.sub_account, caller.sub_account.numbers)
    return NumberList(
        total_numbers=len(numbers),
        last_updated_at=max((each.date_updated for each in numbers), default=None),
        numbers=numbers,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(
    "/{number:str}",
    operation_id="getNumber",
    summary="Check one virtual number",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def get_number(
    request: AnyRequest,
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    number: Annotated[
        str,
        PathParameter(
            name="number", max_length=64, description="With its country code, in any spelling"
        ),
    ],
) -> NumberAnswer:
    """404 for a number that is not the sub-account's."""
    wanted = source_number(number)
    if wanted is None:
        raise Refused(INVALID, "number: must be one phone number with its country code")
    found = [each for each in caller.sub_account.numbers if each.msisdn == wanted]
    if not found:
        raise Refused(NOT_FOUND, "Number not found")
    (view,) = await _views(request, deps, caller.sub_account, found)
    return NumberAnswer(
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
        timestamp=iso_milliseconds(deps.clock.now()),
        payload=view,
    )


async def _views(
    request: AnyRequest, deps: Deps, owner: SubAccount, numbers: Iterable[VirtualNumber]
) -> list[NumberView]:
    known = await deps.store.number_states(owner.sub_account_id)
    states = {state.msisdn: state for state in known}
    trunks = await known_trunks(deps.store, deps.clock.now())
    base = f"{base_url(request, deps)}/api/v1/subaccounts/{owner.sub_account_id}/numbers"
    return [
        NumberView(
            uri=f"{base}/{number.msisdn.removeprefix('+')}",
            **_members(deps, owner, number, states.get(number.msisdn), trunks),
        )
        for number in numbers
    ]


def _members(
    deps: Deps,
    owner: SubAccount,
    number: VirtualNumber,
    state: NumberState | None,
    trunks: Mapping[str, TrunkState],
) -> dict[str, Any]:
    """All but the ``uri``. A number that was assigned a moment ago has no ``state`` yet."""
    now = deps.clock.now()
    test = state.test if state is not None else None
    health = deps.numbers.health(owner, number, trunks, test)
    facts = deps.numbers.facts(owner, number, _well(health), now)
    return {
        "msisdn": number.msisdn,
        "date_created": iso_milliseconds(now if state is None else state.created_at),
        "date_updated": iso_milliseconds(now if state is None else state.updated_at),
        "country_code": facts.country_code,
        "operational_status": facts.operational_status,
        "reference_id": facts.reference_id,
        "rental_price": float(facts.rental_price),
        "incoming_rate": float(facts.incoming_rate),
        "billing_unit": facts.billing_unit,
        "billing_currency": facts.billing_currency,
        "number_type": facts.number_type,
        "number_health_check_enabled": facts.health_check_enabled,
        "number_health": HealthView(
            is_healthy=health.status.is_healthy,
            status=health.status,
            last_checked_time=iso_or_none(health.checked_at),
        ),
    }


def _well(health: NumberHealth) -> NumberHealth:
    """The vendor's ``operationalStatus`` here does not know ``Unhealthy``: ``numberHealth`` says it."""
    return msgspec.structs.replace(health, status=HealthStatus.HEALTHY)


router = Router("/numbers", route_handlers=[list_numbers, get_number], tags=["Numbers"])
