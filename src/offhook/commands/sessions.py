"""``offhook call``, ``sessions`` and ``show``: what a running server did, through its API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter

from offhook.commands.common import DEMO, FAILED, OK, USAGE, CommandError, Json, emit, table

if TYPE_CHECKING:
    from offhook.commands.api_client import ApiClient

Url = Annotated[
    str, Parameter(name="--url", env_var="OFFHOOK_URL", help="Where the server's API is.")
]
ApiKey = Annotated[
    str | None,
    Parameter(name="--api-key", env_var="OFFHOOK_API_KEY", help="The API key.", show_default=False),
]
SubAccount = Annotated[
    str, Parameter(name="--subaccount", env_var="OFFHOOK_SUBACCOUNT", help="The sub-account.")
]
LOCAL = "http://127.0.0.1:8080"
FICTION = "+12025550199"
"""A number reserved for fiction: what the demo sub-account shows as its caller ID."""
FOLLOW_FOR = 600.0
"""Seconds that ``offhook call --wait`` waits for the session's end, at most."""


def call(
    *,
    to: Annotated[str, Parameter(help="The number to call, E.164.")],
    say: Annotated[str, Parameter(help="What to say.")],
    source: Annotated[str, Parameter(name="--from", help="The caller ID to show.")] = FICTION,
    voice: Annotated[str | None, Parameter(help="A speech profile; see offhook voices.")] = None,
    language: Annotated[str, Parameter(help="Without --voice: the language.")] = "en-GB",
    wait: Annotated[bool, Parameter(negative=(), help="Wait until the session has ended.")] = False,
    url: Url = LOCAL,
    api_key: ApiKey = None,
    subaccount: SubAccount = DEMO,
    json: Json = False,
) -> int:
    """Call a number and speak a text, through a running server."""
    client = _client(url, api_key, subaccount)
    speech = {"voiceProfile": voice} if voice else {"language": language}
    answer = client.post(
        "/callflows",
        {
            "callflow": [
                {"action": "makeCall", "params": {"source": source, "destination": to}},
                {"action": "say", "params": {"text": say, **speech}},
                {"action": "hangup"},
            ]
        },
    )
    session = str(answer.get("sessionId"))
    if not wait:
        emit(json, answer, f"Session {session} created. Follow it: offhook show {session}")
        return OK
    shown = _ended(client, session)
    emit(json, shown, session_text(shown))
    return OK if shown.get("sessionStatus") == "COMPLETED" else FAILED


def sessions(
    *,
    status: Annotated[str | None, Parameter(help="Only these: QUEUED, RUNNING, …")] = None,
    since: Annotated[str | None, Parameter(help="Created at or after (ISO 8601).")] = None,
    until: Annotated[str | None, Parameter(help="Created before (ISO 8601).")] = None,
    cursor: Annotated[str | None, Parameter(help="Where the page before ended.")] = None,
    limit: Annotated[int, Parameter(help="At most so many.")] = 20,
    url: Url = LOCAL,
    api_key: ApiKey = None,
    subaccount: SubAccount = DEMO,
    json: Json = False,
) -> None:
    """List the sub-account's sessions, newest first."""
    answer = _client(url, api_key, subaccount).get(
        "/sessions",
        {"status": status, "since": since, "until": until, "cursor": cursor, "limit": limit},
    )
    rows = []
    for session in answer["sessions"]:
        leg = (session.get("legs") or [{}])[0]
        rows.append(
            (
                session["sessionId"],
                session["createdTimestamp"],
                session["sessionStatus"],
                leg.get("destination", ""),
                session.get("lastAction", ""),
            )
        )
    text = table(("SESSION", "CREATED", "STATUS", "TO", "LAST ACTION"), rows)
    if answer.get("nextCursor"):
        text += f"\nMore: --cursor {answer['nextCursor']}"
    emit(json, answer, text if rows else "No sessions.")


def show(
    session: Annotated[str, Parameter(help="Its id.")],
    *,
    url: Url = LOCAL,
    api_key: ApiKey = None,
    subaccount: SubAccount = DEMO,
    json: Json = False,
) -> None:
    """Show a session: its legs, its timeline and its webhooks."""
    shown = _client(url, api_key, subaccount).get(f"/sessions/{quote(session, safe='')}")
    emit(json, shown, session_text(shown))


def session_text(shown: Mapping[str, Any]) -> str:
    """A session as people read it."""
    lines = [f"{shown['sessionId']} {shown['sessionStatus']}"]
    if error := shown.get("errorDetails"):
        detail = f": {error['detail']}" if error.get("detail") else ""
        lines.append(f"  {error['errorCode']} {error['errorMsg']}{detail}")
    for leg in shown.get("legs", ()):
        quality = leg.get("callQuality")
        lines.append(
            f"  {leg['callDirection'].lower()} {leg['source']} → {leg['destination']} "
            f"{leg.get('callStatus', 'now')} {leg.get('callDuration', 0)} s"
            + (f", MOS {quality['mos']}" if quality else "")
        )
    for event in shown["events"]:
        facts = "  ".join(
            f"{name}={value}"
            for name, value in event.items()
            if name not in ("number", "event", "timestamp", "callId")
        )
        lines.append(f"  {event['timestamp'][11:23]}  {event['event']:<17} {facts}".rstrip())
    lines += [f"  webhook {d.get('type', '')}: {d.get('state', '')}" for d in shown["deliveries"]]
    return "\n".join(lines)


def _ended(client: ApiClient, session: str) -> dict[str, Any]:
    """Look at a session until it has ended."""
    deadline = time.monotonic() + FOLLOW_FOR
    while time.monotonic() < deadline:
        shown = client.get(f"/sessions/{session}")
        if shown["sessionStatus"] not in ("CREATED", "QUEUED", "RUNNING"):
            return shown
        time.sleep(0.25)
    raise CommandError(f"session {session} has not ended within {FOLLOW_FOR:.0f} s")


def _client(url: str, api_key: str | None, sub_account: str) -> ApiClient:
    from offhook.commands.api_client import ApiClient

    if not api_key:
        raise CommandError("no API key: give --api-key or set OFFHOOK_API_KEY", USAGE)
    return ApiClient(url, api_key, sub_account)
