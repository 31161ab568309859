"""The kinds of values that members of a callflow take, and the -1009 phrases when they do not fit.

Each kind reads a JSON value into the value an action holds, and knows its JSON Schema. Booleans are
not integers, ``1.0`` is one, ``"1"`` is neither (``spec/status-codes.md``, "Details of -1009").
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import final
from urllib.parse import urlsplit

from offhook.flow import numbers

Schema = dict[str, object]


def type_name(value: object) -> str:
    """The JSON type of a decoded value, as the phrases name it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case list():
            return "array"
        case _:
            return "object"


def found_instead(value: object, expected: str) -> str:
    """``{found} found, {expected} expected``"""
    return f"{type_name(value)} found, {expected} expected"


MISSING = "is missing but it is required"
NOT_A_URL = "must be an absolute http or https URL"
NOT_A_DATE_TIME = "does not match the date-time pattern"
_KEYS = re.compile("[0-9*#A-DwW]*")
NOT_KEYS = f"does not match the pattern ^{_KEYS.pattern}$"


def at_least(minimum: float) -> str:
    """``must have a minimum value of {n}``"""
    return f"must have a minimum value of {minimum}"


def at_most(maximum: float) -> str:
    """``must have a maximum value of {n}``"""
    return f"must have a maximum value of {maximum}"


def shorter(characters: int) -> str:
    """``may only be {n} characters long``"""
    return f"may only be {characters} characters long"


def longer(characters: int) -> str:
    """``must be at least {n} characters long``"""
    return f"must be at least {characters} characters long"


def more_items(items: int) -> str:
    """``there must be a minimum of {n} items in the array``"""
    return f"there must be a minimum of {items} items in the array"


class Kind(ABC):
    """A kind of value."""

    __slots__ = ()

    @abstractmethod
    def read(self, value: object, wrong: list[str]) -> object:
        """The value an action holds; phrases about what does not fit are appended to ``wrong``.

        ``value`` is never None. The result counts only if it has the kind's own type: an ill-typed
        value is read as None, one that is merely out of range as itself.
        """

    @abstractmethod
    def schema(self) -> Schema:
        """The kind as a JSON Schema, as far as that can express it."""


@final
@dataclass(frozen=True, slots=True)
class Text(Kind):
    """A string; lengths count code points."""

    longest: int | None = None
    shortest: int = 0

    def read(self, value: object, wrong: list[str]) -> str | None:
        if not isinstance(value, str):
            wrong.append(found_instead(value, "string"))
            return None
        if len(value) < self.shortest:
            wrong.append(longer(self.shortest))
        if self.longest is not None and len(value) > self.longest:
            wrong.append(shorter(self.longest))
        return value

    def schema(self) -> Schema:
        schema: Schema = {"type": "string"}
        if self.shortest:
            schema["minLength"] = self.shortest
        if self.longest is not None:
            schema["maxLength"] = self.longest
        return schema


@final
@dataclass(frozen=True, slots=True)
class Integer(Kind):
    """A whole number."""

    minimum: int | None = None
    maximum: int | None = None

    def read(self, value: object, wrong: list[str]) -> int | None:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            wrong.append(found_instead(value, "integer"))
            return None
        if self.minimum is not None and value < self.minimum:
            wrong.append(at_least(self.minimum))
        if self.maximum is not None and value > self.maximum:
            wrong.append(at_most(self.maximum))
        return value

    def schema(self) -> Schema:
        schema: Schema = {"type": "integer"}
        if self.minimum is not None:
            schema["minimum"] = self.minimum
        if self.maximum is not None:
            schema["maximum"] = self.maximum
        return schema


@final
@dataclass(frozen=True, slots=True)
class NumberKind(Kind):
    """A number, whole or not."""

    minimum: float
    maximum: float

    def read(self, value: object, wrong: list[str]) -> float | None:
        if type(value) is not int and type(value) is not float:
            wrong.append(found_instead(value, "number"))
            return None
        # An integer may be too large for a float: compare before converting.
        if value < self.minimum:
            wrong.append(at_least(self.minimum))
        elif value > self.maximum:
            wrong.append(at_most(self.maximum))
        else:
            return float(value)
        return None

    def schema(self) -> Schema:
        return {"type": "number", "minimum": self.minimum, "maximum": self.maximum}


@final
@dataclass(frozen=True, slots=True)
class Boolean(Kind):
    """``true`` or ``false``."""

    def read(self, value: object, wrong: list[str]) -> bool | None:
        if isinstance(value, bool):
            return value
        wrong.append(found_instead(value, "boolean"))
        return None

    def schema(self) -> Schema:
        return {"type": "boolean"}


# RFC 3986 knows no white space, control characters, backslashes or quotes in a URL; what people
# paste unescaped (letters of any script, brackets, bars) is accepted and left to the fetcher.
_URL = re.compile(r"""https?://[^\x00-\x20\x7f\\"<>\s\ud800-\udfff]+""", flags=re.IGNORECASE)


_LIBRARY = re.compile("offhook:[A-Za-z0-9._-]{1,100}")
"""A file of the media library."""
LONGEST_URL = 8192
"""Characters of any URL: the limit where the contract has none, because the URL must fit in a request."""


@final
@dataclass(frozen=True, slots=True)
class Url(Kind):
    """An absolute http or https URL with a host. Whether it may be reached is ``net``'s business."""

    longest: int | None = None
    library: bool = False
    """Whether ``offhook:name`` is taken too, a file of the media library."""

    def read(self, value: object, wrong: list[str]) -> str | None:
        if not isinstance(value, str):
            wrong.append(found_instead(value, "string"))
            return None
        if self.longest is not None and len(value) > self.longest:
            wrong.append(shorter(self.longest))
        if not is_http_url(value) and not (self.library and _LIBRARY.fullmatch(value)):
            wrong.append(NOT_A_URL)
        return value

    def schema(self) -> Schema:
        pattern = "[hH][tT][tT][pP][sS]?://[^\\s\\\\]"
        if self.library:
            pattern = f"(?:{pattern}|{_LIBRARY.pattern}$)"
        schema: Schema = {"type": "string", "pattern": f"^{pattern}"}
        if self.longest is not None:
            schema["maxLength"] = self.longest
        return schema


def is_http_url(text: str) -> bool:
    """Whether ``text`` is an absolute http or https URL with a host and, if any, a valid port."""
    if len(text) > LONGEST_URL or not _URL.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


@final
@dataclass(frozen=True, slots=True)
class Keys(Kind):
    """DTMF digits to be sent; a ``w`` is a wait."""

    longest: int

    def read(self, value: object, wrong: list[str]) -> str | None:
        if not isinstance(value, str):
            wrong.append(found_instead(value, "string"))
            return None
        if not value:
            wrong.append(longer(1))
        elif len(value) > self.longest:
            wrong.append(shorter(self.longest))
        elif not _KEYS.fullmatch(value):
            wrong.append(NOT_KEYS)
        return value

    def schema(self) -> Schema:
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": self.longest,
            "pattern": f"^{_KEYS.pattern}$",
        }


@final
@dataclass(frozen=True, slots=True)
class PhoneNumber(Kind):
    """A number as a string or an integer; its content is judged by -1011, -1014 and -1017."""

    several: bool = False
    """An array passes the shape check; it is refused as several numbers (-1011)."""

    def read(self, value: object, wrong: list[str]) -> str | list[object] | None:
        if isinstance(value, str) or (self.several and isinstance(value, list)):
            return value
        whole = value if type(value) is int else None
        if type(value) is float and value.is_integer():
            whole = int(value)
        if whole is None:
            wrong.append(found_instead(value, "string"))
            return None
        # Empty for a number that is far too long: Python refuses to print integers of over 4,300 digits.
        return str(whole) if abs(whole) < 10**numbers.LONGEST_WRITTEN else ""

    def schema(self) -> Schema:
        return {"type": ["string", "integer"]}


# ISO 8601 calendar and week dates, extended or basic, then "T" and a time. RFC 3339 adds lower case.
_DATE_TIME = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4}-W[0-9]{2}-[0-9]|[0-9]{4}W[0-9]{3})[Tt]"
    r"[0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]{1,20})?)?)?"
    r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?",
    flags=re.ASCII,
)


@final
@dataclass(frozen=True, slots=True)
class DateTime(Kind):
    """An ISO 8601 date and time; without an offset it is UTC."""

    def read(self, value: object, wrong: list[str]) -> datetime | None:
        if not isinstance(value, str):
            wrong.append(found_instead(value, "string"))
            return None
        at = parse_date_time(value)
        if at is None:
            wrong.append(NOT_A_DATE_TIME)
        return at

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^(?:{_DATE_TIME.pattern})$"}


def parse_date_time(text: str) -> datetime | None:
    """``text`` in UTC; None when it is no ISO 8601 date and time. A date alone is none."""
    if not _DATE_TIME.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:  # so near the first or last year that the offset leaves the range
        return at.replace(tzinfo=UTC)
