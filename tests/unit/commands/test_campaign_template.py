"""What ``offhook campaigns create`` takes from a template's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from offhook.commands.campaign_commands import template_of

CALLFLOW = [{"action": "makeCall", "params": {"source": "+6512341234"}}]
TAKEN = {
    "callflow": CALLFLOW,
    "clientRequestId": "{{order}}",
    "name": "July",
    "pace": 5,
    "maxCalls": 50,
    "callingHours": [{"days": ["mon-fri"], "opens": "09:00", "closes": "20:00"}],
    "retries": {"busyAfter": 600, "noAnswerAfter": None, "most": 3},
}


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        (TAKEN, TAKEN),
        (TAKEN | {"targets": ["+6590000000"], "start": True, "unknown": 1}, TAKEN),
        (CALLFLOW, {"callflow": CALLFLOW}),
    ],
)
def test_all_but_the_numbers_is_taken(tmp_path: Path, written: object, taken: object) -> None:
    file = tmp_path / "template.json"
    file.write_text(json.dumps(written))
    assert template_of(file) == taken
