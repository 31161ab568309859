"""``offhook opt-outs``: the numbers that want no more voice messages, through a running server."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from cyclopts import App, Parameter

from offhook.commands.common import (
    Json,
    emit,
    table,
)
from offhook.commands.help_examples import epilogue
from offhook.commands.server_options import SERVER, Cursor, Limit, Server, page_text
from offhook.commands.times import local

opt_outs = App(
    name="opt-outs",
    help="The numbers that want no more voice messages.",
    help_epilogue=epilogue("opt-outs"),
)

Number = Annotated[str, Parameter(help="With its country code.")]


@opt_outs.command(name="list", help_epilogue=epilogue("opt-outs list"))
def opt_outs_list(
    *,
    cursor: Cursor = None,
    limit: Limit = 50,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """List the numbers that opted out, newest first; times are local."""
    answer = server.client().get("/opt-outs", {"cursor": cursor, "limit": limit})
    rows = [
        (each["number"], local(each["timestamp"]), each["way"], each.get("sessionId", ""))
        for each in answer["optOuts"]
    ]
    text = page_text(table(("NUMBER", "SINCE", "WAY", "SESSION"), rows), answer)
    emit(json, answer, text if rows else "No number has opted out.")


@opt_outs.command(name="add", help_epilogue=epilogue("opt-outs add"))
def opt_outs_add(
    number: Number,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Put a number on the list: no voice message calls it any more."""
    answer = server.client().put(f"/opt-outs/{quote(number, safe='')}")
    emit(json, answer, f"{answer['number']} is on the list since {local(answer['timestamp'])}.")


@opt_outs.command(name="remove", help_epilogue=epilogue("opt-outs remove"))
def opt_outs_remove(
    number: Number,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Take a number off the list: its owner agreed to be called again."""
    answer = server.client().delete(f"/opt-outs/{quote(number, safe='')}")
    emit(json, answer, f"{answer['number']} is no longer on the list.")
