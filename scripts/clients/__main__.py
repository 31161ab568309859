"""Writes the generated parts of all clients: ``python -m scripts.clients``."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.clients.python_actions import actions_file
from scripts.clients.python_calls import call_files
from scripts.clients.python_types import type_files
from scripts.clients.typescript import javascript_files

from offhook.http.app import openapi_document

ROOT = Path(__file__).parents[2]
PYTHON = Path("src/offhook/client")
JAVASCRIPT = Path("clients/javascript/generated")


def generated() -> Mapping[Path, str]:
    """Every generated file, below the repository's root, with its text."""
    document = openapi_document()
    files = {PYTHON / "actions.py": actions_file(document)}
    for name, text in type_files(document):
        files[PYTHON / "types" / f"{name}.py"] = text
    for name, text in call_files(document):
        files[PYTHON / "calls" / f"{name}.py"] = text
    javascript = {JAVASCRIPT / name: text for name, text in javascript_files(document)}
    return {**_formatted(files), **javascript}


def _formatted(files: Mapping[Path, str]) -> Mapping[Path, str]:
    """As ``make format`` writes them."""
    ruff = Path(sysconfig.get_path("scripts")) / "ruff"
    with TemporaryDirectory(prefix="offhook-clients-") as folder:
        for path, text in files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        sort = ("check", "--fix-only", "--exit-zero", "--select=I,F401,RUF022")
        for command in (sort, ("format",)):
            options = ("--quiet", "--no-cache", "--config", ROOT / "pyproject.toml")
            subprocess.run([ruff, *command, *options, folder], check=True, cwd=ROOT)  # noqa: S603
        return {path: Path(folder, path).read_text() for path in files}


def main() -> int:
    """Write them; 0."""
    files = generated()
    for folder in {ROOT / path.parent for path in files}:
        folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (ROOT / path).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
