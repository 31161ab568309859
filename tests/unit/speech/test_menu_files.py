"""Menus of the configuration file are judged before the server serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from offhook.config.file import ConfigError, load_for_serving
from offhook.speech.menu_files import menu_findings

GOOD = {
    "first": "welcome",
    "callflows": {
        "welcome": [
            {
                "action": "sayAndCapture",
                "params": {"promptMessage": "Press 1.", "language": "en-GB", "maxDigits": 1},
            }
        ],
        "call": [
            {
                "action": "makeCall",
                "params": {"source": "+6512345678", "destination": "+12025550101"},
            }
        ],
    },
    "table": [{"menu": "welcome", "on": "1", "next": "call"}],
}


def problems(folder: Path, menu: bytes | None) -> str:
    """What is wrong with a configuration that names this file; empty: nothing."""
    file = folder / "offhook.toml"
    text = '[[subaccounts]]\nid = "acme"\naccount = "a"\n\n[[subaccounts.menus]]\nname = "house"\n'
    file.write_text(text + 'file = "menu.json"\n')
    if menu is not None:
        (folder / "menu.json").write_bytes(menu)
    try:
        load_for_serving(str(file), {}, judge=menu_findings)
    except ConfigError as error:
        return str(error)
    return ""


def test_a_menu_that_can_be_used_is_fine(tmp_path: Path) -> None:
    assert problems(tmp_path, json.dumps(GOOD).encode()) == ""


def without(member: str) -> bytes:
    return json.dumps({name: GOOD[name] for name in GOOD if name != member}).encode()


def saying(**params: object) -> bytes:
    action = {"action": "say", "params": {"text": "Hello", "language": "en-GB"} | params}
    return json.dumps({"first": "a", "callflows": {"a": [action]}}).encode()


@pytest.mark.parametrize(
    ("menu", "told"),
    [
        (b"{", "$: not JSON: "),
        (b"\xff", "not UTF-8 at byte 0"),
        (without("first"), "first: must name one of the callflows"),
        (without("callflows"), "callflows: must be an object"),
        (saying(text=""), "callflows.a: -1009 "),
        (saying(repetition=9), "callflows.a: -1009 "),
        (saying(language="tlh"), "callflows.a: -1002 "),
        (None, "there is no file "),
    ],
)
def test_a_menu_that_cannot_be_used_stops_the_start_with_key_and_line(
    tmp_path: Path, menu: bytes | None, told: str
) -> None:
    found = problems(tmp_path, menu)
    assert "offhook.toml:7: subaccounts[0].menus[0].file: " in found
    assert told in found
