"""Completes the schemas of the OpenAPI document with what stands in the types' docstrings."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from types import ModuleType

import msgspec

from offhook.http.openapi.common_texts import COMMON_TEXTS
from offhook.http.openapi.parts import Json


def struct_types(modules: Iterable[ModuleType]) -> Iterable[tuple[str, type[msgspec.Struct]]]:
    """Every struct type that the modules define or import, with its name."""
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, msgspec.Struct):
                yield name, value


def complete_schema(schema: Json, type_: type[msgspec.Struct] | None, *, nullable: bool) -> Json:
    """Add the descriptions of the type; in an answer, absent is absent and never null."""
    texts: Mapping[str, str] = {}
    if type_ is not None:
        schema["description"] = (inspect.getdoc(type_) or "").replace("``", "`")
        encoded = {field.name: field.encode_name for field in msgspec.structs.fields(type_)}
        texts = {encoded[name]: text for name, text in _field_texts(type_).items()}
    for name, member in schema.get("properties", {}).items():
        if not nullable:
            collapse(member)
        text = texts.get(name) or COMMON_TEXTS.get(name)
        if text is not None:
            member.setdefault("description", text)
    return schema


def collapse(schema: Json) -> None:
    """``oneOf: [X, null]`` is X."""
    for keyword in ("oneOf", "anyOf"):
        options = schema.get(keyword)
        if options and {"type": "null"} in options and len(options) == 2:
            del schema[keyword]
            schema.update(next(option for option in options if option != {"type": "null"}))
            schema.pop("default", None)


def _field_texts(type_: type[msgspec.Struct]) -> Mapping[str, str]:
    """The docstrings below the fields, base classes' first."""
    texts: dict[str, str] = {}
    for base in reversed(type_.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            texts |= _texts_of_module(base.__module__).get(base.__name__, {})
    return texts


@cache
def _texts_of_module(name: str) -> Mapping[str, Mapping[str, str]]:
    """The docstrings below the fields of every class of a module."""
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {
        each.name: dict(_texts_of_class(each))
        for each in tree.body
        if isinstance(each, ast.ClassDef)
    }


def _texts_of_class(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(definition.body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            yield field.target.id, inspect.cleandoc(text.value.value).replace("``", "`")
