"""``offhook call``, ``sessions`` and ``show``: what a running server does, through its API."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from cyclopts import Parameter

from offhook.codes import SessionStatus
from offhook.commands.common import (
    FAILED,
    INTERRUPTED,
    OK,
    CommandError,
    Json,
    emit,
    table,
)
from offhook.commands.operator_commands import save_pcap, show_sip
from offhook.commands.server_options import (
    ANY_SERVER,
    SERVER,
    AnyServer,
    Cursor,
    Limit,
    Server,
    page_text,
)
from offhook.commands.session_ids import full_id
from offhook.commands.session_text import session_text
from offhook.commands.times import instant, local

if TYPE_CHECKING:
    from offhook.commands.api_client import ApiClient

Status = Literal[
    "QUEUED",
    "RUNNING",
    "COMPLETED",
    "NO_ANSWER",
    "BUSY",
    "CANCELED",
    "FAILED",
    "ERROR",
    "COMPLETED_UNSUBSCRIBED",
    "COMPLETED_UNSUB_ERROR",
    "UNSUBSCRIBED_CONTACT",
]
"""The members of :class:`~offhook.codes.SessionStatus`, as the command's help lists them."""
FICTION = "+12025550199"
"""A number reserved for fiction: the caller ID of the demo sub-account."""
FOLLOW_FOR = 600.0
"""Seconds that ``offhook call --wait`` waits for the session's end, at most."""
SHORT_ID = 8
"""Characters at the end of a session's id that a table shows: ids begin with the time, their ends differ."""
WRONG_SOURCE = -1014


def call(
    *,
    to: Annotated[str, Parameter(help="The number to call, E.164.")],
    say: Annotated[str, Parameter(help="What to say.")],
    source: Annotated[str, Parameter(name="--from", help="The caller ID to show.")] = FICTION,
    voice: Annotated[str | None, Parameter(help="A speech profile; see offhook voices.")] = None,
    language: Annotated[str, Parameter(help="Without --voice: the language.")] = "en-GB",
    wait: Annotated[bool, Parameter(negative=(), help="Wait until the session has ended.")] = False,
    server: Server = SERVER,
    json: Json = False,
) -> int:
    """Call a number and speak a text, through a running server."""
    client = server.client()
    speech = {"voiceProfile": voice} if voice else {"language": language}
    callflow: list[dict[str, Any]] = [
        {"action": "makeCall", "params": {"source": source, "destination": to}},
        {"action": "say", "params": {"text": say, **speech}},
        {"action": "hangup"},
    ]
    answer = _posted(client, callflow, source)
    session = str(answer.get("sessionId"))
    if not wait:
        emit(json, answer, f"Session {session} created. Follow it: offhook show {session}")
        return OK
    try:
        shown = _ended(client, session)
    except KeyboardInterrupt:
        raise CommandError(
            f"no longer waiting; session {session} goes on. See it: offhook show {session}",
            INTERRUPTED,
        ) from None
    emit(json, shown, session_text(shown))
    return OK if shown.get("sessionStatus") == SessionStatus.COMPLETED else FAILED


def _posted(client: ApiClient, callflow: list[dict[str, Any]], source: str) -> dict[str, Any]:
    """The answer to a callflow. Raises :class:`CommandError`, with a hint where the caller ID is wrong."""
    from offhook.commands.api_client import ApiError

    try:
        return client.post("/callflows", {"callflow": callflow})
    except ApiError as error:
        if error.status_code != WRONG_SOURCE:
            raise
        raise CommandError(
            f"{error}\n{source} is not among the caller IDs of {client.sub_account}: "
            "give one of them with --from"
        ) from None


def sessions(
    *,
    status: Annotated[Status | None, Parameter(help="Only these.")] = None,
    since: Annotated[
        str | None, Parameter(help="Created at or after: an age (15m, 1h, 2d) or an ISO 8601 time.")
    ] = None,
    until: Annotated[str | None, Parameter(help="Created before; as --since.")] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
    number: Annotated[str | None, Parameter(help="Calls from or to it.")] = None,
    sip_code: Annotated[int | None, Parameter(help="Calls that ended with it, as 503.")] = None,
    all_: Annotated[
        bool,
        Parameter(name="--all", negative=(), help="Of all sub-accounts; needs --admin-key."),
    ] = False,
    server: AnyServer = ANY_SERVER,
    json: Json = False,
) -> None:
    """List the sub-account's sessions, newest first; times are local."""
    now = datetime.now(UTC)
    client = server.operator() if all_ else server.client()
    answer = client.get(
        "/sessions",
        {
            "status": status,
            "number": number,
            "sipCode": sip_code,
            "since": instant("--since", since, now),
            "until": instant("--until", until, now),
            "cursor": cursor,
            "limit": limit,
        },
    )
    emit(json, answer, _page(answer, owners=all_))


def _page(answer: dict[str, Any], *, owners: bool) -> str:
    """A page of the list for people; with ``owners``, whose session each is."""
    sessions = answer["sessions"]
    if not sessions:
        return "No sessions."
    heads = ["SESSION", "CREATED", "STATUS", "FROM", "TO", "LAST ACTION"]
    rows = [_row(session) for session in sessions]
    if owners:
        heads.append("SUB-ACCOUNT")
        rows = [
            (*row, session["subAccountId"]) for row, session in zip(rows, sessions, strict=True)
        ]
    return page_text(table(heads, rows), answer)


def _row(session: dict[str, Any]) -> tuple[str, ...]:
    leg = (session.get("legs") or [{}])[0]
    return (
        session["sessionId"][-SHORT_ID:],
        local(session["createdTimestamp"]),
        session["sessionStatus"],
        leg.get("source", ""),
        leg.get("destination", ""),
        session.get("lastAction", ""),
    )


def show(
    session: Annotated[
        str | None, Parameter(help="Its id, or the end of it; absent: the newest session.")
    ] = None,
    *,
    sip: Annotated[
        bool, Parameter(negative=(), help="Show its SIP messages instead; needs --admin-key.")
    ] = False,
    pcap: Annotated[
        Path | None, Parameter(help="Write its SIP, and RTP if captured, to a file for Wireshark.")
    ] = None,
    all_: Annotated[
        bool,
        Parameter(name="--all", negative=(), help="Of any sub-account; needs --admin-key."),
    ] = False,
    server: AnyServer = ANY_SERVER,
    json: Json = False,
) -> None:
    """Show a session: its legs, its timeline (local time) and its webhooks."""
    if sip or pcap is not None:
        operator = server.operator()
        named = full_id(operator, session)
        if pcap is not None:
            save_pcap(operator, named, pcap, json=json)
        else:
            show_sip(operator, named, json=json)
        return
    client = server.operator() if all_ else server.client()
    shown = client.get(f"/sessions/{quote(full_id(client, session), safe='')}")
    emit(json, shown, session_text(shown))


def _ended(client: ApiClient, session: str) -> dict[str, Any]:
    """Poll a session until it has ended."""
    deadline = time.monotonic() + FOLLOW_FOR
    while time.monotonic() < deadline:
        shown = client.get(f"/sessions/{session}")
        if SessionStatus(shown["sessionStatus"]).final:
            return shown
        time.sleep(0.25)
    raise CommandError(f"session {session} has not ended within {FOLLOW_FOR:.0f} s")
