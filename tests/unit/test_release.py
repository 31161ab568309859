"""scripts/release: what it refuses, and what it does to the changelog."""

from __future__ import annotations

import datetime
import importlib.machinery
import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "release"
DAY = datetime.date(2026, 11, 28)
CHANGELOG = """# Changelog

## [Unreleased]

### Added

- A feature.

## [0.1.0] - 2026-01-01

- The first.
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("release_script", str(SCRIPT))
    spec = importlib.util.spec_from_loader("release_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one release."""
    (tmp_path / "src" / "offhook").mkdir(parents=True)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "offhook"\nversion = "0.1.0"\n')
    (tmp_path / "src/offhook/__init__.py").write_text('__version__ = "0.1.0"\n')
    (tmp_path / "clients" / "javascript").mkdir(parents=True)
    (tmp_path / "clients/javascript/package.json").write_text(
        '{\n  "name": "offhook",\n  "version": "0.1.0"\n}\n'
    )
    for command in (
        ("init", "--quiet"),
        ("config", "user.name", "A tester"),
        ("config", "user.email", "tester@example.org"),
        ("add", "."),
        ("commit", "--quiet", "--message", "Begin"),
        ("tag", "v0.1.0"),
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_what_is_unreleased_gets_its_version_and_day(script: ModuleType) -> None:
    new = script.changelog_of(CHANGELOG, "0.2.0", DAY)
    assert "## [Unreleased]\n\n## [0.2.0] - 2026-11-28\n\n### Added\n\n- A feature." in new
    assert script.notes_of(new, "0.2.0") == "### Added\n\n- A feature.\n"
    with pytest.raises(script.CannotRelease, match="nothing is unreleased"):
        script.changelog_of(new, "0.3.0", DAY)


def test_a_release_is_a_commit_and_a_tag_with_its_notes(
    script: ModuleType, repository: Path
) -> None:
    script.check("0.2.0", repository)
    script.stamp("0.2.0", repository, DAY)
    assert 'version = "0.2.0"' in (repository / "pyproject.toml").read_text()
    assert '"0.2.0"' in (repository / "src/offhook/__init__.py").read_text()
    assert '"version": "0.2.0"' in (repository / "clients/javascript/package.json").read_text()
    assert script.run("git", "log", "-1", "--format=%s", folder=repository) == "Release 0.2.0"
    shown = script.run(
        "git", "for-each-ref", "--format=%(contents)", "refs/tags", folder=repository
    )
    assert "### Added" in shown


@pytest.mark.parametrize(
    ("version", "written"),
    [("1.2.3", "1.2.3"), ("1.3.0rc1", "1.3.0-rc.1"), ("1.3.0b12", "1.3.0-b.12")],
)
def test_npm_has_its_own_spelling_of_candidates(
    script: ModuleType, version: str, written: str
) -> None:
    assert script.npm_version(version) == written


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("0.1.0", "released already"),
        ("0.0.9", "not above"),
        ("0.2", "no version"),
        ("0.1.0rc1", "not above"),
    ],
)
def test_a_version_must_be_new_and_higher(
    script: ModuleType, repository: Path, version: str, why: str
) -> None:
    with pytest.raises(script.CannotRelease, match=why):
        script.check(version, repository)


def test_changes_that_are_not_committed_stop_it(script: ModuleType, repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text("")
    with pytest.raises(script.CannotRelease, match="not committed"):
        script.check("0.2.0", repository)
