"""Database URLs: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``postgresql://user@host/name``."""

from __future__ import annotations

from pathlib import Path

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def is_sqlite(url: str) -> bool:
    """Whether the URL names a SQLite file. Raises ValueError for another kind of URL."""
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return True
    if url.startswith(_POSTGRES):
        return False
    raise ValueError(
        "database.url must be sqlite:///file.db or postgresql://user@host/name, "
        f"not {url.partition(':')[0]}:…"
    )


def sqlite_path(url: str) -> Path:
    """The file of a SQLite URL, absolute."""
    return Path(url.removeprefix(_SQLITE)).absolute()
