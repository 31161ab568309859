"""What the files around the code promise."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[2]
LOCKS = ("runtime.txt", "dev.txt", "lock.txt", "build.txt", "extras.txt", "voices.txt", "hear.txt")


def locked(name: str) -> set[str]:
    text = (ROOT / "requirements" / name).read_text()
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_names_versions_and_hashes_only(name: str) -> None:
    line = re.compile(
        r"([a-z0-9-]+==[\w.]+( ; [^\\]+)?( \\)?|    --hash=sha256:[0-9a-f]{64}( \\)?)"
    )
    text = (ROOT / "requirements" / name).read_text()
    assert [each for each in text.splitlines() if not line.fullmatch(each)] == []
    assert text.count("==") <= text.count("--hash=")


@pytest.mark.parametrize("name", ["runtime.txt", "build.txt", "extras.txt", "voices.txt"])
def test_all_locks_hold_the_same_versions(name: str) -> None:
    one, dev = (
        dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / n).read_text(), re.M))
        for n in (name, "dev.txt")
    )
    assert one.items() <= dev.items()


def test_what_pyproject_asks_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {re.split(r"[;<>=\[ ]", asked)[0] for asked in project["project"]["dependencies"]}
    assert names <= locked("runtime.txt")
    [backend] = project["build-system"]["requires"]
    assert backend in (ROOT / "requirements" / "build.txt").read_text()


def test_the_fixed_commands_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert targets == {
        *("install", "demo", "docs", "voices", "serve", "test", "test-full", "unit"),
        *("check", "format", "bench", "lock"),
    }
    ci = (ROOT / ".ci" / "run").read_text()
    assert [line for line in ci.splitlines() if line.startswith("make")] == [
        "make check",
        "make test",
    ]


def test_no_example_of_hypothesis_has_a_time_limit() -> None:
    assert settings().deadline is None


PAGES = [
    *ROOT.glob("*.md"),
    *(page for page in (ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(re.findall(r"\(([\w-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {page.name for page in folder.glob("*.md")} - {"README.md"}
