"""Mistakes in a configuration, with the source of each key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from offhook.config.toml_lines import Path, line_of, locate


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` has one line for each mistake."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Source:
    """The source of each key, and the problems found so far."""

    def __init__(self, path: str | None, text: str) -> None:
        self._path = path
        self._text = text
        self._lines: dict[Path, int] | None = None
        self.variables: dict[Path, str] = {}
        self._problems: list[tuple[int, str]] = []

    def add(self, key: Path, problem: str) -> None:
        line, place = self._place(key)
        self._problems.append((line, f"{place}{key_name(key)}: {problem}"))

    def _place(self, key: Path) -> tuple[int, str]:
        for length in range(len(key), 0, -1):
            if variable := self.variables.get(key[:length]):
                return 0, f"{variable}: "
        if self._path is None:
            return 0, ""
        if self._lines is None:  # only looked up when there is a problem to report
            self._lines = locate(self._text)
        line = line_of(self._lines, key)
        return line or 0, f"{self._path}:{line}: " if line else f"{self._path}: "

    def stop_if_wrong(self) -> None:
        if self._problems:
            raise ConfigError(*self.problems())

    def problems(self) -> tuple[str, ...]:
        """A line each, in the order of the file."""
        return tuple(text for _, text in sorted(self._problems))


def key_name(path: Path) -> str:
    """``trunks[0].address``."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean ring_timeout?``; empty when no known name is similar."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else ""
