"""Every snippet of ``docs/testing.md`` runs."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offhook import cli
from offhook.testing import Offhook, PhoneCall, SimulatedSession

TEXT = (Path(__file__).parents[3] / "docs" / "testing.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def snippet_tests() -> list[Any]:
    """Each test function of each snippet, by name."""
    found = []
    for snippet in SNIPPETS:
        names: dict[str, Any] = {}
        exec(compile(snippet, "docs/testing.md", "exec"), names)
        found += [
            pytest.param(value, id=name)
            for name, value in names.items()
            if name.startswith("test_")
        ]
    return found


@pytest.mark.parametrize("function", snippet_tests())
def test_snippet(function: Callable[..., None], offhook: Offhook) -> None:
    function(*([offhook] if inspect.signature(function).parameters else []))
    assert offhook.left_behind == []


def test_every_snippet_holds_a_test() -> None:
    assert all("def test_" in snippet for snippet in SNIPPETS)
    assert len(snippet_tests()) > 12


def test_what_the_tables_name_exists() -> None:
    known = {
        *(name for name, _ in inspect.getmembers(Offhook)),
        *dir(Offhook().phone("+12025550100")),
    }
    for name in re.findall(r"`offhook\.(\w+)[(`]", TEXT):
        assert name in known or name in ("testing", "toml"), name
    scripts = TEXT.partition("## Phones")[2].partition("**Every step")[0]
    for name in re.findall(r"`(\w+)\(", scripts):
        assert name in known, name
    offhook = Offhook()
    call = {
        "action": "makeCall",
        "params": {"source": "+6512341234", "destination": "+12025550100"},
    }
    session = offhook.call([call, {"action": "hangup"}])
    table = TEXT.partition("## What a call tells")[2].partition("## Calls from")[0]
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        for name in re.findall(r"`(\w+)", row):
            assert name == "call" or hasattr(SimulatedSession, name) or hasattr(session, name), name
    members = table.partition("`a`, `b`, `legs`")[2].partition("\n")[0]
    for name in re.findall(r"`(\w+)`", members):
        assert hasattr(session.a, name), name
    assert isinstance(session.a, PhoneCall)


def test_the_settings_are_read(pytestconfig: pytest.Config) -> None:
    (snippet,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    for name in tomllib.loads(snippet)["tool"]["pytest"]["ini_options"]:
        assert pytestconfig.getini(name) in ("", None)


def test_the_command_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = re.findall(r"^\$ offhook (simulate .*)$", TEXT, re.MULTILINE)
    names: dict[str, Any] = {}
    exec(SNIPPETS[0], names)
    flow = tmp_path / "menu.json"
    flow.write_text(json.dumps(names["MENU"]))
    words = line.replace("menu.json", str(flow)).split()
    assert cli.main(words) == 1  # nobody listens at the URL
    assert "-2002" in capsys.readouterr().out
    assert cli.main(words[:-2]) == 0
