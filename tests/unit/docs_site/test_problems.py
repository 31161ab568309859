"""What is wrong with a page is told with its line: on small sites of a few pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from offhook.docs_site.building import build

CONTENTS = """
title = "T"
summary = "S"
[[chapters]]
title = "C"
about = "A"
pages = [{ page = "docs/index.md" }, { page = "docs/other.md" }]
"""
OTHER = "# Other\n\n## Part one\n\nText.\n"


def problems(folder: Path, page: str, more: Mapping[str, str] | None = None) -> list[str]:
    """What building says of ``docs/index.md`` with this text."""
    files = {
        "docs/contents.toml": CONTENTS,
        "docs/index.md": page,
        "docs/other.md": OTHER,
        "docs/data.json": "{}",
        **(more or {}),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return [str(problem) for problem in build(folder).problems]


@pytest.mark.parametrize(
    "line",
    [
        "[a](other.md)",
        "[a](other.md#part-one)",
        "[a](#title)",
        "[a](data.json)",
        "[a](https://example.org/x)",
        "<http://127.0.0.1:8080/console>",
        "![A picture](data.json)",
        "<!-- a comment -->",
        "```python\nprint()\n```",
        "```text\nx\n```",
    ],
)
def test_what_is_right(tmp_path: Path, line: str) -> None:
    assert problems(tmp_path, f"# Title\n\n{line}\n") == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[a](gone.md)", "gone.md: does not exist"),
        ("[a](other.md#part-two)", "docs/other.md has no such heading"),
        ("[a](#nowhere)", "docs/index.md has no such heading"),
        ("[a](../../../etc/passwd)", "leads out of the repository"),
        ("[a](https://nothing)", "no proper address"),
        ("[a](ftp://example.org/x)", "no proper address"),
        ("![](data.json)", "no description"),
        ("![x](https://example.org/x.png)", "a picture from outside"),
        ("<b>bold</b>", "HTML: <b>"),
        ("<script>x()</script>", "HTML: <script>"),
        ("```klingon\nx\n```", "unknown language 'klingon'"),
        ("```mermaid\nstateDiagram-v2\n```", "run scripts/diagrams.py"),
        ("#### Deep", "heading of level 4"),
        ("# Again", "heading of level 1"),
    ],
)
def test_what_is_wrong(tmp_path: Path, line: str, said: str) -> None:
    found = problems(tmp_path, f"# Title\n\n{line}\n")
    assert found
    assert found[0].startswith("docs/index.md:3: ")
    assert said in found[0]


def test_a_page_that_is_in_no_chapter(tmp_path: Path) -> None:
    assert problems(tmp_path, "# Title\n", {"docs/lost.md": "# Lost\n"}) == [
        "docs/contents.toml:1: docs/lost.md is not listed"
    ]


def test_a_diagram_that_no_page_has(tmp_path: Path) -> None:
    [found] = problems(tmp_path, "# Title\n", {"docs/images/diagrams/0.svg": "<svg/>"})
    assert "no page has this diagram" in found


def test_a_list_of_pages_that_is_wrong_says_where(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"docs/contents.toml: .*chapters"):
        problems(tmp_path, "# Title\n", {"docs/contents.toml": 'title = "T"\nsummary = "S"\n'})
