"""docs/architecture.md names only what exists: every file, every folder, every function."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "offhook"
SPANS = re.findall(r"`([^`\n]+)`", (ROOT / "docs" / "architecture.md").read_text())
PLACES = sorted({span for span in SPANS if re.fullmatch(r"[\w/]+\.py:[\w.]+", span)})
FILES = sorted({span for span in SPANS if re.fullmatch(r"[\w/]+(\.py|/)", span)})


def names_in(module: Path) -> set[str]:
    """Functions, classes and ``Class.method`` of a module."""
    names: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            names |= {
                f"{node.name}.{each.name}" for each in node.body if isinstance(each, functions)
            }
    return names


def test_the_page_has_its_walks() -> None:
    assert len(PLACES) > 25
    assert len(FILES) > 20


@pytest.mark.parametrize("place", PLACES)
def test_every_function_that_it_names_exists(place: str) -> None:
    file, _, name = place.partition(":")
    assert name in names_in(SOURCES / file)


@pytest.mark.parametrize("file", FILES)
def test_every_file_that_it_names_exists(file: str) -> None:
    parts = ("", "http", "execution", "session", "media")
    assert (ROOT / file).exists() or any((SOURCES / part / file).exists() for part in parts)


def test_every_folder_of_the_source_is_on_the_page() -> None:
    folders = {path.name for path in SOURCES.iterdir() if (path / "__init__.py").exists()}
    assert folders <= {span.strip("/") for span in SPANS}
