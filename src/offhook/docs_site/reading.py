"""Parses pages: their blocks, headings with anchors, and the words that search looks through."""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PARSER = MarkdownIt("commonmark").enable("table")
COMMENT = re.compile(r"\s*<!--.*?-->\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PageProblem:
    """Something wrong with a page."""

    page: str
    line: int | None
    """From 1; None: the page as a whole."""
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line or 1}: {self.text}"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a page."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page, parsed."""

    name: str
    """Below the root: ``docs/api.md``."""
    source: str
    tokens: list[Token]
    headings: tuple[Heading, ...]
    problems: tuple[PageProblem, ...]
    lead: str
    """The first paragraph in plain words."""
    anchors: frozenset[str] = field(default_factory=frozenset)

    @property
    def title(self) -> str:
        """The page's first heading."""
        return self.headings[0].text if self.headings else self.name


def plain_text(token: Token) -> str:
    """The words of an inline token, without its marks."""
    parts = []
    for child in token.children or ():
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
    return "".join(parts)


def anchor_of(text: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    kept = (
        c
        for c in text.strip().lower()
        if c in " -_" or unicodedata.category(c)[0] in ("L", "N", "M")
    )
    return "".join(kept).replace(" ", "-")


def line_of(token: Token) -> int | None:
    """The line where a token begins, from 1."""
    return token.map[0] + 1 if token.map else None


def read_page(root: Path, name: str) -> Page:
    """Parse one page."""
    source = (root / name).read_text("utf-8")
    tokens = PARSER.parse(source)
    headings, problems = _headings(name, tokens)
    return Page(
        name=name,
        source=source,
        tokens=tokens,
        headings=tuple(headings),
        problems=(*problems, *_markup(name, tokens)),
        lead=_lead(tokens),
        anchors=frozenset(heading.anchor for heading in headings),
    )


def _headings(name: str, tokens: list[Token]) -> tuple[list[Heading], list[PageProblem]]:
    headings: list[Heading] = []
    problems = []
    used: dict[str, int] = {}
    for opening, inline in itertools.pairwise(tokens):
        if opening.type != "heading_open":
            continue
        level, text = int(opening.tag[1]), plain_text(inline)
        anchor = anchor_of(text)
        again = used.get(anchor, 0)
        used[anchor] = again + 1
        unique = f"{anchor}-{again}" if again else anchor
        opening.attrSet("id", unique)
        before = headings[-1].level if headings else 0
        if level > before + 1 or (level == 1 and headings):
            problems.append(PageProblem(name, line_of(opening), f"heading of level {level} here"))
        headings.append(Heading(level, text, unique))
    if not headings:
        problems.append(PageProblem(name, None, "the page has no heading"))
    return headings, problems


def _markup(name: str, tokens: list[Token]) -> list[PageProblem]:
    """HTML has no place on a page, except comments."""
    return [
        PageProblem(name, line_of(token), f"HTML: {piece.content.strip()[:60]}")
        for token in tokens
        for piece in (token, *(token.children or ()))
        if piece.type in ("html_block", "html_inline") and COMMENT.sub("", piece.content).strip()
    ]


def _lead(tokens: list[Token]) -> str:
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "paragraph_open" and opening.level == 0:
            return plain_text(inline)
    return ""
