"""``offhook status``, ``trunks``, ``logs`` and ``show --sip``: for the operator, with an admin key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter

from offhook.commands.common import FAILED, OK, USAGE, CommandError, Json, emit, table
from offhook.commands.server_options import OPERATOR, Operator
from offhook.commands.session_ids import full_id
from offhook.commands.times import local

if TYPE_CHECKING:
    from offhook.commands.api_client import ApiClient

STATES = {True: "up", False: "DOWN", None: "not asked yet"}
"""Of a trunk, by whether it answers."""


def status(*, operator: Operator = OPERATOR, json: Json = False) -> int:
    """Show nodes, trunks and queues at a glance; exit code 1 when no voice node is up."""
    shown = operator.client().get("/status")
    emit(json, shown, status_text(shown, datetime.now(UTC)))
    voices = [node["up"] for node in shown["nodes"] if node["role"] == "voice"]
    return OK if any(voices) else FAILED


def status_text(shown: dict[str, Any], now: datetime) -> str:
    """The status for people; ages are counted to ``now``."""
    nodes = [
        (
            node["name"],
            node["role"],
            "up" if node["up"] else ("ended" if node.get("heartbeatAt") is None else "SILENT"),
            str(node["sessions"]),
            local(node["heartbeatAt"]) if node.get("heartbeatAt") else "",
        )
        for node in shown["nodes"]
    ]
    waiting = shown["sessionsQueued"]
    queue = f"Sessions: {shown['sessionsRunning']} running, {waiting} waiting"
    queue += _age(", the oldest for", shown.get("oldestQueuedAt"), now)
    if shown["sessionsPassedOver"]:
        queue += f"; {shown['sessionsPassedOver']} that no node knows what to do with"
    webhooks = f"Webhooks: {shown['webhooksPending']} waiting"
    webhooks += _age(", the first due since", shown.get("oldestWebhookAt"), now)
    parts = [f"Offhook {shown['version']}", queue, webhooks]
    parts.append(table(("NODE", "ROLE", "STATE", "SESSIONS", "LAST HEARTBEAT"), nodes))
    if shown["trunks"]:
        parts.append(trunks_text(shown["trunks"], now))
    return "\n".join(parts)


def trunks(*, operator: Operator = OPERATOR, json: Json = False) -> int:
    """Show each trunk: whether it answers, its channels and limits; exit code 1 when one is down."""
    shown = operator.client().get("/status")["trunks"]
    text = trunks_text(shown, datetime.now(UTC)) if shown else "The configuration has no trunks."
    emit(json, {"trunks": shown}, text)
    return FAILED if any(trunk.get("up") is False for trunk in shown) else OK


def trunks_text(shown: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """The trunks as a table; times are counted to ``now``."""
    rows = [
        (
            trunk["name"],
            trunk["address"],
            f"{trunk['channelsUsed']}"
            + (f" of {trunk['channels']}" if trunk.get("channels") is not None else ""),
            "" if trunk.get("cps") is None else f"{trunk['cps']:g}",
            STATES[trunk.get("up")] + _age(" for", trunk.get("since"), now),
            trunk.get("detail") or "",
        )
        for trunk in shown
    ]
    return table(("TRUNK", "ADDRESS", "CHANNELS", "CPS", "STATE", "WHY"), rows)


def logs(
    session: Annotated[
        str | None, Parameter(help="Its id, or the end of it; absent: the newest session.")
    ] = None,
    *,
    operator: Operator = OPERATOR,
    json: Json = False,
) -> None:
    """Show what all processes logged about a session, from level info on; times are local."""
    from offhook.log import one_line

    api = operator.client()
    named = full_id(api, session)
    shown = api.get(f"/sessions/{quote(named, safe='')}/log")
    lines = [
        f"{local(line['at'])} {line['level']:<7} {line['process']} {one_line(line['text'])}"
        for line in shown["lines"]
    ]
    emit(json, shown, "\n".join(lines) or f"Nothing was logged about session {named}.")


def _age(words: str, since: str | None, now: datetime) -> str:
    if since is None:
        return ""
    seconds = (now - datetime.fromisoformat(since)).total_seconds()
    return f"{words} {seconds:.0f} s" if seconds >= 1 else ""


def show_sip(api: ApiClient, session: str, *, json: bool) -> None:
    """Print the ladder of a session."""
    from offhook.commands.sip_ladder import ladder

    shown = api.get(f"/sessions/{quote(session, safe='')}/sip")
    emit(json, shown, ladder(shown["messages"]))


def save_pcap(api: ApiClient, session: str, file: Path, *, json: bool) -> None:
    """Write the packets of a session to a file."""
    parts: list[bytes] = []
    path = f"/sessions/{quote(session, safe='')}/pcap"
    api.stream(path, parts.append)
    try:
        file.write_bytes(b"".join(parts))
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    size = sum(map(len, parts))
    emit(json, {"sessionId": session, "file": str(file), "octets": size}, f"{file}: {size} octets")


def capture(
    session: Annotated[
        str | None, Parameter(help="A session that runs or waits: its id, or the end of it.")
    ] = None,
    *,
    number: Annotated[
        str | None, Parameter(help="Instead: the next session with a call from or to this number.")
    ] = None,
    seconds: Annotated[float, Parameter(help="Of audio at the most, 1 to 600.")] = 60.0,
    rtp: Annotated[bool, Parameter(negative="--no-rtp", help="Audio too, not only SIP.")] = True,
    operator: Operator = OPERATOR,
    json: Json = False,
) -> None:
    """Capture the packets of a session; afterwards offhook show SESSION --pcap FILE writes them."""
    if (session is None) == (number is None):
        raise CommandError("give a SESSION or --number", USAGE, "capture")
    api = operator.client()
    wanted = {"number": number} if session is None else {"sessionId": full_id(api, session)}
    body = {**wanted, "seconds": seconds, "rtp": rtp}
    made = api.post("/captures", body)
    what = (
        f"the next session with {number}" if session is None else f"session {wanted['sessionId']}"
    )
    text = f"Capturing {what}. When it has ended: offhook show SESSION --pcap call.pcap"
    emit(json, made, text)
