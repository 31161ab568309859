"""Finds the session that a short id means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offhook.commands.common import CommandError

if TYPE_CHECKING:
    from offhook.commands.api_client import ApiClient

WHOLE_ID = 32
"""Characters from which an id counts as whole."""
PAGE = 200
LOOK_BACK = 5
"""Pages of sessions that are searched for a short id."""


def full_id(client: ApiClient, asked: str | None) -> str:
    """The id of the session that was meant. Raises :class:`CommandError` for none or several."""
    if asked is not None and len(asked) >= WHOLE_ID:
        return asked
    if asked is None:
        newest = client.get("/sessions", {"limit": 1})["sessions"]
        if not newest:
            raise CommandError(f"{client.sub_account or 'the installation'} has no sessions yet")
        return str(newest[0]["sessionId"])
    found: list[str] = []
    cursor: str | None = None
    for _ in range(LOOK_BACK):
        page = client.get("/sessions", {"limit": PAGE, "cursor": cursor})
        ids = [str(each["sessionId"]) for each in page["sessions"]]
        found += [each for each in ids if each.endswith(asked) or each.startswith(asked)]
        cursor = page.get("nextCursor")
        if not cursor:
            break
    if not found:
        looked = PAGE * LOOK_BACK
        raise CommandError(
            f"no session whose id begins or ends with {asked!r} among the newest {looked}"
        )
    if len(found) > 1:
        shown = ", ".join(found[:5])
        raise CommandError(f"{asked!r} fits {len(found)} sessions: {shown}")
    return found[0]
