"""``offhook docs``: writes the site, prints it for language models, and says what is wrong."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from offhook import cli
from offhook.docs_site import sources


def a_page_is_broken(root: Path) -> None:
    (root / "docs").mkdir()
    (root / "docs" / "contents.toml").write_text(
        'title = "T"\nsummary = "S"\n[[chapters]]\ntitle = "C"\nabout = "A"\n'
        'pages = [{ page = "docs/index.md" }]\n'
    )
    (root / "docs" / "index.md").write_text("# T\n\n[a](gone.md)\n")


def test_a_problem_fails_the_build(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_page_is_broken(tmp_path)
    monkeypatch.setattr(sources, "CLONE", tmp_path)
    assert cli.main(["docs", "--build", str(tmp_path / "site")]) == 1
    assert capsys.readouterr().out == "docs/index.md:3: gone.md: does not exist\n1 problem\n"
    assert not (tmp_path / "site").exists()


def test_an_installation_without_pages_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CLONE", tmp_path)
    assert cli.main(["docs", "--port", "0"]) == 1
    assert "the documentation cannot be shown: no docs/contents.toml" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named_before_the_site_is_built(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CLONE", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["docs", "--port", str(port)]) == 1
    assert f"port {port} of 127.0.0.1" in capsys.readouterr().err
