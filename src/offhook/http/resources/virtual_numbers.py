"""``/numbers``: the sub-account's virtual numbers."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import PathParameter

from offhook.clock import iso_milliseconds
from offhook.flow.numbers import country_of
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller, Scope
from offhook.http.refusals import NOT_FOUND, Refused
from offhook.http.resources.params import needs
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.tenancy import VirtualNumber


class NumberHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether calls to and from the number can work."""

    is_healthy: bool
    status: str


class NumberView(View, frozen=True, kw_only=True):
    """One virtual number."""

    msisdn: str
    country_code: str | None = None
    operational_status: str
    """``Active`` or ``Inactive``."""
    reference_id: str | None = None
    number_health: NumberHealth


class NumberList(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All of them."""

    total_numbers: int
    numbers: list[NumberView]
    status_code: int
    status_message: str


class NumberPayload(View, frozen=True, kw_only=True):
    """What a single look-up tells."""

    reference_id: str | None = None
    msisdn: str
    country_code: str | None = None


class NumberAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One number."""

    status_code: int
    status_message: str
    timestamp: str
    payload: NumberPayload


@get(
    "/",
    operation_id="listNumbers",
    summary="List the virtual numbers",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def list_numbers(caller: NamedDependency[Caller]) -> NumberList:
    """The numbers of the sub-account with status and health."""
    numbers = caller.sub_account.numbers
    return NumberList(
        total_numbers=len(numbers),
        numbers=[_view(number) for number in numbers],
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
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    msisdn: Annotated[
        str,
        PathParameter(name="number", max_length=20, description="With or without the leading plus"),
    ],
) -> NumberAnswer:
    """404 for a number that is not the sub-account's."""
    wanted = "+" + msisdn.removeprefix("+")
    for number in caller.sub_account.numbers:
        if number.msisdn == wanted:
            return NumberAnswer(
                status_code=OK_CODE,
                status_message=OK_MESSAGE,
                timestamp=iso_milliseconds(deps.clock.now()),
                payload=NumberPayload(
                    reference_id=number.reference_id,
                    msisdn=number.msisdn,
                    country_code=country_of(number.msisdn),
                ),
            )
    raise Refused(NOT_FOUND, "Number not found")


def _view(number: VirtualNumber) -> NumberView:
    return NumberView(
        msisdn=number.msisdn,
        country_code=country_of(number.msisdn),
        operational_status="Active" if number.active else "Inactive",
        reference_id=number.reference_id,
        number_health=NumberHealth(
            is_healthy=number.active, status="HEALTHY" if number.active else "INACTIVE"
        ),
    )


router = Router("/numbers", route_handlers=[list_numbers, get_number], tags=["Numbers"])
