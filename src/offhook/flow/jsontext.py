"""JSON text as the contract wants it: strict, and without surprises from hostile bodies (-1001).

Beyond the grammar of RFC 8259 a body is refused when it is not UTF-8, repeats a key, nests deeper
than :data:`DEEPEST`, or holds NaN or an infinity. Interpretations:

* A byte order mark is refused: RFC 8259 §8.1 forbids senders to add one.
* The outermost object is level 1.
* A number beyond a double (``1e400``) would be read as an infinity, and an integer of more than
  4,300 digits is one that no reader takes: both are refused wherever they stand.
* An escaped unpaired surrogate (``"\\ud800"``) is JSON; what it may stand in is -1016's business.

Cost: a body shares the event loop with every other request, so nothing here calls back into Python
per value. msgspec parses; it refuses two things that are JSON (unpaired surrogates, some numbers),
hence a second opinion. Repeated keys are found by arithmetic: every key is followed by a colon
outside strings, and when there are more of those than keys in what was parsed, one was repeated.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import msgspec

DEEPEST = 32
"""Levels of arrays and objects a body may nest."""

_MANY_BYTES = 16 * 1024
"""From this size on the garbage collector is held still while a body is parsed."""

_CONTAINERS = frozenset({dict, list})


class InvalidJson(ValueError):
    """The text is not JSON as the contract wants it."""


def decode(body: bytes) -> object:
    """The value of a JSON text. Raises :class:`InvalidJson`, and nothing else."""
    with _collector_still(len(body) >= _MANY_BYTES):
        try:
            text = body.decode("utf-8")
            value = _parse(body, text)
        except InvalidJson:
            raise
        except (ValueError, RecursionError) as error:
            raise InvalidJson(str(error)) from None
        if _keys_within_depth(value) != _colons_outside_strings(body):
            raise InvalidJson("a key is repeated")
    return value


def _parse(body: bytes, text: str) -> object:
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return _second_opinion.decode(text)


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number - number != 0:
        raise InvalidJson(f"number out of range: {digits[:20]}")
    return number


_second_opinion = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


@contextmanager
def _collector_still(still: bool) -> Iterator[None]:
    """Parsing makes no cycles, and passes over 100,000 fresh containers cost thrice the parsing."""
    still = still and gc.isenabled()
    if still:
        gc.disable()
    try:
        yield
    finally:
        if still:
            gc.enable()


def _colons_outside_strings(body: bytes) -> int:
    """How many colons stand outside the strings of ``body``, which is known to be JSON."""
    if b"\\" in body:
        # First the escaped backslashes: what is left before a quote then does escape it.
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(body.split(b'"')[::2]).count(b":")


def _keys_within_depth(value: object) -> int:
    """How many keys the objects of ``value`` have. Raises when it nests deeper than allowed."""
    keys = 0
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(DEEPEST):
        deeper: list[object] = []
        for container in level:
            if type(container) is dict:
                keys += len(container)
                deeper += [v for v in container.values() if type(v) in _CONTAINERS]
            elif type(container) is list and container:
                deeper += [v for v in container if type(v) in _CONTAINERS]
        if not deeper:
            return keys
        level = deeper
    raise InvalidJson(f"nested deeper than {DEEPEST} levels")
