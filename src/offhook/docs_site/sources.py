"""Where the pages lie, and what each is called on the site."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

CONTENTS = "docs/contents.toml"
PACKAGED = Path(__file__).parent / "source"
"""In a wheel; ``hatch_build.py`` puts the files there."""
CLONE = Path(__file__).parents[3]

ALONE = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
"""Pages at the root of the repository."""
FOLDERS = ("docs", "examples")
"""Folders with pages; other files in them are published as they are where a page links to them."""


class NoSources(Exception):
    """This installation has no documentation."""


def find_sources() -> Path:
    """The folder with ``docs``: of the clone, else of the wheel. Raises :class:`NoSources`."""
    for root in (CLONE, PACKAGED):
        if (root / CONTENTS).is_file():
            return root
    raise NoSources(f"no {CONTENTS} in {CLONE} or {PACKAGED}")


def page_names(root: Path) -> list[str]:
    """Every page, as a path below ``root``: ``docs/api.md``."""
    found = [name for name in ALONE if (root / name).is_file()]
    for folder in FOLDERS:
        files = (root / folder).rglob("*.md")
        found += [path.relative_to(root).as_posix() for path in sorted(files)]
    return found


def address_of(name: str) -> str:
    """The page's place on the site: ``docs/codes/README.md`` is ``codes/index.html``."""
    path = PurePosixPath(name)
    if path.parts[0] == "docs":
        path = path.relative_to("docs")
    if path.name == "README.md" and len(path.parts) > 1:
        path = path.with_name("index.md")
    return path.with_name(path.name.lower()).with_suffix(".html").as_posix()


def file_address(name: str) -> str:
    """Where a file that is no page is published: ``files/deploy/compose.yaml``."""
    return f"files/{name}"
