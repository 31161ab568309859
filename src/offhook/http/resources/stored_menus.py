"""``/menus``: callflows that lead to each other by a table (:mod:`offhook.session.menus`)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from offhook.flow.numbers import source_number
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import CONFLICT, INVALID, NOT_FOUND, Refused
from offhook.http.resources.params import CONFLICTS, needs, tenancy_changed
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.menus import InvalidMenu, Menu, check_callflows, document_of, read_menu
from offhook.session.scopes import Scope
from offhook.session.tenancy import facts_of

MOST_MENUS = 200
"""Of one sub-account."""

Name = Annotated[str, PathParameter(name="name", pattern=r"^[A-Za-z0-9._-]{1,100}$")]


class MenuRowBody(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table."""

    menu: str
    """The callflow that has ended."""
    on: str
    """The digits of its last sayAndCapture, `none`, or `invalid` for digits without a row of their own."""
    next: str
    """The callflow that follows."""


class MenuRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A menu and the numbers that it answers."""

    first: str
    """The callflow that a call begins with."""
    callflows: dict[str, list[dict[str, Any]]]
    """Each callflow's actions, by name; 1 to 200 of them."""
    table: list[MenuRowBody] = msgspec.field(default_factory=list)
    """What follows a callflow; at most 2000 rows."""
    numbers: Annotated[list[str], msgspec.Meta(max_length=10_000)] = msgspec.field(
        default_factory=list
    )
    """Numbers of the sub-account, in any spelling; they leave the menu they had."""


class MenuView(View, frozen=True, kw_only=True):
    """One menu."""

    name: str
    first: str
    """The callflow that a call begins with."""
    callflows: dict[str, list[dict[str, Any]]]
    """Each callflow's actions, by name."""
    table: list[MenuRowBody] = msgspec.field(default_factory=list)
    """What follows a callflow."""
    numbers: list[str] = msgspec.field(default_factory=list)
    """The numbers that it answers."""


class MenuAnswer(MenuView, frozen=True, kw_only=True):
    """One menu, asked for by name."""

    status_code: int
    status_message: str


class MenuList(View, frozen=True, kw_only=True):
    """All menus of the sub-account."""

    menus: list[MenuView]
    """The menus, by name."""
    status_code: int
    status_message: str


@get("/", operation_id="listMenus", summary="List the menus", guards=[needs(Scope.SETTINGS_READ)])
async def list_menus(caller: NamedDependency[Caller]) -> MenuList:
    """By name."""
    menus = sorted(caller.sub_account.menus.values(), key=lambda each: each.name)
    return MenuList(
        menus=[MenuView(**_fields(each)) for each in menus],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(
    "/{name:str}",
    operation_id="getMenu",
    summary="Show a menu",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def get_menu(caller: NamedDependency[Caller], name: Name) -> MenuAnswer:
    """404 where there is none of this name."""
    return _answer(_menu(caller, name), OK_MESSAGE)


@put(
    "/{name:str}",
    operation_id="putMenu",
    responses=CONFLICTS,
    summary="Create or replace a menu, and bind numbers to it",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def put_menu(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    name: Name,
    data: JSONBody[MenuRequest],
) -> MenuAnswer:
    """Every callflow is judged as an answer to `CALL_RECEIVED`; 422 names the first problem."""
    owner = caller.sub_account
    if name not in owner.menus and len(owner.menus) >= MOST_MENUS:
        raise Refused(CONFLICT, f"There are {MOST_MENUS} menus already")
    own = {number.msisdn for number in owner.numbers}
    numbers = set()
    for index, written in enumerate(data.numbers):
        number = source_number(written)
        if number not in own:
            raise Refused(INVALID, f"numbers[{index}]: is no number of the sub-account")
        numbers.add(number)
    try:
        menu = read_menu(name, msgspec.to_builtins(data), frozenset(n for n in numbers if n))
        check_callflows(menu, facts_of(owner, deps.profiles), deps.clock.now())
    except InvalidMenu as error:
        raise Refused(INVALID, str(error)) from None
    await deps.store.put_menu(owner.sub_account_id, menu)
    await tenancy_changed(deps)
    return _answer(menu, OK_MESSAGE)


@delete(
    "/{name:str}",
    status_code=200,
    operation_id="deleteMenu",
    responses=CONFLICTS,
    summary="Delete a menu",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def delete_menu(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], name: Name
) -> MenuAnswer:
    """409 for one that only the operator's file can remove."""
    menu = _menu(caller, name)
    if not await deps.store.delete_menu(caller.sub_account.sub_account_id, name):
        raise Refused(CONFLICT, "The menu is part of the operator's configuration")
    await tenancy_changed(deps)
    return _answer(menu, "deleted")


def _menu(caller: Caller, name: str) -> Menu:
    menu = caller.sub_account.menus.get(name)
    if menu is None:
        raise Refused(NOT_FOUND, "Menu not found")
    return menu


def _answer(menu: Menu, message: str) -> MenuAnswer:
    return MenuAnswer(**_fields(menu), status_code=OK_CODE, status_message=message)


def _fields(menu: Menu) -> dict[str, Any]:
    document = document_of(menu)
    return {
        "name": menu.name,
        "first": menu.first,
        "callflows": document["callflows"],
        "table": [MenuRowBody(**row) for row in document["table"]],
        "numbers": sorted(menu.numbers),
    }


router = Router(
    "/menus", route_handlers=[list_menus, get_menu, put_menu, delete_menu], tags=["Menus"]
)
