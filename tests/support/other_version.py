"""Another version of the server, taken from the repository's history."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.server import environment

ROOT = Path(__file__).parents[2]


def in_history(commit: str) -> bool:
    """Whether the repository is here, with that commit."""
    command = ["git", "-C", str(ROOT), "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def source_of(commit: str, folder: Path) -> Path:
    """Put the package of a commit into ``folder``; what to give to ``Server(source=…)``."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, "src"], capture_output=True, check=True
    ).stdout
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder / "src"


def run_other(source: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``offhook`` of another version."""
    return subprocess.run(
        [sys.executable, "-m", "offhook", *arguments],
        env={**environment(), "PYTHONPATH": str(source)},
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
