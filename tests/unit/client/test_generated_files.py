"""The generated parts of the clients are those of today's OpenAPI document."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

import pytest
from scripts.clients.__main__ import ROOT, generated
from scripts.clients.python_types import snake
from scripts.clients.reading import WRITTEN_BY_HAND
from tests.support.openapi import the_document

from offhook import AsyncClient, Client

OPERATIONS = [
    about["operationId"] for item in the_document()["paths"].values() for about in item.values()
]


@pytest.fixture(scope="module")
def files() -> Mapping[Path, str]:
    return generated()


def test_the_generated_files_are_up_to_date(files: Mapping[Path, str]) -> None:
    stale = [str(path) for path, text in files.items() if (ROOT / path).read_text() != text]
    assert stale == [], "run python -m scripts.clients"


def test_no_generated_file_is_left_over(files: Mapping[Path, str]) -> None:
    for folder in {path.parent for path in files if path.parent.name in ("types", "calls")}:
        found = {path.relative_to(ROOT) for path in (ROOT / folder).glob("*.py")}
        assert found - files.keys() <= {folder / "__init__.py"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_has_a_method_in_both_clients(name: str) -> None:
    method, later = getattr(Client, snake(name)), getattr(AsyncClient, snake(name))
    assert inspect.getdoc(method) == inspect.getdoc(later) != ""
    assert inspect.signature(method).parameters.keys() == inspect.signature(later).parameters.keys()
    assert inspect.iscoroutinefunction(later) or inspect.isasyncgenfunction(later)


def test_what_is_written_by_hand_is_an_operation() -> None:
    assert set(OPERATIONS) >= WRITTEN_BY_HAND
