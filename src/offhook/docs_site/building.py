"""Makes every file of the site from the pages; what is wrong is told with its place."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from offhook import __version__
from offhook.docs_site import llms, search_words
from offhook.docs_site.contents import Contents, pages_under, read_contents
from offhook.docs_site.drawing_pages import DIAGRAMS, Drawn, PageDrawer
from offhook.docs_site.reading import Page, PageProblem, read_page
from offhook.docs_site.sources import CONTENTS, address_of, file_address, page_names

HERE = Path(__file__).parent
STATIC = ("docs.css", "docs.js", "mark.svg")


@dataclass(frozen=True, slots=True)
class Site:
    """A built site."""

    files: dict[str, bytes]
    """By the path below the site's root, without a leading slash."""
    problems: tuple[PageProblem, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A line of the navigation."""

    title: str
    address: str
    children: tuple[Link, ...] = ()


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    return jinja2.Environment(loader=loader, autoescape=True).get_template("page.html")


def build(root: Path) -> Site:
    """Build the site of the pages below ``root``. Raises ``ValueError`` where ``contents.toml`` is wrong."""
    contents = read_contents(root)
    pages = {name: read_page(root, name) for name in page_names(root)}
    problems = [problem for page in pages.values() for problem in page.problems]
    listed = [name for e in contents.entries() for name in (e.page, *pages_under(root, e))]
    problems += _wrongly_listed(listed, pages)
    if not set(listed) <= pages.keys():
        return Site({}, tuple(problems))
    drawer = PageDrawer(root, pages)
    drawn = {name: drawer.draw(page) for name, page in pages.items()}
    problems += [problem for one in drawn.values() for problem in one.problems]
    problems += _unused_diagrams(root, drawn)
    files = _files(root, contents, pages, drawn)
    return Site(files, tuple(problems))


def _wrongly_listed(listed: list[str], pages: dict[str, Page]) -> list[PageProblem]:
    wrong = [
        PageProblem(CONTENTS, None, f"{name} does not exist")
        for name in listed
        if name not in pages
    ]
    wrong += [
        PageProblem(CONTENTS, None, f"{name} is listed twice")
        for name in sorted({name for name in listed if listed.count(name) > 1})
    ]
    return wrong + [
        PageProblem(CONTENTS, None, f"{name} is not listed") for name in pages if name not in listed
    ]


def _unused_diagrams(root: Path, drawn: dict[str, Drawn]) -> list[PageProblem]:
    used = {name for one in drawn.values() for name in one.diagrams}
    return [
        PageProblem(
            f"{DIAGRAMS}/{file.name}", None, "no page has this diagram: run scripts/diagrams.py"
        )
        for file in sorted((root / DIAGRAMS).glob("*.svg"))
        if file.name not in used
    ]


def _files(
    root: Path, contents: Contents, pages: dict[str, Page], drawn: dict[str, Drawn]
) -> dict[str, bytes]:
    files = {f"static/{name}": (HERE / "static" / name).read_bytes() for name in STATIC}
    navigation = _navigation(root, contents, pages)
    order = [entry.page for entry in contents.entries()]
    for name, page in pages.items():
        at = order.index(name) if name in order else None
        files[address_of(name)] = _html(
            page, drawn[name], navigation, _neighbours(order, at, pages)
        )
        files[llms.markdown_address(name)] = page.source.encode()
        for file in drawn[name].files:
            files[file_address(file)] = (root / file).read_bytes()
    listed = [pages[name] for e in contents.entries() for name in (e.page, *pages_under(root, e))]
    words = json.dumps(list(search_words.entries(listed)), ensure_ascii=False)
    files["static/search.json"] = words.encode()
    files["llms.txt"] = llms.short_form(contents, pages).encode()
    files["llms-full.txt"] = llms.full_form(root, contents, pages).encode()
    return files


def _neighbours(order: list[str], at: int | None, pages: dict[str, Page]) -> dict[str, Link | None]:
    def link(index: int) -> Link | None:
        if not 0 <= index < len(order):
            return None
        return Link(pages[order[index]].title, address_of(order[index]))

    if at is None:
        return {"before": None, "after": None}
    return {"before": link(at - 1), "after": link(at + 1)}


def _navigation(
    root: Path, contents: Contents, pages: dict[str, Page]
) -> list[tuple[str, list[Link]]]:
    chapters = []
    for chapter in contents.chapters:
        links = [
            Link(
                entry.title or pages[entry.page].title,
                address_of(entry.page),
                tuple(
                    Link(pages[name].title, address_of(name)) for name in pages_under(root, entry)
                ),
            )
            for entry in chapter.pages
        ]
        chapters.append((chapter.title, links))
    return chapters


def _html(page: Page, drawn: Drawn, navigation: Any, neighbours: dict[str, Link | None]) -> bytes:
    address = address_of(page.name)
    here = posixpath.dirname(address) or "."
    text = _template().render(
        page=page,
        address=address,
        to=lambda target: posixpath.relpath(target, here),
        root=posixpath.relpath(".", here),
        body=drawn.html,
        navigation=navigation,
        on_page=[heading for heading in page.headings if heading.level == 2],
        markdown=llms.markdown_address(page.name),
        version=__version__,
        **neighbours,
    )
    return text.encode()


def write(site: Site, folder: Path) -> None:
    """Write the site's files below ``folder``, which is made."""
    for name, content in site.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
