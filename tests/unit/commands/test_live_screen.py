"""``offhook top``: what stands on the screen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from offhook.commands.live_screen import Look, screen

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
STATUS: dict[str, Any] = {
    "version": "1",
    "nodes": [],
    "trunks": [
        {
            "name": "carrier",
            "address": "udp:192.0.2.1:5060",
            "channelsUsed": 3,
            "channels": 10,
            "cps": 5,
            "up": False,
            "since": "2026-11-28T02:59:00.000Z",
            "detail": "no response from udp:192.0.2.1:5060 for 32 s",
        }
    ],
    "sessionsRunning": 3,
    "sessionsQueued": 0,
    "sessionsPassedOver": 0,
    "webhooksPending": 0,
}


def seen(at: float, started: int) -> Look:
    running = [
        {
            "sessionId": "0193c2a4-7d1e-7000-8000-00008e5f30c1",
            "subAccountId": "acme_corp",
            "createdTimestamp": "2026-11-28T02:59:30.000Z",
            "lastAction": "say",
            "legs": [{"trunk": "carrier"}],
        }
    ]
    counts = {"started": started, "answered": started / 2}
    return Look(at, STATUS, running, {"connected": 2, "ringing": 1}, counts, {"carrier 503": 4})


def test_the_screen_has_calls_trunks_failures_and_sessions() -> None:
    text = screen(seen(110.0, 40), seen(100.0, 20), NOW)
    assert "2 connected, 1 ringing, 50 % of 40 answered, 2.0 calls a second" in text
    assert "DOWN for 60 s  no response from udp:192.0.2.1:5060 for 32 s" in text
    assert "carrier            503  4" in text
    assert "8e5f30c1" in text.replace("00008e5f30c1", "8e5f30c1")
    assert "acme_corp" in text


def test_the_first_screen_has_no_rate() -> None:
    assert "calls a second" not in screen(seen(110.0, 40), None, NOW)
