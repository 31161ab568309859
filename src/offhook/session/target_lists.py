"""The list of a campaign as a customer writes it: CSV or JSON. Pure.

CSV has a header line; the column ``number`` (or the first one, where none has that name) holds the phone
numbers, the others are parameters by their names. A separator other than the comma (``;`` or tab) is
recognised by the header line, and a byte order mark is ignored. JSON is an array of numbers, or of objects
with ``number`` and ``parameters``.

A line that cannot be used is reported with its number and left out; the others are taken.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from offhook.flow import jsontext
from offhook.flow.content import speakable
from offhook.flow.numbers import destination_number, names_several
from offhook.session.campaign import NewTarget

NUMBER_COLUMN = "number"
MOST_PARAMETERS = 50
LONGEST_PARAMETER = 3000
"""Characters of one parameter."""
MOST_PROBLEMS = 100
"""Problems of a list that are told."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


class ListProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One line that cannot be used."""

    line: int
    """From 1, as an editor counts it; in JSON the element."""
    what: str
    """Why."""


class UnreadableList(Exception):
    """Nothing of the list can be read; the text says why."""


Entry = NewTarget | ListProblem


def read_csv(data: bytes) -> Iterator[Entry]:
    """The lines of a CSV file. Raises :class:`UnreadableList` for its header or its encoding."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableList(f"not UTF-8 at byte {error.start}") from None
    head, _, _ = text.partition("\n")
    separator = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names = [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise UnreadableList(f"the header line: {error}") from None
    number_at = _number_column(names)
    return _lines(rows, names, number_at)


def _number_column(names: Sequence[str]) -> int:
    if not names or not names[0]:
        raise UnreadableList("there is no header line with the names of the columns")
    if destination_number(names[0]) is not None:
        raise UnreadableList("the first line must name the columns, such as: number,name")
    lower = [name.lower() for name in names]
    number_at = lower.index(NUMBER_COLUMN) if NUMBER_COLUMN in lower else 0
    others = [name for at, name in enumerate(names) if at != number_at]
    if len(others) > MOST_PARAMETERS:
        raise UnreadableList(f"more than {MOST_PARAMETERS} columns besides the number")
    for name in others:
        if not _NAME.fullmatch(name):
            raise UnreadableList(f"the column {name[:64]!r} is no name of a parameter")
    if len(set(others)) < len(others):
        raise UnreadableList("two columns have one name")
    return number_at


def _lines(rows: Iterator[list[str]], names: Sequence[str], number_at: int) -> Iterator[Entry]:
    reader = enumerate(rows, 2)
    while True:
        try:
            line, cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield ListProblem(line=0, what=str(error))
            return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            yield ListProblem(line=line, what=f"{len(cells)} columns, expected {len(names)}")
            continue
        parameters = {
            name: cell
            for at, (name, cell) in enumerate(zip(names, cells, strict=True))
            if at != number_at
        }
        yield _entry(line, cells[number_at], parameters)


def read_json(data: bytes) -> Iterator[Entry]:
    """The elements of a JSON array. Raises :class:`UnreadableList`."""
    try:
        value = jsontext.decode(data)
    except jsontext.InvalidJson as error:
        raise UnreadableList(f"not JSON: {error}") from None
    if isinstance(value, dict):
        value = value.get("targets")
    if not isinstance(value, list):
        raise UnreadableList("expected an array, or an object with the array targets")
    return entries(value)


def entries(elements: Sequence[object]) -> Iterator[Entry]:
    """The numbers of a JSON array."""
    for line, element in enumerate(elements, 1):
        if isinstance(element, dict):
            parameters = element.get("parameters") or {}
            number = element.get(NUMBER_COLUMN)
        else:
            parameters, number = {}, element
        if type(number) is int:
            number = str(number) if abs(number) < 10**20 else ""
        if not isinstance(number, str) or not isinstance(parameters, dict):
            yield ListProblem(line=line, what="no number, or parameters that are no object")
            continue
        yield _entry(line, number, parameters)


def _entry(line: int, written: str, parameters: Mapping[str, object]) -> Entry:
    number = None if names_several(written) else destination_number(written)
    if number is None:
        return ListProblem(line=line, what="no phone number with its country code")
    if len(parameters) > MOST_PARAMETERS:
        return ListProblem(line=line, what=f"more than {MOST_PARAMETERS} parameters")
    texts: dict[str, str] = {}
    for name, value in parameters.items():
        if value is None:
            continue
        text = _text(value)
        if not _NAME.fullmatch(name) or name == NUMBER_COLUMN:
            return ListProblem(line=line, what=f"{name[:64]!r} is no name of a parameter")
        if text is None or len(text) > LONGEST_PARAMETER or not speakable(text):
            return ListProblem(line=line, what=f"the parameter {name} cannot be used")
        texts[name] = text
    return NewTarget(number=number, parameters=texts)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode() if abs(value) < 2**63 else None
    return None
