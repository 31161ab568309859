"""``offhook top``: the installation on one screen, again and again."""

from __future__ import annotations

import signal
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from offhook.commands.common import OK, CommandError, Json, emit, table
from offhook.commands.operator_commands import status_text
from offhook.commands.server_options import OPERATOR, Operator
from offhook.commands.times import local

if TYPE_CHECKING:
    from offhook.commands.api_client import ApiClient

NEWEST = 12
"""Sessions that run which are shown."""
MOST_METRICS = 16 << 20
"""Octets of ``/metrics`` that are read."""


class Look(NamedTuple):
    """What was seen at one moment."""

    at: float
    """Monotonic seconds."""
    status: Mapping[str, Any]
    running: list[dict[str, Any]]
    """The newest sessions that run."""
    live: Mapping[str, float]
    """Calls by state: ``ringing``, ``connected``."""
    counts: Mapping[str, float]
    """Calls ``started`` and ``answered`` so far."""
    failures: Mapping[str, float]
    """Failed calls so far, by ``TRUNK SIP-STATUS``."""


def top(
    *,
    every: Annotated[float, Parameter(help="Seconds between two looks, 0.5 to 60.")] = 2.0,
    once: Annotated[
        bool, Parameter(negative=(), help="Look once and end; so does output to a pipe.")
    ] = False,
    operator: Operator = OPERATOR,
    json: Json = False,
) -> int:
    """Show calls, trunks, nodes and queues, and show them again until Ctrl-C."""
    if not 0.5 <= every <= 60:
        raise CommandError("--every: expected 0.5 to 60", command="top")
    api = operator.client()
    seen = look(api)
    if once or json or not sys.stdout.isatty():
        emit(json, _document(seen), screen(seen, None, datetime.now(UTC)))
        return OK
    _show_again_and_again(api, seen, every)
    return OK


def _show_again_and_again(operator: ApiClient, seen: Look, every: float) -> None:
    """Redraw the screen until Ctrl-C. A server that is away is said and waited for."""
    from rich.live import Live
    from rich.text import Text

    before: Look | None = None
    ended: list[int] = []
    # A KeyboardInterrupt would be lost where Python ignores exceptions, as while it frees an object.
    signal.signal(signal.SIGINT, lambda number, _: ended.append(number))

    def rest() -> None:
        until = time.monotonic() + every
        while not ended and time.monotonic() < until:
            time.sleep(0.1)

    with Live(screen=True, auto_refresh=False) as live:
        while not ended:
            try:
                live.update(Text(screen(seen, before, datetime.now(UTC))), refresh=True)
                rest()
                before, seen = seen, look(operator)
            except CommandError as error:
                live.update(Text(f"{error}\n\nwaiting for it … (Ctrl-C ends)"), refresh=True)
                rest()


def look(operator: ApiClient) -> Look:
    """Ask the server. Raises :class:`CommandError`."""
    status = operator.get("/status")
    running = operator.get("/sessions", {"status": "RUNNING", "limit": NEWEST})["sessions"]
    live: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    for name, labels, value in _samples(operator.url):
        match name:
            case "offhook_calls_live":
                live[labels["state"]] += int(value)
            case "offhook_calls_started_total":
                counts["started"] += int(value)
            case "offhook_calls_answered_total":
                counts["answered"] += int(value)
            case "offhook_calls_ended_total" if labels["status"] == "FAILED":
                failures[f"{labels['trunk']} {labels['sip_code']}"] += int(value)
    return Look(time.monotonic(), status, running, live, counts, failures)


def _samples(url: str) -> list[tuple[str, dict[str, str], float]]:
    """The samples of ``/metrics``; none where only the monitoring may read it."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        with urllib.request.urlopen(url.rstrip("/") + "/metrics", timeout=5) as answer:  # noqa: S310
            text = answer.read(MOST_METRICS).decode()
        return [
            (sample.name, dict(sample.labels), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]
    except (OSError, ValueError, urllib.error.URLError):
        return []


def screen(seen: Look, before: Look | None, now: datetime) -> str:
    """The screen for people; rates are those since ``before``."""
    parts = [f"{now.astimezone():%H:%M:%S}  {_calls(seen, before)}"]
    parts.append(status_text(dict(seen.status), now))
    worst = sorted(seen.failures.items(), key=lambda each: -each[1])[:5]
    if worst:
        parts.append(
            table(("FAILED CALLS OVER", "SIP", "CALLS"), [_failed(*each) for each in worst])
        )
    rows = [
        (
            session["sessionId"][-8:],
            session["subAccountId"],
            local(session["createdTimestamp"])[11:19],
            session.get("lastAction", ""),
            ", ".join(leg.get("trunk", "") for leg in session.get("legs", ())),
        )
        for session in seen.running
    ]
    if rows:
        parts.append(table(("SESSION", "SUB-ACCOUNT", "SINCE", "ACTION", "TRUNKS"), rows))
    return "\n\n".join(parts)


def _calls(seen: Look, before: Look | None) -> str:
    text = (
        f"{seen.live.get('connected', 0):.0f} connected, {seen.live.get('ringing', 0):.0f} ringing"
    )
    started = seen.counts.get("started", 0)
    if started:
        text += (
            f", {100 * seen.counts.get('answered', 0) / started:.0f} % of {started:.0f} answered"
        )
    if before is not None and seen.at > before.at:
        rate = (started - before.counts.get("started", 0)) / (seen.at - before.at)
        text += f", {max(0.0, rate):.1f} calls a second"
    return text


def _failed(over: str, calls: float) -> tuple[str, str, str]:
    trunk, _, code = over.rpartition(" ")
    return trunk, code, f"{calls:.0f}"


def _document(seen: Look) -> dict[str, Any]:
    return {
        "status": seen.status,
        "runningSessions": seen.running,
        "callsLive": dict(seen.live),
        "calls": dict(seen.counts),
        "failedCalls": dict(seen.failures),
    }
