"""``/opt-outs``: the numbers that want no more voice messages (``spec/execution.md``, "Opting out")."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import PathParameter

from offhook.clock import iso_milliseconds
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import NOT_FOUND, Refused
from offhook.http.resources.params import Cursor, PageSize, needs, page_of, phone_number
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.ports.opt_out_lists import OptOut, OptOutWay
from offhook.session.scopes import Scope

Number = Annotated[
    str,
    PathParameter(
        name="number", max_length=64, description="With its country code, in any spelling"
    ),
]


class OptOutView(View, frozen=True, kw_only=True):
    """One number on the list."""

    number: str
    """E.164 with ``+``."""
    timestamp: str
    """When it came onto the list."""
    way: OptOutWay
    """`KEY`: the called person pressed the opt-out key; `API`: it was put there."""
    session_id: str | None = None
    """The session in which the key was pressed."""


class OptOutAnswer(OptOutView, frozen=True, kw_only=True):
    """One number, asked for by itself."""

    status_code: int
    status_message: str


class OptOutList(View, frozen=True, kw_only=True):
    """A page of the list, newest first."""

    opt_outs: list[OptOutView]
    next_cursor: str | None = None
    """Give it as ``cursor`` to get the next page; absent on the last."""
    status_code: int
    status_message: str


@get(
    "/",
    operation_id="listOptOuts",
    summary="List the numbers that opted out, newest first",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def list_opt_outs(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> OptOutList:
    """The list counts while the sub-account has an opt-out key."""
    owner = caller.sub_account.sub_account_id
    found, following = await page_of(deps.store.opt_outs(owner, cursor=cursor, limit=limit))
    return OptOutList(
        opt_outs=[OptOutView(**_fields(entry)) for entry in found],
        next_cursor=following,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(
    "/{number:str}",
    operation_id="getOptOut",
    summary="Show whether a number opted out",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def get_opt_out(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], number: Number
) -> OptOutAnswer:
    """404 for a number that is not on the list."""
    return _answer(await _entry(deps, caller, number), OK_MESSAGE)


@put(
    "/{number:str}",
    operation_id="putOptOut",
    summary="Put a number on the opt-out list",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def put_opt_out(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], number: Number
) -> OptOutAnswer:
    """A number that is on the list already keeps its date."""
    entry = OptOut(
        sub_account_id=caller.sub_account.sub_account_id,
        number=phone_number(number),
        at=deps.clock.now(),
        way=OptOutWay.API,
    )
    if not await deps.store.put_opt_out(entry):
        entry = await _entry(deps, caller, number)
    return _answer(entry, OK_MESSAGE)


@delete(
    "/{number:str}",
    status_code=200,
    operation_id="deleteOptOut",
    summary="Take a number off the opt-out list",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def delete_opt_out(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], number: Number
) -> OptOutAnswer:
    """The person has agreed to be called again."""
    entry = await _entry(deps, caller, number)
    await deps.store.delete_opt_out(entry.sub_account_id, entry.number)
    return _answer(entry, "deleted")


async def _entry(deps: Deps, caller: Caller, number: str) -> OptOut:
    entry = await deps.store.opt_out(caller.sub_account.sub_account_id, phone_number(number))
    if entry is None:
        raise Refused(NOT_FOUND, "The number is not on the opt-out list")
    return entry


def _answer(entry: OptOut, message: str) -> OptOutAnswer:
    return OptOutAnswer(**_fields(entry), status_code=OK_CODE, status_message=message)


def _fields(entry: OptOut) -> dict[str, Any]:
    return {
        "number": entry.number,
        "timestamp": iso_milliseconds(entry.at),
        "way": entry.way,
        "session_id": entry.session_id,
    }


router = Router(
    "/opt-outs",
    route_handlers=[list_opt_outs, get_opt_out, put_opt_out, delete_opt_out],
    tags=["Opt-outs"],
)
