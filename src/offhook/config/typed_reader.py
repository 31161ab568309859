"""Turns parsed TOML into the sections, and describes in words what each key takes."""

from __future__ import annotations

import json
import math
import types
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from offhook.config import Config, Section
from offhook.config.mistakes import Source, did_you_mean
from offhook.config.toml_lines import Path

_SECRET_KEYS = frozenset(
    {
        "api_keys",
        "encryption_key",
        "fallback_url",
        "http_auth_header",
        "ice_password",
        "key",
        "key_id",
        "nats",
        "password",
        "previous_secret",
        "proxy",
        "secret",
        "url",
        "webhook",
    }
)
"""Their values are not repeated in errors. A URL may hold a password."""
_PUBLIC_KEYS = frozenset({("opt_out", "key")})
"""The exceptions, with their section: a key of a phone."""


class TypedReader:
    """Turns parsed TOML into the sections, noting every key that does not fit."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, data: dict[str, Any]) -> Config:
        """The configuration; only whole when the source has no problem afterwards.

        msgspec reads a file without a mistake twenty times faster, but stops at the first mistake.
        """
        try:
            return msgspec.convert(data, Config)
        except msgspec.ValidationError:
            pass
        config = self._section(data, Config, ())
        return config if isinstance(config, Config) else Config()

    def _value(self, value: Any, hint: Any, path: Path) -> Any:
        if value is None and without_none(hint) is not hint:
            return None
        hint = without_none(hint)
        if is_section(hint):
            return self._section(value, hint, path)
        item = item_hint(hint)
        if item is None:
            return self._leaf(value, hint, path)
        if isinstance(value, dict) and is_section(item):
            name = ".".join(part for part in path if isinstance(part, str))
            self._source.add(path, f"expected a list of tables: [[{name}]], found [{name}]")
            return ()
        if not isinstance(value, list | tuple):
            wanted = "tables" if is_section(item) else expected(item)
            self._source.add(path, f"expected a list, each {wanted}; found {_found(value, path)}")
            return ()
        return tuple(self._value(each, item, (*path, i)) for i, each in enumerate(value))

    def _section(self, value: Any, section: type[Section], path: Path) -> Section | None:
        if not isinstance(value, dict):
            self._source.add(path, f"expected a table{_as_header(value, path)}")
            return None
        hints = hints_of(section)
        for key in value.keys() - hints.keys():
            hint = did_you_mean(str(key), hints) or f"known here: {', '.join(sorted(hints))}"
            self._source.add((*path, str(key)), f"there is no such key; {hint}")
        required = _required(section)
        read = {}
        for key, hint in hints.items():
            if key in value:
                read[key] = self._value(value[key], hint, (*path, key))
            elif key in required:
                self._source.add((*path, key), f"missing; expected {expected(hint)}")
                read[key] = None
        return section(**read)

    def _leaf(self, value: Any, hint: Any, path: Path) -> Any:
        try:
            if isinstance(value, float) and not math.isfinite(value):
                raise msgspec.ValidationError
            return msgspec.convert(value, hint)
        except msgspec.ValidationError:
            self._source.add(path, f"expected {expected(hint)}, found {_found(value, path)}")
            return None


def expected(hint: Any) -> str:
    """What a key of this type takes, in words."""
    hint = without_none(hint)
    if get_origin(hint) is Annotated:
        for meta in get_args(hint)[1:]:
            if meta.description:
                return str(meta.description)
    if get_origin(hint) is Literal:
        return " or ".join(json.dumps(choice) for choice in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(json.dumps(choice.value) for choice in hint)
    if (item := item_hint(hint)) is not None:
        return f"a list, each {expected(item)}"
    kinds = {bool: "true or false", str: "a string", int: "a whole number", float: "a number"}
    return kinds.get(hint, "a table")


def _as_header(value: Any, path: Path) -> str:
    """What was found instead of a table; a list of tables as the header it is written with."""
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        name = ".".join(part for part in path if isinstance(part, str))
        return f": [{name}], found [[{name}]]"
    return f", found {_found(value, path)}"


def _found(value: object, path: Path) -> str:
    names = [part for part in path if isinstance(part, str)]
    secret = bool(names) and names[-1] in _SECRET_KEYS and tuple(names[-2:]) not in _PUBLIC_KEYS
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number" if secret else f"the number {value}"
        case str():
            return "another string" if secret else f"the string {json.dumps(value[:60])}"
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case None:
            return "null"
        case _:
            return "a date or time"


@cache
def hints_of(section: type[Section]) -> dict[str, Any]:
    """The type of each key; computed once for each class, because it takes long."""
    hints = get_type_hints(section, include_extras=True)
    return {name: hints[name] for name in section.__struct_fields__}


@cache
def _required(section: type[Section]) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(section) if field.required)


def is_section(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Section)


def item_hint(hint: Any) -> Any:
    """``X`` of ``tuple[X, ...]``; None for other types."""
    return get_args(hint)[0] if get_origin(hint) is tuple else None


def without_none(hint: Any) -> Any:
    """``X`` of ``X | None``; other types as they are."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(arg for arg in get_args(hint) if arg is not type(None))
    return hint
