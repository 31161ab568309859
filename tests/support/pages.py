"""The pages of the documentation and their fenced blocks, for tests that check what they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from offhook.docs_site.reading import PARSER
from offhook.docs_site.sources import page_names

ROOT = Path(__file__).parents[2]
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block."""

    page: str
    """Below the root: ``docs/api.md``."""
    line: int
    language: str
    labels: tuple[str, ...]
    """What stands behind the language: a kind such as ``callflow``, or the name of a file."""
    text: str
    not_run: str | None
    """Why it is not run, as the comment before it says."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str) -> Iterator[Block]:
    """Every fenced block of a page, in order."""
    reason = None
    for token in PARSER.parse((ROOT / page).read_text("utf-8")):
        if token.type == "html_block" and (matched := NOT_RUN.search(token.content)):
            reason = matched[1]
            continue
        if token.type == "fence" and token.map:
            language, *labels = token.info.split() or [""]
            line = token.map[0] + 1
            yield Block(page, line, language, tuple(labels), token.content, reason)
        reason = None


def all_blocks() -> list[Block]:
    """Every fenced block of every page."""
    return [block for page in page_names(ROOT) for block in blocks_of(page)]
