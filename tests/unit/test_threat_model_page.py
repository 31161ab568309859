"""The threat model names tests, code and settings that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()


def test_what_it_names_as_proof_exists() -> None:
    named = re.findall(r"`((?:tests|telephony)/[^`]+)`", PAGE)
    assert len(named) > 20
    for path in named:
        place = ROOT / path if path.startswith("tests/") else ROOT / "src" / "offhook" / path
        assert place.exists(), path


def test_the_benches_that_it_names_exist() -> None:
    for module in re.findall(r"`python -m ([a-z_.]+)`", PAGE):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link


def test_every_attack_says_what_stops_it() -> None:
    rows = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| ")]
    assert all(cell.strip() for row in rows for cell in row[:2])
