"""The order of the pages: ``docs/contents.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from offhook.docs_site.sources import CONTENTS


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the list of pages."""

    page: str
    """Below the root: ``docs/api.md``."""
    title: str = ""
    """Absent: the heading of the page."""
    under: str = ""
    """A glob, such as ``docs/codes/*.md``: pages that are reached through this one."""


class Chapter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the list, by what the reader wants."""

    title: str
    about: str
    """One sentence; ``llms.txt`` and the first page show it."""
    pages: tuple[Entry, ...]


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole list."""

    title: str
    summary: str
    chapters: tuple[Chapter, ...]

    def entries(self) -> Iterator[Entry]:
        """Every line of every chapter."""
        for chapter in self.chapters:
            yield from chapter.pages


def read_contents(root: Path) -> Contents:
    """Read the list. Raises ``ValueError`` with what is wrong."""
    raw = tomllib.loads((root / CONTENTS).read_text("utf-8"))
    try:
        return msgspec.convert(raw, Contents)
    except msgspec.ValidationError as error:
        raise ValueError(f"{CONTENTS}: {error}") from error


def pages_under(root: Path, entry: Entry) -> list[str]:
    """The pages that an entry leads to besides its own; numbers come in their order."""
    if not entry.under:
        return []
    found = [path.relative_to(root).as_posix() for path in root.glob(entry.under)]
    return sorted((name for name in found if name != entry.page), key=_in_order)


def _in_order(name: str) -> tuple[int, str]:
    stem = Path(name).stem
    return (int(stem), "") if stem.isdigit() else (0, stem)
