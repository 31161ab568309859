"""``offhook menus``: menus that answer calls without a server, through a running server."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from offhook.commands.common import USAGE, CommandError, Json, emit, table
from offhook.commands.help_examples import epilogue
from offhook.commands.server_options import SERVER, Server

menus = App(
    name="menus",
    help="Menus that answer calls without a server.",
    help_epilogue=epilogue("menus"),
)

Name = Annotated[str, Parameter(help="The menu's name.")]
MEMBERS = ("first", "callflows", "table", "numbers")


@menus.command(name="list", help_epilogue=epilogue("menus list"))
def menus_list(
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """List the menus and the numbers they answer."""
    answer = server.client().get("/menus")
    rows = [
        (
            each["name"],
            each["first"],
            str(len(each["callflows"])),
            ", ".join(each.get("numbers", ())),
        )
        for each in answer["menus"]
    ]
    text = table(("MENU", "BEGINS WITH", "CALLFLOWS", "ANSWERS"), rows)
    emit(json, answer, text if rows else "There are no menus.")


@menus.command(name="show", help_epilogue=epilogue("menus show"))
def menus_show(
    name: Name,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Print a menu as the file that `menus put` takes."""
    answer = server.client().get(_path(name))
    members = {each: answer[each] for each in MEMBERS if each in answer}
    emit(json, answer, json_module.dumps(members, indent=2, ensure_ascii=False))


@menus.command(name="put", help_epilogue=epilogue("menus put"))
def menus_put(
    name: Name,
    file: Annotated[Path, Parameter(help="JSON with first, callflows, table and numbers.")],
    *,
    number: Annotated[
        tuple[str, ...],
        Parameter(help="A number that it answers, instead of those of the file.", negative=()),
    ] = (),
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Create or replace a menu; its numbers leave the menu they had."""
    body = _document(file)
    if number:
        body["numbers"] = list(number)
    answer = server.client().put(_path(name), body)
    numbers = ", ".join(answer.get("numbers", ())) or "no number yet"
    emit(json, answer, f"Menu {name} answers {numbers}.")


@menus.command(name="delete", help_epilogue=epilogue("menus delete"))
def menus_delete(
    name: Name,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Delete a menu; calls to its numbers are asked of the webhook from now on."""
    answer = server.client().delete(_path(name))
    emit(json, answer, f"Menu {name} is deleted.")


def _path(name: str) -> str:
    return f"/menus/{quote(name, safe='')}"


def _document(file: Path) -> dict[str, Any]:
    """The file's object. Raises :class:`CommandError`."""
    try:
        value = json_module.loads(file.read_bytes())
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", USAGE) from None
    except ValueError as error:
        raise CommandError(f"{file}: not JSON: {error}", USAGE) from None
    if not isinstance(value, dict):
        raise CommandError(f"{file}: expected an object with first and callflows", USAGE)
    return value
