"""Which configuration file is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhook.config.find import find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with a file, beside one of the system."""
    (tmp_path / "offhook.toml").touch()
    (tmp_path / "system.toml").touch()
    return tmp_path


def took(folder: Path, given: str | None, **environ: str) -> tuple[str | None, str]:
    found = find(given, environ, folder=str(folder), system=str(folder / "system.toml"))
    path = found.path and found.path.replace(f"{folder}/", "")
    return path, found.text.replace(f"{folder}/", "")


def test_the_option_comes_first(folder: Path) -> None:
    assert took(folder, "x.toml", OFFHOOK_CONFIG="y.toml") == ("x.toml", "x.toml")


def test_then_the_variable(folder: Path) -> None:
    assert took(folder, None, OFFHOOK_CONFIG="y.toml") == ("y.toml", "y.toml (OFFHOOK_CONFIG)")


def test_then_the_file_in_the_working_directory(folder: Path) -> None:
    assert took(folder, None, OFFHOOK_CONFIG="") == ("offhook.toml", "./offhook.toml")


def test_then_the_one_of_the_system(folder: Path) -> None:
    (folder / "offhook.toml").unlink()
    assert took(folder, None) == ("system.toml", "system.toml")


def test_else_the_embedded_defaults(folder: Path) -> None:
    (folder / "offhook.toml").unlink()
    (folder / "system.toml").unlink()
    path, text = took(folder, None)
    assert path is None
    assert text.startswith("embedded defaults (no --config, OFFHOOK_CONFIG, ./offhook.toml or ")
