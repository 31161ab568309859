"""Property tests have no limit in time: how long an example takes depends on what else the machine does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["offhook", "quick"])
def test_no_example_of_our_profiles_has_a_deadline(name: str) -> None:
    assert settings.get_profile(name).deadline is None


def test_the_profile_in_use_and_settings_of_a_test_have_none() -> None:
    assert settings().deadline is None
    assert settings(max_examples=10).deadline is None


def test_no_test_sets_one() -> None:
    named = [
        path.name
        for path in TESTS.rglob("*.py")
        if "hypothesis" in (source := path.read_text()) and path.name != "conftest.py"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("settings", "hypothesis.settings")
        and any(keyword.arg == "deadline" for keyword in node.keywords)
    ]
    assert named == []
