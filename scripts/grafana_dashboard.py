#!/usr/bin/env python3
"""Writes deploy/grafana/offhook.json, the dashboard: one line a panel here, 40 lines each there.

Import the file into Grafana (Dashboards, New, Import). A test compares the file with this script, and another
asks a real Prometheus every query while calls run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

TARGET = Path(__file__).resolve().parents[1] / "deploy" / "grafana" / "offhook.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Panel(NamedTuple):
    """One graph: title, unit of Grafana, and expressions with the legend of their lines."""

    title: str
    unit: str
    queries: dict[str, str]
    kind: str = "timeseries"
    width: int = 8


def by(labels: str, name: str, window: str = "$__rate_interval", match: str = "") -> str:
    """The rate of a counter, summed by labels."""
    return f"sum by ({labels}) (rate(offhook_{name}{{{match}}}[{window}]))"


def quantile(q: float, name: str, labels: str = "", match: str = "") -> str:
    """A quantile of a histogram."""
    within = f"le, {labels}" if labels else "le"
    return f"histogram_quantile({q}, {by(within, f'{name}_bucket', match=match)})"


TRUNK = 'trunk=~"$trunk"'
ROWS: dict[str, list[Panel]] = {
    "At a glance": [
        Panel("Live calls", "short", {"": "sum(offhook_calls_live)"}, "stat", 4),
        Panel("Waiting sessions", "short", {"": "max(offhook_sessions_queued)"}, "stat", 4),
        Panel("Longest wait", "s", {"": "max(offhook_queue_age_seconds)"}, "stat", 4),
        Panel("Nodes up", "short", {"": "sum(max by (node) (offhook_node_up))"}, "stat", 4),
        Panel("Webhooks pending", "short", {"": "max(offhook_webhooks_pending)"}, "stat", 4),
        Panel("Webhooks late by", "s", {"": "max(offhook_webhooks_overdue_seconds)"}, "stat", 4),
    ],
    "Calls": [
        Panel(
            "Live calls by state",
            "short",
            {"{{direction}} {{state}}": "sum by (direction, state) (offhook_calls_live)"},
        ),
        Panel(
            "Calls begun",
            "cps",
            {"{{direction}} {{trunk}}": by("direction, trunk", "calls_started_total", match=TRUNK)},
        ),
        Panel(
            "Calls ended by outcome",
            "cps",
            {"{{status}}": by("status", "calls_ended_total", match=TRUNK)},
        ),
        Panel(
            "SIP status of calls that ended",
            "cps",
            {"{{trunk}} {{sip_code}}": by("trunk, sip_code", "calls_ended_total", match=TRUNK)},
        ),
        Panel(
            "Sessions ended",
            "cps",
            {"{{status}} {{code}}": by("status, code", "sessions_ended_total")},
        ),
        Panel(
            "Answer-seizure ratio",
            "percentunit",
            {
                "{{trunk}}": f"{by('trunk', 'calls_answered_total', '15m', TRUNK)}"
                f" / {by('trunk', 'calls_started_total', '15m', TRUNK)}"
            },
        ),
    ],
    "Trunks and quality": [
        Panel(
            "Channels used",
            "short",
            {
                "{{trunk}}": f"max by (trunk) (offhook_trunk_channels_used{{{TRUNK}}})",
                "limit of {{trunk}}": f"max by (trunk) (offhook_trunk_channels_limit{{{TRUNK}}})",
            },
        ),
        Panel(
            "Post-dial delay",
            "s",
            {
                "{{trunk}} median": quantile(0.5, "post_dial_delay_seconds", "trunk", TRUNK),
                "{{trunk}} 95 %": quantile(0.95, "post_dial_delay_seconds", "trunk", TRUNK),
            },
        ),
        Panel(
            "MOS, the worst 5 %", "none", {"{{trunk}}": quantile(0.05, "call_mos", "trunk", TRUNK)}
        ),
        Panel(
            "RTP lost or late, 95 %",
            "percentunit",
            {"{{trunk}}": quantile(0.95, "call_packet_loss_ratio", "trunk", TRUNK)},
        ),
        Panel(
            "Jitter, 95 %",
            "ms",
            {"{{trunk}}": quantile(0.95, "call_jitter_milliseconds", "trunk", TRUNK)},
        ),
        Panel(
            "Minutes of calls",
            "short",
            {"{{trunk}}": f"60 * {by('trunk', 'call_seconds_total', match=TRUNK)} / 60"},
        ),
    ],
    "Trunks by state, keys, audio": [
        Panel("Trunk up", "short", {"{{trunk}}": f"min by (trunk) (offhook_trunk_up{{{TRUNK}}})"}),
        Panel(
            "Calls dialled a second, and the limit",
            "cps",
            {
                "{{trunk}}": by(
                    "trunk", "calls_started_total", match=f'direction="OUTBOUND", {TRUNK}'
                ),
                "limit of {{trunk}}": f"max by (trunk) (offhook_trunk_cps_limit{{{TRUNK}}})",
            },
        ),
        Panel(
            "RTP packets",
            "pps",
            {"{{trunk}} {{result}}": by("trunk, result", "rtp_packets_total", match=TRUNK)},
        ),
        Panel(
            "Calls without audio, without telephone-event",
            "cps",
            {
                "{{trunk}} no audio": by("trunk", "calls_without_audio_total", match=TRUNK)
                + " or vector(0)",
                "{{trunk}} no telephone-event": by(
                    "trunk", "calls_without_telephone_event_total", match=TRUNK
                )
                + " or vector(0)",
            },
        ),
        Panel("Digits by the way they came", "cps", {"{{way}}": by("way", "dtmf_digits_total")}),
        Panel(
            "Calls from outside that are refused, addresses banned",
            "cps",
            {
                "{{reason}}": f"{by('reason', 'inbound_calls_refused_total')} or vector(0)",
                "banned": "sum(rate(offhook_addresses_banned_total[$__rate_interval])) or vector(0)",
            },
        ),
    ],
    "Speech": [
        Panel(
            "Texts by where the prompt came from",
            "cps",
            {"{{engine}} {{source}}": by("engine, source", "tts_prompts_total")},
            width=12,
        ),
        Panel(
            "Time to speak a new text, 95 %",
            "s",
            {"{{engine}}": quantile(0.95, "tts_seconds", "engine")},
            width=12,
        ),
    ],
    "Customers' servers": [
        Panel(
            "VCA answer",
            "s",
            {"median": quantile(0.5, "vca_seconds"), "95 %": quantile(0.95, "vca_seconds")},
        ),
        Panel("VCA answers", "cps", {"{{result}}": by("result", "vca_answers_total")}),
        Panel("Key captures", "cps", {"{{result}}": by("result", "dtmf_captures_total")}),
        Panel(
            "Webhook deliveries",
            "cps",
            {"{{type}} {{result}}": by("type, result", "webhook_deliveries_total")},
        ),
        Panel("Webhook attempt, 95 %", "s", {"95 %": quantile(0.95, "webhook_attempt_seconds")}),
        Panel(
            "Webhooks pending and late",
            "short",
            {
                "pending": "max(offhook_webhooks_pending)",
                "seconds late": "max(offhook_webhooks_overdue_seconds)",
            },
        ),
    ],
    "API": [
        Panel(
            "Requests",
            "reqps",
            {"{{route}} {{status}}": by("route, status", "http_requests_total")},
        ),
        Panel("Request, 99 %", "s", {"{{route}}": quantile(0.99, "http_request_seconds", "route")}),
        Panel("Judged callflows", "reqps", {"{{code}}": by("code", "callflows_judged_total")}),
    ],
    "Processes": [
        Panel("Store, 95 %", "s", {"{{operation}}": quantile(0.95, "store_seconds", "operation")}),
        Panel(
            "Lag of the event loop, 99 %",
            "s",
            {"{{process}}": quantile(0.99, "event_loop_lag_seconds", "process")},
        ),
        Panel("File descriptors", "short", {"{{process}}": "offhook_open_file_descriptors"}),
        Panel("Sessions by node", "short", {"{{node}}": "max by (node) (offhook_node_sessions)"}),
        Panel("Epoch of nodes", "short", {"{{node}}": "max by (node) (offhook_node_epoch)"}),
        Panel("Starts of processes", "short", {"{{process}}": "offhook_process_starts_total"}),
    ],
}


def dashboard() -> dict[str, Any]:
    """The dashboard, as Grafana 9 and later import it."""
    return {
        "title": "Offhook",
        "uid": "offhook",
        "tags": ["offhook"],
        "schemaVersion": 38,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [datasource(), trunks()]},
        "panels": list(panels()),
    }


def datasource() -> dict[str, Any]:
    """Which Prometheus."""
    return {
        "name": "datasource",
        "type": "datasource",
        "query": "prometheus",
        "label": "Prometheus",
    }


def trunks() -> dict[str, Any]:
    """Which trunks the panels show."""
    return {
        "name": "trunk",
        "type": "query",
        "label": "Trunk",
        "datasource": SOURCE,
        "query": {"query": "label_values(offhook_trunk_channels_used, trunk)", "refId": "trunk"},
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,
        "current": {"text": "All", "value": "$__all"},
    }


def panels() -> Iterator[dict[str, Any]]:
    """Rows and panels with their places."""
    y, number = 0, 0
    for title, row in ROWS.items():
        number += 1
        place = {"h": 1, "w": 24, "x": 0, "y": y}
        yield {"type": "row", "id": number, "title": title, "gridPos": place, "panels": []}
        y, x = y + 1, 0
        height = 4 if row[0].kind == "stat" else 8
        for panel in row:
            if x + panel.width > 24:
                x, y = 0, y + height
            number += 1
            place = {"h": height, "w": panel.width, "x": x, "y": y}
            yield drawn(panel, number, place)
            x += panel.width
        y += height


def drawn(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    """One panel."""
    return {
        "type": panel.kind,
        "id": number,
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": SOURCE,
                "expr": query,
                "legendFormat": legend,
            }
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text())
