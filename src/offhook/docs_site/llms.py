"""``llms.txt`` (https://llmstxt.org) and ``llms-full.txt``: the documentation for language models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from offhook.docs_site.contents import Contents, pages_under
from offhook.docs_site.reading import Page
from offhook.docs_site.sources import address_of


def markdown_address(name: str) -> str:
    """Where the Markdown of a page is on the site: beside its HTML."""
    return address_of(name).removesuffix(".html") + ".md"


def short_form(contents: Contents, pages: Mapping[str, Page]) -> str:
    """The list of pages with a sentence each."""
    lines = [f"# {contents.title}", "", f"> {contents.summary}", ""]
    lines += ["The whole documentation in one file: [llms-full.txt](llms-full.txt)", ""]
    for chapter in contents.chapters:
        lines += [f"## {chapter.title}", "", chapter.about, ""]
        for entry in chapter.pages:
            page = pages[entry.page]
            line = f"- [{entry.title or page.title}]({markdown_address(entry.page)})"
            lines.append(f"{line}: {sentence(page.lead)}" if page.lead else line)
        lines.append("")
    return "\n".join(lines)


def sentence(text: str) -> str:
    """The first sentence of a text."""
    head, stop, _ = text.partition(". ")
    return f"{head}." if stop else text


def full_form(root: Path, contents: Contents, pages: Mapping[str, Page]) -> str:
    """Every page of the list and those below it, one after the other."""
    parts = [f"# {contents.title}\n\n> {contents.summary}\n"]
    for entry in contents.entries():
        names = (entry.page, *pages_under(root, entry))
        parts += [f"<!-- {markdown_address(name)} -->\n\n{pages[name].source}" for name in names]
    return "\n".join(parts)
