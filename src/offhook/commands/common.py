"""Shared by the commands: options, exit codes, and printing."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from cyclopts import Parameter

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130

Config = Annotated[
    str | None,
    Parameter(
        name=["--config", "-c"],
        help="The configuration; absent: OFFHOOK_CONFIG, ./offhook.toml, /etc/offhook/offhook.toml.",
        show_default=False,
    ),
]
Json = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print JSON, for programs to read.")
]

DEMO = "demo"
"""The account and sub-account of the embedded default."""


class CommandError(Exception):
    """The command cannot do what it was asked; the text says why, in a line for the user."""

    def __init__(self, message: str, exit_code: int = FAILED, command: str | None = None) -> None:
        """``command``: the command with the help page that explains more."""
        super().__init__(message)
        self.exit_code = exit_code
        self.command = command


def why_not(error: Exception) -> str:
    """Why a file could not be used, without the number that Python puts before it."""
    return getattr(error, "strerror", None) or str(error)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need to be."""
    lines = [tuple(heads), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def emit(as_json: bool, document: Mapping[str, object], text: str) -> None:
    """Print a document for programs, or a text for people without terminal control sequences."""
    if as_json:
        print(json_module.dumps(document, indent=2, default=str, ensure_ascii=False))
    else:
        print("".join(c if c.isprintable() or c == "\n" else "?" for c in text))
