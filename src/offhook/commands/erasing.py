"""``offhook erase``: delete what is stored of one phone number, through a running server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from offhook.commands.common import DEMO, FAILED, OK, Json, emit
from offhook.commands.server_options import OPERATOR, Operator, SubAccount

if TYPE_CHECKING:
    from offhook.commands.api_client import ApiClient


def erase(
    *,
    number: Annotated[str, Parameter(help="With its country code, +6512345678.")],
    operator: Operator = OPERATOR,
    subaccount: SubAccount = DEMO,
    json: Json = False,
) -> int:
    """Erase what is stored of a phone number; exit code 1 when something must stay for now.

    Sessions with their timelines, requests, webhooks and recordings, and places in lists of campaigns.
    The opt-out list keeps the number, to protect it. Usage totals, and what was uploaded, stay.
    """
    found = _erase_all(operator.client(), {"number": number, "subAccountId": subaccount})
    lines = [
        f"Erased: {found['sessions']} sessions, {found['requests']} requests without a session, "
        f"{found['campaignTargets']} places in lists of campaigns."
    ]
    if found["recordingsElsewhere"]:
        count = found["recordingsElsewhere"]
        lines.append(f"Other machines delete {count} recordings of theirs within an hour.")
    if found["left"]:
        lines.append("Still needed, erase them again later: " + ", ".join(found["left"]))
    emit(json, found, "\n".join(lines))
    return FAILED if found["left"] else OK


def _erase_all(client: ApiClient, body: dict[str, Any]) -> dict[str, Any]:
    counts = (
        *("sessions", "requests", "requestsLookedAt", "campaignTargets"),
        "recordingsElsewhere",
    )
    total: dict[str, Any] = {**dict.fromkeys(counts, 0), "left": []}
    while True:
        answer = client.post("/erasures", body)
        for name in total:
            total[name] += answer[name]
        if answer.get("nextCursor") is None:
            return total
        print(
            f"{total['sessions']} sessions are erased, {total['requestsLookedAt']} requests looked through",
            file=sys.stderr,
        )
        body = {**body, "cursor": answer["nextCursor"]}
