"""``docs/callflows.md``: every example is judged, every param of every action is explained."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from offhook import patterns
from offhook.flow import kinds, table
from offhook.flow.actions import ExecuteScenario, Say
from offhook.flow.judge import judge
from offhook.flow.lint import offline_facts
from offhook.flow.problems import Mode
from offhook.flow.scenarios import ScenarioParameter, expand

PAGE = (Path(__file__).parents[3] / "docs" / "callflows.md").read_text("utf-8")
BLOCKS = re.findall(r"^```json (\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
NOW = datetime(2026, 7, 3, tzinfo=UTC)
FACTS = offline_facts()


def blocks(kind: str) -> list[str]:
    return [text for label, text in BLOCKS if label == kind]


def test_every_block_of_json_is_one_of_those_that_are_judged() -> None:
    assert {label for label, _ in BLOCKS} == {"callflow", "action", "scenario", "run"}
    assert PAGE.count("```json") == len(BLOCKS)


@pytest.mark.parametrize("text", blocks("callflow") + blocks("run"))
def test_every_callflow_is_accepted(text: str) -> None:
    assert judge(text.encode(), FACTS, NOW).problems == ()


@pytest.mark.parametrize("text", blocks("action"))
def test_every_action_is_accepted_in_a_decision(text: str) -> None:
    body = f'{{"callflow": [{text}]}}'
    assert judge(body.encode(), FACTS, NOW, mode=Mode.DECISION).problems == ()


def test_every_action_has_an_example() -> None:
    shown = {json.loads(text)["action"] for text in blocks("action")}
    assert shown == {row.name for row in table.ROWS} - {"executeScenario"}


def test_the_scenario_runs_with_the_parameters_shown() -> None:
    scenario, run = json.loads(blocks("scenario")[0]), json.loads(blocks("run")[0])
    declared = [ScenarioParameter(**parameter) for parameter in scenario["parameters"]]
    params = run["callflow"][0]["params"]
    action = ExecuteScenario(scenario_name=params.pop("scenarioName"), parameters=params)
    template = json.dumps({"callflow": scenario["callflow"]})
    said = expand(template, declared, action, FACTS, NOW).actions[1]
    assert isinstance(said, Say)
    assert said.text == "Dear Zoë O'Neil, we expect you at 09:30."
    assert said.repetition == 2


@pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.name)
def test_every_param_of_an_action_is_explained_with_its_range(row: table.ActionRow) -> None:
    section = PAGE.partition(f"\n## {row.name}\n")[2].partition("\n## ")[0]
    assert section
    for param in row.params:
        assert f"`{param.name}`" in section
        if row.name == "sayAndCapture" and param.name in ("repetition", "speed"):
            continue  # "as in say"
        if isinstance(param.kind, kinds.Integer | kinds.NumberKind):
            assert f"{param.kind.minimum} to {param.kind.maximum}" in section
        if isinstance(param.kind, kinds.Text | kinds.Url) and param.kind.longest is not None:
            assert str(param.kind.longest) in section


def test_the_bounds_of_patterns_are_told() -> None:
    for bound in (patterns.LONGEST_MATCHED, patterns.LONGEST_PATTERN):
        assert str(bound) in PAGE
