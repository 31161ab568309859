"""``offhook webhooks``: where events go, what became of them, and sending them again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from cyclopts import App, Parameter

from offhook.commands.common import USAGE, CommandError, Json, emit, table
from offhook.commands.help_examples import epilogue
from offhook.commands.server_options import SERVER, Cursor, Limit, Server, page_text
from offhook.commands.times import local

if TYPE_CHECKING:
    from offhook.commands.api_client import ApiClient

webhooks = App(
    name="webhooks",
    help="Webhooks and their deliveries.",
    help_epilogue=epilogue("webhooks"),
)

Type = Annotated[
    Literal["VCS", "VSS", "VRU", "VNU"], Parameter(name="TYPE", help="The type of the webhook.")
]
SignedType = Annotated[
    Literal["VCA", "VCS", "VSS", "VRU", "VNU"],
    Parameter(name="TYPE", help="The type of the webhook."),
]
PAGE = 200
_DELIVERY_HEADS = ("DELIVERY", "STATE", "SINCE", "URL", "ATTEMPTS", "LAST ANSWER")
PROGRESS_EVERY = 100


@webhooks.command(name="list", help_epilogue=epilogue("webhooks list"))
def webhooks_list(*, server: Server = SERVER, json: Json = False) -> None:
    """List the webhooks of a sub-account."""
    answer = server.client().get("/webhooks")
    rows = [
        (
            each["type"],
            "enabled" if each["enabled"] else "disabled",
            each["url"],
            each.get("fallbackUrl", ""),
        )
        for each in answer["webhooks"]
    ]
    text = table(("TYPE", "STATE", "URL", "FALLBACK"), rows)
    emit(json, answer, text if rows else "There are no webhooks.")


@webhooks.command(name="deliveries", help_epilogue=epilogue("webhooks deliveries"))
def webhooks_deliveries(
    type_: Type,
    /,
    *,
    state: Annotated[
        Literal["pending", "delivered", "dead", "dropped"] | None,
        Parameter(help="Only those; dead: given up.", show_default=False),
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """List deliveries, newest first, with the last answer to each; times are local."""
    query = {"state": state, "cursor": cursor, "limit": limit}
    answer = server.client().get(f"/webhooks/{type_}/deliveries", query)
    rows = [
        (
            each["deliveryId"],
            each["state"],
            local(each["createdAt"]),
            each.get("url") or "",
            str(len(each["attempts"])),
            each["attempts"][-1]["detail"] if each["attempts"] else "",
        )
        for each in answer["deliveries"]
    ]
    text = page_text(table(_DELIVERY_HEADS, rows), answer)
    emit(json, answer, text if rows else "No such delivery is stored.")


@webhooks.command(name="redeliver", help_epilogue=epilogue("webhooks redeliver"))
def webhooks_redeliver(
    type_: Type,
    delivery: Annotated[
        str | None, Parameter(help="The delivery's id.", show_default=False)
    ] = None,
    /,
    *,
    dead: Annotated[bool, Parameter(negative=(), help="All that were given up.")] = False,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Send a delivery again, or all that were given up. Each keeps its id."""
    if dead is (delivery is not None):
        raise CommandError("give the id of a delivery, or --dead", USAGE)
    client = server.client()
    chosen = iter([delivery]) if delivery is not None else _dead(client, type_)
    sent: list[str] = []
    for delivery_id in chosen:
        client.post(f"/webhooks/{type_}/deliveries/{quote(delivery_id, safe='')}/redeliver", {})
        sent.append(delivery_id)
        if len(sent) % PROGRESS_EVERY == 0:
            print(f"{len(sent)} are sent again", file=sys.stderr)
    word = "delivery is" if len(sent) == 1 else "deliveries are"
    emit(json, {"redelivered": sent}, f"{len(sent)} {word} sent again.")


def _dead(client: ApiClient, type_: str) -> Iterator[str]:
    """The ids of the dead deliveries of this moment. All are read first: those sent again may die anew."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        query: dict[str, str | int | None] = {"state": "dead", "limit": PAGE, "cursor": cursor}
        page: dict[str, Any] = client.get(f"/webhooks/{type_}/deliveries", query)
        found += (each["deliveryId"] for each in page["deliveries"])
        cursor = page.get("nextCursor")
        if cursor is None:
            return reversed(found)


@webhooks.command(name="rotate", help_epilogue=epilogue("webhooks rotate"))
def webhooks_rotate(
    type_: SignedType,
    /,
    *,
    overlap: Annotated[
        int, Parameter(help="Seconds for which the old secret is valid too.")
    ] = 86_400,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Make a new signing secret and print it, once. The old one stays valid for a time."""
    client = server.client()
    answer = client.post(f"/webhooks/{type_}/secret", {"overlapSeconds": overlap})
    until = answer.get("previousSecretUntil")
    tail = f"\nThe old one is valid until {local(until)}." if until else ""
    emit(json, answer, f"The new secret, shown only now: {answer['secret']}{tail}")
