"""Reads JSON text as the contract requires: strict, and safe with hostile bodies (-1001).

Beyond the grammar of RFC 8259 a body is refused when it is not UTF-8, repeats a key, nests deeper
than :data:`DEEPEST`, or holds NaN or an infinity. Interpretations:

* One byte order mark in front is ignored (RFC 8259 §8.1 allows that); anywhere else it is refused.
* The outermost object is level 1.
* A number beyond a double (``1e400``) would be read as an infinity, and few parsers read an integer of
more than :data:`LONGEST_INTEGER` characters: both are refused everywhere.
* An escaped unpaired surrogate (``"\\ud800"``) is JSON, but no UTF-8 answer could repeat it. It is
  read as U+FFFF, which -1016 refuses too.

Cost: a body shares the event loop with all other requests, so nothing here runs Python per value.
Nesting and repeated keys are found in the text outside strings, after msgspec has parsed it: every
key is followed by a colon there, and when the value written out again has fewer, one was repeated.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

DEEPEST = 32
"""Levels of arrays and objects a body may nest."""

LONGEST_INTEGER = 4300
"""Characters of an integer, sign included; Python converts no more digits than that."""

_MANY_BYTES = 16 * 1024
"""From this size on the garbage collector is paused while a body is parsed."""

_ONE_BRACKET = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_TOO_DEEP = b"[" * (DEEPEST + 1)

_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_UNPAIRED_SURROGATE = re.compile(
    rb"%b(?!%b)|(?<!%b)%b" % (_HIGH, _LOW, rb"\\u[dD][89abAB]..", _LOW)
)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Of UTF-8."""

_parse = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode


class InvalidJson(ValueError):
    """The text is not JSON as the contract requires it."""


def decode(body: bytes) -> object:
    """The value of a JSON text. Raises :class:`InvalidJson`, and nothing else."""
    body = body.removeprefix(BYTE_ORDER_MARK)
    with _collector_still(len(body) >= _MANY_BYTES):
        try:
            body.decode("utf-8")
            value: object = _parse_with_surrogates(body)
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise InvalidJson(str(error)) from None
        outside = _outside_strings(body)
        if _is_too_deep(outside):
            raise InvalidJson(f"nested deeper than {DEEPEST} levels")
        if outside.count(b":") != _outside_strings(_write(value)).count(b":"):
            raise InvalidJson("a key is repeated")
    return value


def _parse_with_surrogates(body: bytes) -> object:
    try:
        return _parse(body)
    except msgspec.MsgspecError:
        if b"\\u" not in body:
            raise
    # Another spelling of every escaped backslash leaves no "\\u" that is not an escape.
    return _parse(_UNPAIRED_SURROGATE.sub(rb"\\uffff", body.replace(rb"\\", rb"\u005c")))


def _outside_strings(body: bytes) -> bytes:
    """The parts of a JSON text outside its strings."""
    if b"\\" in body:
        # Remove escaped backslashes first: a backslash before a quote then does escape the quote.
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(body.split(b'"')[::2])


def _is_too_deep(outside: bytes) -> bool:
    brackets = outside.translate(_ONE_BRACKET, _ALL_BUT_BRACKETS)
    for levels_left in range(DEEPEST, 0, -1):
        if len(brackets) <= 2 * levels_left:
            return False
        if _TOO_DEEP in brackets:
            return True
        brackets = brackets.replace(b"[]", b"")  # removes the innermost level
    return bool(brackets)


@contextmanager
def _collector_still(still: bool) -> Iterator[None]:
    """Pause the garbage collector. Parsing makes no cycles, and collections over 100,000 new containers
    take three times as long as parsing."""
    still = still and gc.isenabled()
    if still:
        gc.disable()
    try:
        yield
    finally:
        if still:
            gc.enable()
