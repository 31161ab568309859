"""Finds the position of every value in a JSON text by its JSONPath.

For messages to people, not for the judgement: :mod:`.jsontext` decides what is JSON, and this module
finds the place of the first error.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import NamedTuple

from offhook.flow.jsontext import DEEPEST, LONGEST_INTEGER

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"')
_SCALAR = re.compile(
    r"(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\w.+-])"
)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class TextPlace(NamedTuple):
    """A position in a text; both count from 1, the column in characters."""

    line: int
    column: int


class Malformed(ValueError):
    """The text is refused at ``offset`` (in characters)."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason
        self.path = ""
        """JSONPath of the innermost value that was being read; empty behind the outermost one."""


def place(text: str, offset: int) -> TextPlace:
    """The line and column of an offset."""
    before = text[:offset]
    return TextPlace(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def nearest(offsets: Mapping[str, int], path: str) -> int:
    """The position of ``path``; for a missing value the beginning of the innermost value around it."""
    while path not in offsets and path:
        path = path[: max(path.rfind("."), path.rfind("["))] if path != "$" else ""
    return offsets.get(path, 0)


def offsets(text: str) -> dict[str, int]:
    """The offset of every value of a JSON text without byte order mark. Raises :class:`Malformed`."""
    found: dict[str, int] = {}
    end = _PositionScanner(text, found).value(_skip(text, 0), "$", 1)
    end = _skip(text, end)
    if end != len(text):
        raise Malformed(end, "there is text behind the JSON value")
    return found


def complaint(body: bytes) -> str:
    """Why :mod:`.jsontext` refuses ``body``, with path, line and column; empty if it does not.

    Reads every value by itself: up to half a second for 256 KiB, so not for an event loop.
    """
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        offsets(text)
        body.decode("utf-8")
    except Malformed as error:
        line, column = place(text, error.offset)
        return f"{error.reason} ({error.path or '$'}, line {line}, column {column})"
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not UTF-8"
    return ""


def _skip(text: str, offset: int) -> int:
    match = _SPACE.match(text, offset)
    assert match is not None
    return match.end()


def _is_out_of_range(scalar: str) -> bool:
    """Whether a scalar is a number that :mod:`.jsontext` refuses."""
    if scalar.lstrip("-").isdigit():
        return len(scalar) > LONGEST_INTEGER
    return not scalar.isalpha() and math.isinf(float(scalar))


_LONGEST_PATH = 200
"""Characters; deeper values get the path of the value around them. No judged path is longer,
and long names around many values would make the table many times larger than the text."""


def _below(path: str, part: str) -> str:
    return path if len(path) + len(part) > _LONGEST_PATH else path + part


class _PositionScanner:
    """A recursive descent; its depth is bounded by :data:`~.jsontext.DEEPEST`."""

    def __init__(self, text: str, found: dict[str, int]) -> None:
        self._text = text
        self._found = found

    def value(self, at: int, path: str, depth: int) -> int:
        """Read the value at ``at``; returns the offset behind it."""
        try:
            return self._value(at, path, depth)
        except Malformed as error:
            error.path = error.path or path
            raise

    def _value(self, at: int, path: str, depth: int) -> int:
        self._found.setdefault(path, at)
        start = self._text[at : at + 1]
        if start in ("{", "["):
            if depth > DEEPEST:
                raise Malformed(at, f"nested deeper than {DEEPEST} levels")
            return (self._object if start == "{" else self._array)(at, path, depth)
        match = _STRING.match(self._text, at) if start == '"' else _SCALAR.match(self._text, at)
        if match is None:
            raise Malformed(at, self._complaint(at))
        if start != '"' and _is_out_of_range(match[0]):
            raise Malformed(at, "this number is larger than any reader takes")
        return match.end()

    def _object(self, at: int, path: str, depth: int) -> int:
        names: set[str] = set()

        def member(at: int) -> int:
            key = _STRING.match(self._text, at)
            if key is None:
                raise Malformed(at, "a key in double quotes is expected here")
            name: str = json.loads(key[0])
            if name in names:
                raise Malformed(at, f'the key "{name}" is repeated')
            names.add(name)
            colon = _skip(self._text, key.end())
            if self._text[colon : colon + 1] != ":":
                raise Malformed(colon, 'a ":" is expected here')
            part = f".{name}" if _PLAIN_NAME.fullmatch(name) else f"['{name}']"
            return self.value(_skip(self._text, colon + 1), _below(path, part), depth + 1)

        return self._items(at, "}", member)

    def _array(self, at: int, path: str, depth: int) -> int:
        index = count()
        return self._items(
            at, "]", lambda item: self.value(item, _below(path, f"[{next(index)}]"), depth + 1)
        )

    def _items(self, at: int, close: str, read: Callable[[int], int]) -> int:
        """Read the values between brackets; returns the offset after the closing one."""
        at = _skip(self._text, at + 1)
        if self._text.startswith(close, at):
            return at + 1
        while True:
            at = _skip(self._text, read(at))
            if self._text.startswith(close, at):
                return at + 1
            if not self._text.startswith(",", at):
                raise Malformed(at, f'a "," or "{close}" is expected here')
            at = _skip(self._text, at + 1)
            if self._text.startswith(close, at):
                raise Malformed(at, "a comma stands before the closing bracket")

    def _complaint(self, at: int) -> str:
        rest = self._text[at : at + 9]
        if not rest:
            return "the text ends here, too early"
        if rest.startswith('"'):
            return "this string does not end on its line, or holds a character it may not"
        if rest.startswith("\ufeff"):
            return "a byte order mark stands here"
        if rest.startswith("'"):
            return "strings stand in double quotes"
        if rest.startswith(("//", "/*", "#")):
            return "JSON has no comments"
        if rest.lstrip("-").startswith(("NaN", "Infinity")):
            return "NaN and Infinity are not JSON"
        return "a value is expected here"
