"""Reads the hot statements: ``sql/{dialect}.sql``, each after a line ``-- name: …`` and a comment."""

from __future__ import annotations

import re
from importlib import resources


def load(dialect: str) -> dict[str, str]:
    """The statements of a dialect by name."""
    text = (resources.files("offhook.store") / "sql" / f"{dialect}.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return {
        name: re.sub(r"^--.*\n", "", body, flags=re.MULTILINE).strip().rstrip(";")
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }
