"""Finds the line of each key in a TOML text.

:mod:`tomllib` gives the values but not their places. This scanner assumes a text that tomllib has
accepted (TOML 1.0) and only follows headers, keys and the ends of values.
"""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]
"""``("trunks", 0, "address")``: names, and positions in arrays of tables."""

_KEY_PART = re.compile(r"""[ \t]*([A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')[ \t]*""")
_VALUE_PIECE = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}\n]"
    r"|[^\"'\#\[\]{}\n]+",
    re.DOTALL,
)


def locate(text: str) -> dict[Path, int]:
    """The line (from 1) of every table header and key; keys inside inline tables are left out."""
    return _TomlScanner(text).run()


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of ``path``, or of the nearest table around it; None when there is none."""
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
        if (line := lines.get((*path[:length], 0))) is not None:  # [[http]], which is no list
            return line
    return None


class _TomlScanner:
    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._table: Path = ()
        self._counts: dict[Path, int] = {}
        self._lines: dict[Path, int] = {}
        self._counted_to = 0
        self._newlines = 0

    def run(self) -> dict[Path, int]:
        while self._at < len(self._text):
            rest = self._text[self._at]
            if rest in " \t\n":
                self._at += 1
            elif rest == "#":
                self._skip_value()
            elif rest == "[":
                self._header()
            else:
                self._record(self._table, self._key())
                self._skip_value()
        return self._lines

    def _header(self) -> None:
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        *parents, last = self._key()
        base: Path = ()
        for part in parents:
            base = self._newest((*base, part))
        path = (*base, last)
        if array:
            self._counts[path] = self._counts.get(path, -1) + 1
        self._table = self._newest(path)
        self._lines.setdefault(self._table, self._line())
        self._skip_value()

    def _newest(self, path: Path) -> Path:
        """``path``, or its newest element where it is an array of tables."""
        return (*path, self._counts[path]) if path in self._counts else path

    def _record(self, base: Path, key: list[str]) -> None:
        line = self._line()
        for part in key:
            base = (*base, part)
            self._lines.setdefault(base, line)

    def _key(self) -> list[str]:
        """Read a dotted key."""
        parts = []
        while match := _KEY_PART.match(self._text, self._at):
            self._at = match.end()
            part = match[1]
            if part[0] == '"':
                part = str(json.loads(part))
            parts.append(part.strip("'") if part[0] == "'" else part)
            if not self._text.startswith(".", self._at):
                break
            self._at += 1
        return parts

    def _skip_value(self) -> None:
        """Go behind the end of the line that is not inside brackets or a string."""
        depth = 0
        while match := _VALUE_PIECE.match(self._text, self._at):
            self._at = match.end()
            piece = match[0]
            if piece == "\n" and depth <= 0:
                return
            depth += (piece in ("[", "{")) - (piece in ("]", "}"))
        self._at = max(self._at, len(self._text)) if match is None else self._at

    def _line(self) -> int:
        """The line of the current place, which only moves forward: each newline is counted once."""
        self._newlines += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._newlines + 1
