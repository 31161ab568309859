"""What ``offhook status`` prints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from offhook.commands.operator_commands import status_text

NOW = datetime(2026, 11, 28, 3, 0, 30, tzinfo=UTC)


def node(name: str, heartbeat: str | None, *, up: bool, sessions: int) -> dict[str, Any]:
    shown = {"name": name, "role": "voice", "up": up, "sessions": sessions}
    return shown if heartbeat is None else {**shown, "heartbeatAt": heartbeat}


SHOWN: dict[str, Any] = {
    "version": "1.0",
    "nodes": [
        node("a/0", "2026-11-28T03:00:29.000Z", up=True, sessions=3),
        node("b/0", "2026-11-28T02:00:00.000Z", up=False, sessions=1),
        node("c/0", None, up=False, sessions=0),
    ],
    "trunks": [
        {"name": "carrier", "address": "udp:192.0.2.1:5060", "channelsUsed": 4, "channels": 10},
        {"name": "spare", "address": "udp:192.0.2.2:5060", "channelsUsed": 0},
    ],
    "sessionsRunning": 4,
    "sessionsQueued": 2,
    "oldestQueuedAt": "2026-11-28T03:00:00.000Z",
    "sessionsPassedOver": 0,
    "webhooksPending": 0,
}


def test_a_silent_node_stands_out_and_a_full_trunk_shows_its_limit() -> None:
    text = status_text(SHOWN, NOW)
    assert "Sessions: 4 running, 2 waiting, the oldest for 30 s" in text
    states = [line.split()[2] for line in text.splitlines() if " voice " in line]
    assert states == ["up", "SILENT", "ended"]
    assert "4 of 10" in text


def test_sessions_that_no_node_knows_are_told() -> None:
    assert "3 that no node knows" in status_text({**SHOWN, "sessionsPassedOver": 3}, NOW)
