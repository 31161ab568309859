"""The operator's pages: their commands exist, their settings are settings, their links lead somewhere."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest

from offhook import cli
from offhook.config import file as config_file

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "operations"
PAGES = sorted(FOLDER.glob("*.md"))


def blocks(language: str) -> list[tuple[str, str]]:
    """The blocks of a language on all pages: page and text."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [(page.name, text) for page in PAGES for text in pattern.findall(page.read_text())]


def commands() -> set[tuple[str, ...]]:
    """Each use of ``offhook`` on the pages, in blocks and in the text: its words."""
    found = [line for _, text in blocks("sh") for line in text.splitlines()]
    for page in PAGES:
        found += re.findall(r"`(offhook [^`]+)`", page.read_text())
    uses = [re.match(r"(?:\S+/bin/)?offhook (.+)", line) for line in found]
    return {tuple(shlex.split(use[1])) for use in uses if use is not None}


@cache
def help_of(*words: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert cli.main([*words, "--help"]) == 0
    return printed.getvalue()


@pytest.mark.parametrize("words", sorted(commands()), ids=" ".join)
def test_every_command_of_the_pages_exists_with_its_options(words: tuple[str, ...]) -> None:
    if words[0].startswith("-"):
        assert words[0] in help_of()
        return
    depth = 2 if words[0] in {"config", "db", "keys"} else 1
    text = help_of(*words[:depth])
    assert text.startswith("Usage: offhook " + " ".join(words[:depth]))
    for option in words[depth:]:
        if option.startswith("-"):
            assert re.search(rf"{re.escape(option)}\b", text), option


@pytest.mark.parametrize(("page", "text"), blocks("toml"))
def test_every_setting_of_the_pages_is_one(page: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "offhook.toml"
    file.write_text(text)
    (tmp_path / "cert.pem").touch()
    (tmp_path / "key.pem").touch()
    config_file.load(str(file), {"OFFHOOK_ADMIN_KEY": "a-key-of-the-operator"})


@pytest.mark.parametrize(("page", "text"), blocks("sh"))
def test_every_block_is_a_script_that_a_shell_reads(page: str, text: str) -> None:
    done = subprocess.run(["sh", "-n", "-c", text], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_index_lists_every_page() -> None:
    listed = set(re.findall(r"\(([a-z]+\.md)\)", (FOLDER / "README.md").read_text()))
    assert listed == {page.name for page in PAGES} - {"README.md"}


def test_every_metric_of_the_pages_and_of_deploy_exists() -> None:
    known = set(re.findall(r"^\| `(offhook_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))
    known |= {f"{name}_bucket" for name in known}
    texts = [page.read_text() for page in PAGES]
    texts.append((ROOT / "deploy/grafana/offhook.json").read_text())
    texts.append((ROOT / "deploy/prometheus/offhook.rules.yml").read_text())
    named = {name for text in texts for name in re.findall(r"\boffhook_[a-z_]+[a-z]\b", text)}
    assert named - known == set()
