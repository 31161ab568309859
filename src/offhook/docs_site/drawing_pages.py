"""Writes the HTML of a parsed page: links, pictures, blocks of code and diagrams."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from offhook.docs_site.reading import COMMENT, PARSER, Page, PageProblem, line_of
from offhook.docs_site.sources import address_of, file_address

DIAGRAMS = "docs/images/diagrams"
PLAIN = frozenset({"text", "nft", "csv"})
"""Languages of blocks that are shown as they are."""
OUTSIDE = frozenset({"http", "https", "mailto"})
FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True)


def diagram_name(source: str) -> str:
    """The file of a Mermaid block's picture: the digest of its text."""
    return hashlib.sha256(source.strip().encode()).hexdigest()[:16] + ".svg"


@dataclass(slots=True)
class Drawn:
    """The HTML of a page's text, with what it needs and what is wrong."""

    html: str = ""
    problems: list[PageProblem] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    """Files that the page links to, below the root."""
    diagrams: set[str] = field(default_factory=set)


class PageDrawer:
    """Draws pages whose links lead to one another."""

    def __init__(self, root: Path, pages: Mapping[str, Page]) -> None:
        self._root = root
        self._pages = pages

    def draw(self, page: Page) -> Drawn:
        """The page's text as HTML."""
        drawn = Drawn()
        renderer = RendererHTML()
        for kind, rule in (
            ("link_open", self._link),
            ("image", self._image),
            ("fence", self._fence),
            ("html_block", self._comment),
            ("html_inline", self._comment),
            ("heading_close", self._heading_end),
            ("table_open", _table),
            ("table_close", _table_end),
            ("th_open", _cell),
            ("td_open", _cell),
        ):
            renderer.rules[kind] = partial(rule, page, drawn)  # type: ignore[assignment]
        line = 1
        # The renderer sees one block after the other, so that a problem knows its line.
        for token in page.tokens:
            if token.map:
                line = token.map[0] + 1
            for child in token.children or ():
                child.meta["line"] = line
        drawn.html = renderer.render(page.tokens, PARSER.options, {})
        return drawn

    def _link(self, page: Page, drawn: Drawn, tokens: Sequence[Token], at: int, *_: object) -> str:
        token: Token = tokens[at]
        href = str(token.attrGet("href"))
        resolved = self._resolved(page, drawn, href, token.meta.get("line"))
        outside = ' rel="noopener noreferrer"' if urlsplit(href).scheme else ""
        return f'<a href="{escape(resolved)}"{outside}>'

    def _image(self, page: Page, drawn: Drawn, tokens: Sequence[Token], at: int, *_: object) -> str:
        token: Token = tokens[at]
        line = token.meta.get("line")
        source, words = str(token.attrGet("src")), token.content
        if urlsplit(source).scheme:
            drawn.problems.append(PageProblem(page.name, line, f"a picture from outside: {source}"))
        if not words:
            drawn.problems.append(PageProblem(page.name, line, f"no description: {source}"))
        resolved = self._resolved(page, drawn, source, line)
        return f'<img src="{escape(resolved)}" alt="{escape(words)}" loading="lazy">'

    def _resolved(self, page: Page, drawn: Drawn, link: str, line: int | None) -> str:
        """The link on the site; what leads nowhere is a problem."""
        parts = urlsplit(link)

        def wrong(why: str) -> str:
            drawn.problems.append(PageProblem(page.name, line, f"{link}: {why}"))
            return link

        if parts.scheme:
            if parts.scheme not in OUTSIDE or (
                parts.scheme != "mailto" and "." not in parts.netloc
            ):
                local = parts.hostname in ("127.0.0.1", "localhost")
                return link if local else wrong("no proper address")
            return link
        folder = posixpath.dirname(page.name)
        target = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
        if not parts.path:
            target = page.name
        elif target.startswith(".."):
            return wrong("leads out of the repository")
        elif (self._root / target).is_dir():
            target = posixpath.join(target, "README.md")
        if target in self._pages:
            if parts.fragment and parts.fragment not in self._pages[target].anchors:
                return wrong(f"{target} has no such heading")
            address = address_of(target)
        elif (self._root / target).is_file():
            drawn.files.add(target)
            address = file_address(target)
        else:
            return wrong("does not exist")
        here = posixpath.dirname(address_of(page.name)) or "."
        relative = posixpath.relpath(address, here)
        return relative + (f"#{parts.fragment}" if parts.fragment else "")

    def _fence(self, page: Page, drawn: Drawn, tokens: Sequence[Token], at: int, *_: object) -> str:
        token: Token = tokens[at]
        language = (token.info.split() or [""])[0]
        if language == "mermaid":
            return self._diagram(page, drawn, tokens, at)
        if language in PLAIN:
            text = escape(token.content)
        else:
            try:
                lexer = get_lexer_by_name(language)
            except ClassNotFound:
                problem = PageProblem(page.name, line_of(token), f"unknown language {language!r}")
                drawn.problems.append(problem)
                text = escape(token.content)
            else:
                text = highlight(token.content, lexer, FORMATTER)
        head = f'<pre class="code" data-language="{escape(language)}" tabindex="0">'
        return f"{head}<code>{text}</code></pre>\n"

    def _diagram(self, page: Page, drawn: Drawn, tokens: Sequence[Token], at: int) -> str:
        token: Token = tokens[at]
        name = diagram_name(token.content)
        drawn.diagrams.add(name)
        file = self._root / DIAGRAMS / name
        if not file.is_file():
            problem = "the diagram has no picture: run scripts/diagrams.py"
            drawn.problems.append(PageProblem(page.name, line_of(token), problem))
            return f"<pre><code>{escape(token.content)}</code></pre>\n"
        svg = re.sub(r"^.*?(?=<svg)", "", file.read_text("utf-8"), flags=re.DOTALL)
        # Backwards: the text of the heading above comes just before its beginning.
        over = next(
            (b.content for b, e in pairwise(tokens[at::-1]) if e.type == "heading_open"), ""
        )
        named = svg.replace("<svg", f'<svg aria-label="Diagram: {escape(over)}"', 1)
        return f'<figure class="diagram" tabindex="0">{named}</figure>\n'

    def _comment(
        self, page: Page, drawn: Drawn, tokens: Sequence[Token], at: int, *_: object
    ) -> str:
        """Comments are left out; other HTML is a problem already, and is shown as text."""
        return escape(COMMENT.sub("", tokens[at].content))

    def _heading_end(
        self, page: Page, drawn: Drawn, tokens: Sequence[Token], at: int, *_: object
    ) -> str:
        token: Token = tokens[at]
        opening = next(one for one in reversed(tokens[:at]) if one.type == "heading_open")
        anchor = escape(str(opening.attrGet("id")))
        link = f'<a class="anchor" href="#{anchor}" aria-label="Link to this heading">#</a>'
        return f" {link}</{token.tag}>\n"


def _table(page: Page, drawn: Drawn, tokens: Sequence[Token], at: int, *_: object) -> str:
    return '<div class="wide" tabindex="0"><table>\n'


def _table_end(page: Page, drawn: Drawn, tokens: Sequence[Token], at: int, *_: object) -> str:
    return "</table></div>\n"


def _cell(page: Page, drawn: Drawn, tokens: Sequence[Token], at: int, *_: object) -> str:
    """A cell; its alignment is a class, because the site allows no styles within pages."""
    token: Token = tokens[at]
    aligned = re.search(r"text-align:\s*(\w+)", str(token.attrGet("style") or ""))
    return f'<{token.tag} class="{aligned[1]}">' if aligned else f"<{token.tag}>"
