"""``offhook campaigns``: one callflow for a list of numbers, through a running server."""

from __future__ import annotations

import json as json_module
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TextIO
from urllib.parse import quote

from cyclopts import App, Parameter

from offhook.commands.common import (
    INTERRUPTED,
    OK,
    USAGE,
    CommandError,
    Json,
    emit,
    table,
)
from offhook.commands.help_examples import epilogue
from offhook.commands.server_options import SERVER, Cursor, Limit, Server, page_text
from offhook.commands.times import local

if TYPE_CHECKING:
    from offhook.commands.api_client import ApiClient

campaigns = App(
    name="campaigns",
    help="One callflow for a list of numbers, called at a pace.",
    help_epilogue=epilogue("campaigns"),
)

Id = Annotated[str, Parameter(help="Its id.")]

PIECE = 4 * 1024 * 1024
"""Bytes of a list that go into one request; a server takes 8 MiB."""
WATCH_EVERY = 1.0
"""Seconds between two looks at a campaign that is watched."""
FINAL = ("COMPLETED", "CANCELED")
TEMPLATE_MEMBERS = (
    "callflow",
    "clientRequestId",
    "name",
    "pace",
    "maxCalls",
    "callingHours",
    "retries",
)
"""Of a template's file; its numbers come from the list."""


@campaigns.command(name="create", help_epilogue=epilogue("campaigns create"))
def campaigns_create(
    callflow: Annotated[
        Path,
        Parameter(help="The template: a callflow as JSON; retries, callingHours, pace too."),
    ],
    *,
    list_: Annotated[
        Path, Parameter(name="--list", help="The numbers: CSV with the column number.")
    ],
    name: Annotated[str | None, Parameter(help="A name for people.")] = None,
    pace: Annotated[
        float | None, Parameter(help="Calls started a second; absent: the template's, else 1.")
    ] = None,
    max_calls: Annotated[
        int | None, Parameter(help="Calls at once; absent: as many as the trunks allow.")
    ] = None,
    start: Annotated[
        bool, Parameter(negative="--no-start", help="Call as soon as the list is there.")
    ] = True,
    watch: Annotated[bool, Parameter(negative=(), help="Show the progress until its end.")] = False,
    server: Server = SERVER,
    json: Json = False,
) -> int:
    """Create a campaign, upload its list and start it."""
    client = server.client()
    given = {"name": name, "pace": pace, "maxCalls": max_calls}
    body = template_of(callflow) | {key: value for key, value in given.items() if value is not None}
    body["start"] = False
    campaign, uploaded = _created(client, body, list_, quiet=json)
    if start:
        client.post(f"/campaigns/{campaign}/start", {})
    if watch and start:
        return _watch(client, campaign, as_json=json)
    shown = client.get(f"/campaigns/{campaign}")
    text = f"Campaign {campaign}: {uploaded['added']} numbers, {uploaded['duplicates']} twice, "
    text += f"{uploaded['rejected']} not usable.\nFollow it: offhook campaigns watch {campaign}"
    emit(json, {**shown, "upload": uploaded}, text)
    return OK


@campaigns.command(name="list", help_epilogue=epilogue("campaigns list"))
def campaigns_list(
    *,
    cursor: Cursor = None,
    limit: Limit = 20,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """List the campaigns, newest first; times are local."""
    answer = server.client().get("/campaigns", {"cursor": cursor, "limit": limit})
    rows = [
        (
            each["campaignId"],
            local(each["createdAt"]),
            each["state"],
            f"{each['done']}/{each['total']}",
            each.get("name", ""),
        )
        for each in answer["campaigns"]
    ]
    text = page_text(table(("CAMPAIGN", "CREATED", "STATE", "DONE", "NAME"), rows), answer)
    emit(json, answer, text if rows else "No campaigns.")


@campaigns.command(name="show", help_epilogue=epilogue("campaigns show"))
def campaigns_show(
    campaign: Id,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Show a campaign: its state, its progress and its outcomes."""
    shown = server.client().get(_path(campaign))
    emit(json, shown, campaign_text(shown))


@campaigns.command(name="watch", help_epilogue=epilogue("campaigns watch"))
def campaigns_watch(
    campaign: Id,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> int:
    """Follow a campaign with a progress bar until it has ended."""
    return _watch(server.client(), campaign, as_json=json)


def _order(name: str, done: str) -> Any:
    """A command that gives an order to a campaign."""

    def order(
        campaign: Id,
        *,
        server: Server = SERVER,
        json: Json = False,
    ) -> None:
        shown = server.client().post(f"{_path(campaign)}/{name}", {})
        emit(json, shown, f"Campaign {campaign} {done}.")

    return order


for _name, _done, _help in (
    ("start", "is started", "Start a campaign whose list was uploaded."),
    ("pause", "is paused; calls that were begun go on", "Call nothing new for now."),
    ("resume", "goes on", "Go on with a campaign that is paused."),
    ("cancel", "is canceled; calls that were begun go on", "End a campaign for good."),
):
    campaigns.command(
        _order(_name, _done), name=_name, help=_help, help_epilogue=epilogue(f"campaigns {_name}")
    )


@campaigns.command(name="results", help_epilogue=epilogue("campaigns results"))
def campaigns_results(
    campaign: Id,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="A file; absent: standard output.")
    ] = None,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Write the result of each number as CSV; with --json a JSON object in each line."""
    client = server.client()
    with _results_file(output) as out:
        if json:
            for target in _targets(client, campaign):
                out.write(json_module.dumps(target, ensure_ascii=False) + "\n")
        else:
            client.stream(f"{_path(campaign)}/results", lambda part: out.write(part.decode()))


def _targets(client: ApiClient, campaign: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = client.get(f"{_path(campaign)}/targets", {"limit": 1000, "cursor": cursor})
        yield from page["targets"]
        cursor = page.get("nextCursor")
        if cursor is None:
            return


def _results_file(output: Path | None) -> AbstractContextManager[TextIO]:
    if output is None:
        return nullcontext(sys.stdout)
    try:
        return output.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(f"{output}: {error.strerror}", USAGE) from None


def _path(campaign: str) -> str:
    return f"/campaigns/{quote(campaign, safe='')}"


def template_of(path: Path) -> dict[str, Any]:
    """The template's members that a campaign takes. Raises :class:`CommandError`."""
    try:
        value = json_module.loads(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", USAGE) from None
    except ValueError as error:
        raise CommandError(f"{path}: not JSON: {error}", USAGE) from None
    if isinstance(value, list):
        value = {"callflow": value}
    if not isinstance(value, dict):
        raise CommandError(f"{path}: neither a callflow nor the list of its actions", USAGE)
    return {name: value[name] for name in TEMPLATE_MEMBERS if name in value}


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", USAGE) from None


def pieces(file: BinaryIO, size: int = PIECE) -> Iterator[bytes]:
    """A CSV file in pieces of whole lines, each with the header line. A line break within quotes ends no
    line."""
    header = file.readline()
    rest = b""
    while part := file.read(size):
        whole, _, left = (rest + part).rpartition(b"\n")
        while whole.count(b'"') % 2:
            whole, _, more = whole.rpartition(b"\n")
            left = more + b"\n" + left
        rest = left
        if whole:
            yield header + whole + b"\n"
    if rest.strip():
        yield header + rest


def _created(
    client: ApiClient, body: Mapping[str, object], list_: Path, *, quiet: bool
) -> tuple[str, dict[str, Any]]:
    """The id of the new campaign, and what became of its list."""
    with _opened(list_) as file:
        made = client.post("/campaigns", body)
        campaign = str(made["campaignId"])
        uploaded = _upload(client, campaign, file, quiet=quiet)
    for problem in uploaded["problems"][:10]:
        print(f"offhook: {list_}: line {problem['line']}: {problem['what']}", file=sys.stderr)
    return campaign, uploaded


def _upload(client: ApiClient, campaign: str, file: BinaryIO, *, quiet: bool) -> dict[str, Any]:
    """Upload the list piece by piece; what became of it."""
    total: dict[str, Any] = {"added": 0, "duplicates": 0, "rejected": 0, "problems": []}
    before = 0
    for piece in pieces(file):
        answer = client.upload(f"{_path(campaign)}/targets", piece, "text/csv")
        for problem in answer["problems"]:
            problem["line"] += before
        before += piece.count(b"\n") - 1  # each piece has the header line
        for name in ("added", "duplicates", "rejected", "problems"):
            total[name] += answer[name]
        if not quiet and sys.stderr.isatty():
            print(f"\r{total['added']:,} numbers uploaded", end="", file=sys.stderr)
    if not quiet and sys.stderr.isatty():
        print(file=sys.stderr)
    return total


def _watch(client: ApiClient, campaign: str, *, as_json: bool) -> int:
    """Show the progress until the end: a bar on a terminal, a line at each change elsewhere."""
    try:
        shown = _followed(client, campaign, bar=sys.stderr.isatty() and not as_json)
    except KeyboardInterrupt:
        raise CommandError(
            f"no longer watching; the campaign goes on. See it: offhook campaigns show {campaign}",
            INTERRUPTED,
        ) from None
    emit(as_json, shown, campaign_text(shown))
    return OK


def _followed(client: ApiClient, campaign: str, *, bar: bool) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not bar) as progress:
        task = progress.add_task("…", total=None)
        while True:
            shown = client.get(_path(campaign))
            text = f"{shown['state'].lower()}, {shown['calling']} calling"
            progress.update(
                task, description=text, total=shown["total"] or None, completed=shown["done"]
            )
            if shown["state"] in FINAL:
                return shown
            time.sleep(WATCH_EVERY)


def campaign_text(shown: dict[str, Any]) -> str:
    """A campaign for people."""
    lines = [
        f"Campaign {shown['campaignId']}  {shown['state']}  {shown.get('name', '')}".rstrip(),
        f"created {local(shown['createdAt'])}, {shown['pace']:g} calls a second",
        f"{shown['total']:,} numbers: {shown['done']:,} done, {shown['calling']:,} calling, "
        f"{shown['waiting']:,} waiting; {shown['attempts']:,} calls made",
    ]
    lines += [f"  {outcome:24}{count:>10,}" for outcome, count in shown["outcomes"].items()]
    return "\n".join(lines)
