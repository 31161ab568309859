"""``offhook nodes``: the processes of the installation, and orders to drain one; with an admin key."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from cyclopts import App, Parameter

from offhook.commands.common import Json, emit, table
from offhook.commands.help_examples import epilogue
from offhook.commands.server_options import OPERATOR, Operator
from offhook.commands.times import local

nodes = App(
    name="nodes",
    help="The processes of the installation, over all machines.",
    help_epilogue=epilogue("nodes"),
)

Name = Annotated[str, Parameter(help="As `offhook nodes list` names it.")]


@nodes.command(name="list", help_epilogue=epilogue("nodes list"))
def nodes_list(*, operator: Operator = OPERATOR, json: Json = False) -> None:
    """List the nodes: version, calls, load, since when; times are local."""
    answer = operator.client().get("/nodes")
    emit(json, answer, nodes_text(answer))


@nodes.command(name="drain", help_epilogue=epilogue("nodes drain"))
def nodes_drain(name: Name, /, *, operator: Operator = OPERATOR, json: Json = False) -> None:
    """Let a node begin no sessions: its calls go on to their ends. The order outlives a restart."""
    body = {"name": name, "drain": True}
    answer = operator.client().post("/nodes", body)
    emit(json, answer, nodes_text(answer))


@nodes.command(name="resume", help_epilogue=epilogue("nodes resume"))
def nodes_resume(name: Name, /, *, operator: Operator = OPERATOR, json: Json = False) -> None:
    """Let a drained node begin sessions again."""
    body = {"name": name, "drain": False}
    answer = operator.client().post("/nodes", body)
    emit(json, answer, nodes_text(answer))


def nodes_text(answer: dict[str, Any]) -> str:
    """The nodes as a table."""
    heads = ("NODE", "ROLE", "STATE", "VERSION", "SESSIONS", "LOAD", "SINCE")
    return table(heads, [_row(node) for node in answer["nodes"]])


def _row(node: dict[str, Any]) -> tuple[str, ...]:
    state = "up" if node["up"] else "DOWN"
    if node.get("drainedSince"):
        at = datetime.fromisoformat(node["drainedSince"])
        state += f", drained since {at.astimezone():%H:%M}"
    capacity = node.get("capacity")
    load = f"{node['sessions'] / capacity:.0%}" if capacity else ""
    since = local(node["since"]) if node.get("since") else ""
    return (
        node["name"],
        node["role"],
        state,
        node.get("version", ""),
        str(node["sessions"]),
        load,
        since,
    )
