"""``offhook status``, and the SIP messages of ``offhook show --sip``: for the operator, with an admin key."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter

from offhook.commands.common import FAILED, OK, USAGE, CommandError, Json, emit, table
from offhook.commands.server_options import LOCAL, Url
from offhook.commands.times import local

AdminKey = Annotated[
    str | None,
    Parameter(
        name="--admin-key",
        env_var="OFFHOOK_ADMIN_KEY",
        help="One of the operator's keys ([admin] api_keys).",
        show_default=False,
    ),
]


def status(*, url: Url = LOCAL, admin_key: AdminKey = None, json: Json = False) -> int:
    """Show nodes, trunks and queues at a glance; exit code 1 when no voice node is up."""
    shown = admin_get(url, admin_key, "/status")
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
    trunks = [
        (
            trunk["name"],
            trunk["address"],
            f"{trunk['channelsUsed']}"
            + (f" of {trunk['channels']}" if trunk.get("channels") is not None else ""),
        )
        for trunk in shown["trunks"]
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
    if trunks:
        parts.append(table(("TRUNK", "ADDRESS", "CHANNELS"), trunks))
    return "\n".join(parts)


def _age(words: str, since: str | None, now: datetime) -> str:
    if since is None:
        return ""
    seconds = (now - datetime.fromisoformat(since)).total_seconds()
    return f"{words} {seconds:.0f} s" if seconds >= 1 else ""


def show_sip(
    session: str, *, url: str, admin_key: str | None, json: bool, pcap: Path | None
) -> None:
    """Print the ladder of a session, or write its messages to a file."""
    from offhook.commands.sip_ladder import ladder, write_pcap

    shown = admin_get(url, admin_key, f"/sessions/{quote(session, safe='')}/sip")
    if pcap is None:
        emit(json, shown, ladder(shown["messages"]))
        return
    try:
        write_pcap(pcap, shown["messages"])
    except OSError as error:
        raise CommandError(f"{pcap}: {error.strerror}") from None
    emit(json, shown, f"{len(shown['messages'])} messages written to {pcap}")


def admin_get(url: str, admin_key: str | None, path: str) -> dict[str, Any]:
    """GET below ``/admin/v1``. Raises :class:`CommandError`."""
    from offhook.commands.api_client import ApiClient

    if not admin_key:
        raise CommandError("no operator's key: give --admin-key or set OFFHOOK_ADMIN_KEY", USAGE)
    return ApiClient(url, admin_key, sub_account=None).get(path)
