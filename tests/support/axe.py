"""axe-core in a page: what hinders people who use a keyboard or a screen reader."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.async_api import Page

PACKAGE = Path(__file__).parents[1] / "integration" / "browser"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def axe_source(folder: Path) -> str:
    """The source of axe-core, as its package has it; installed below ``folder``."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm, for axe-core")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGE / name, folder)
    install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=120)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


async def violations(page: Page, axe: str, only: Sequence[str] = ()) -> list[str]:
    """What axe finds on a page; ``only``: by these rules."""
    await page.evaluate(axe)
    rules = {"type": "rule", "values": [*only]} if only else {"type": "tag", "values": [*RULES]}
    found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
