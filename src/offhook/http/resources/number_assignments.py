"""``/admin/v1/subaccounts/{subAccountId}/numbers``: which numbers a sub-account has.

A number of the configuration file is the file's; any other can be given to any sub-account, also to one of
the file.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from offhook.http.deps import Deps
from offhook.http.refusals import CONFLICT, NOT_FOUND, Refused
from offhook.http.resources.number_bodies import NumberBody, NumberSettings, body_of, number_of
from offhook.http.resources.params import CONFLICTS, phone_number, tenancy_changed
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.tenancy import SubAccount

SubAccountId = Annotated[str, PathParameter(name="subAccountId", max_length=50)]
Number = Annotated[
    str,
    PathParameter(
        name="number", max_length=64, description="With its country code, in any spelling"
    ),
]


class AssignedNumbers(View, frozen=True, kw_only=True):
    """The numbers of a sub-account."""

    numbers: list[NumberBody]
    status_code: int
    status_message: str


class AssignedNumber(NumberBody, frozen=True, kw_only=True):
    """One number, as it is assigned now."""

    status_code: int
    status_message: str


@get("/", operation_id="listAssignedNumbers", summary="List the numbers of a sub-account")
async def list_assigned(
    deps: NamedDependency[Deps], sub_account_id: SubAccountId
) -> AssignedNumbers:
    """Those of the configuration file included."""
    owner = _known(deps, sub_account_id)
    return AssignedNumbers(
        numbers=[body_of(number) for number in owner.numbers],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@put(
    "/{number:str}",
    operation_id="assignNumber",
    responses=CONFLICTS,
    summary="Assign a number to a sub-account, or change it",
)
async def assign_number(
    deps: NamedDependency[Deps],
    sub_account_id: SubAccountId,
    number: Number,
    data: JSONBody[NumberSettings | None] = None,
) -> AssignedNumber:
    """409 for a number of the configuration file, or of another sub-account."""
    _known(deps, sub_account_id)
    assigned = number_of(phone_number(number), data or NumberSettings())
    refuse_owned(deps, sub_account_id, (assigned.msisdn,))
    _refuse_numbers_of_file(deps, assigned.msisdn)
    await deps.store.assign_number(sub_account_id, assigned)
    await tenancy_changed(deps)
    return _answer_of(body_of(assigned), OK_MESSAGE)


@delete(
    "/{number:str}",
    status_code=200,
    operation_id="withdrawNumber",
    responses=CONFLICTS,
    summary="Take a number from a sub-account",
)
async def withdraw_number(
    deps: NamedDependency[Deps], sub_account_id: SubAccountId, number: Number
) -> AssignedNumber:
    """Calls to it are refused from now on; its records stay."""
    owner, wanted = _known(deps, sub_account_id), phone_number(number)
    withdrawn = next((each for each in owner.numbers if each.msisdn == wanted), None)
    if withdrawn is None:
        raise Refused(NOT_FOUND, "Number not found")
    _refuse_numbers_of_file(deps, wanted)
    await deps.store.withdraw_number(sub_account_id, wanted)
    await _take_out(deps, sub_account_id, wanted)
    await tenancy_changed(deps)
    return _answer_of(body_of(withdrawn), "deleted")


async def _take_out(deps: Deps, sub_account_id: str, msisdn: str) -> None:
    """Take the number out of the sub-account's own list, if it stands there."""
    for stored in await deps.store.sub_accounts():
        kept = tuple(each for each in stored.numbers if each.msisdn != msisdn)
        if stored.sub_account_id == sub_account_id and len(kept) < len(stored.numbers):
            await deps.store.put_sub_account(msgspec.structs.replace(stored, numbers=kept))


def refuse_owned(deps: Deps, sub_account_id: str, numbers: tuple[str, ...]) -> None:
    """Raise a 409 :class:`.Refused` when one of the numbers is another sub-account's."""
    wanted = frozenset(numbers)
    for owner in deps.directory.sub_accounts():
        if owner.sub_account_id == sub_account_id:
            continue
        for number in owner.numbers:
            if number.msisdn in wanted:
                raise Refused(CONFLICT, f"{number.msisdn} belongs to {owner.sub_account_id}")


def _refuse_numbers_of_file(deps: Deps, msisdn: str) -> None:
    if deps.directory.number_in_file(msisdn):
        raise Refused(CONFLICT, "The number is part of the configuration file")


def _known(deps: Deps, sub_account_id: str) -> SubAccount:
    sub_account = deps.directory.sub_account(sub_account_id)
    if sub_account is None:
        raise Refused(NOT_FOUND, "Sub-account not found")
    return sub_account


def _answer_of(body: NumberBody, message: str) -> AssignedNumber:
    members = msgspec.structs.asdict(body)
    return AssignedNumber(**members, status_code=OK_CODE, status_message=message)


router = Router(
    "/admin/v1/subaccounts/{subAccountId:str}/numbers",
    route_handlers=[list_assigned, assign_number, withdraw_number],
    tags=["Administration"],
)
