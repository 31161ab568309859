"""Says in words what a refused value should have been: the choices of an enumeration, or the form of a text.

msgspec's message has the value or a pattern. The type is found again by the path that the message names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

_STEP = re.compile(r"\[[^\]]*\]|[^.\[\]]+")
_UNKNOWN = "Invalid enum value"
_NO_MATCH = "Expected `str` matching regex"


def in_words(message: str, annotation: Any, path: str = "", described: str | None = None) -> str:
    """``Invalid enum value 'X', expected one of VCA, VCS``, or what the description of the type says instead
    of a pattern; another message as it is. ``described``: what a type without a description is called."""
    if message.startswith(_UNKNOWN):
        found = ", ".join(dict.fromkeys(_choices(_at(annotation, path))))
        return f"{message}, expected one of {found}" if found else message
    if message.startswith(_NO_MATCH):
        words = next(_descriptions(_at(annotation, path)), described)
        return f"expected {words}" if words else message
    return message


def _at(annotation: Any, path: str) -> list[Any]:
    """The types that may stand at a path below ``annotation``."""
    reached = [annotation]
    for step in _STEP.findall(path):
        kinds = [kind for each in reached for kind in _members(each)]
        if step.startswith("["):
            reached = [item for kind in kinds for item in get_args(kind)[-1:]]
        else:
            reached = [hint for kind in kinds for hint in _fields(kind, step)]
    return reached


def _descriptions(annotations: list[Any]) -> Iterator[str]:
    for annotation in annotations:
        for part in get_args(annotation):
            if isinstance(part, msgspec.Meta) and part.description:
                yield part.description
        if get_origin(annotation) is not Annotated:
            yield from _descriptions(list(get_args(annotation)))


def _members(annotation: Any) -> Iterator[Any]:
    """The types of a union, without what annotates them; ``list[X]`` and ``tuple[X, ...]`` as ``list[X]``."""
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) is tuple:
        yield list[get_args(annotation)[0]]  # type: ignore[misc]
    elif get_origin(annotation) in (Literal, list, dict) or isinstance(annotation, type):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from _members(argument)


def _fields(kind: Any, name: str) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from (
            field.type for field in msgspec.structs.fields(kind) if field.encode_name == name
        )


def _choices(annotations: list[Any]) -> Iterator[str]:
    for kind in (member for annotation in annotations for member in _members(annotation)):
        if get_origin(kind) is Literal:
            yield from map(str, get_args(kind))
        elif isinstance(kind, type) and issubclass(kind, Enum):
            yield from (str(member.value) for member in kind)
