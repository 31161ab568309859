"""The words that the site's search looks through: one entry for each heading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from markdown_it.token import Token

from offhook.docs_site.reading import Page, plain_text
from offhook.docs_site.sources import address_of

LONGEST = 4_000
"""Characters of one entry; a table of figures has no more to find behind them."""


def entries(pages: Iterable[Page]) -> Iterator[list[str]]:
    """``[address with anchor, title of the page, heading, words]``, in the order of the pages."""
    for page in pages:
        anchor, heading, words = "", page.title, list[str]()
        address = address_of(page.name)
        for token, before in zip(page.tokens, [None, *page.tokens], strict=False):
            if token.type == "heading_open":
                if words or not anchor:
                    yield _entry(address, anchor, page.title, heading, words)
                anchor, words = str(token.attrGet("id")), []
            elif before is not None and before.type == "heading_open":
                heading = plain_text(token)
            else:
                words += _words(token)
        yield _entry(address, anchor, page.title, heading, words)


def _entry(address: str, anchor: str, title: str, heading: str, words: list[str]) -> list[str]:
    text = re.sub(r"\s+", " ", " ".join(words)).strip()[:LONGEST]
    return [f"{address}#{anchor}" if anchor else address, title, heading, text]


def _words(token: Token) -> list[str]:
    if token.type == "inline":
        return [plain_text(token)]
    return [token.content] if token.type == "fence" else []
