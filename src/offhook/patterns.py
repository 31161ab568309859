"""Customers' regular expressions: RE2, which takes linear time in the text for every pattern.

A backtracking engine takes 2^n steps for ``(a+)+b``, and no check of a pattern's text finds every such
pattern. RE2 walks all alternatives at once. The other costs are bounded here: the memory of a
compiled pattern, the length of a value, and with :class:`Matcher` the steps of all values together.

The dialect is RE2's (https://github.com/google/re2/wiki/Syntax): no look-around, no back references,
no ``(?x)``; ``\\d``, ``\\w`` and ``\\s`` are ASCII; ``.`` is any character but a line feed.
"""

from __future__ import annotations

import re2

LONGEST_PATTERN = 500
"""Characters of a pattern."""

LONGEST_MATCHED = 512
"""Characters of a value that is matched; a longer one does not fit."""

MOST_STEPS = 8_000_000
"""Instructions times octets that one :class:`Matcher` may need at worst: some 50 ms."""

_MOST_MEMORY = 1024 * 1024
"""Bytes of a compiled pattern and of the states it makes while it matches. The library keeps 128."""


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False  # else RE2 prints customers' patterns to stderr
    options.max_mem = _MOST_MEMORY
    options.never_capture = True  # only whether it matches is needed: this is the fastest way
    return options


_OPTIONS = _options()


class InvalidPattern(ValueError):
    """The text is not a pattern that this server takes; the message says why."""


class TooManySteps(Exception):
    """The patterns and values together could take too long to match."""


def check_pattern(pattern: str) -> None:
    """Raises :class:`InvalidPattern` for a pattern that cannot be used."""
    _compile(pattern)


class Matcher:
    """Matches the values of one request."""

    def __init__(self) -> None:
        self._steps_left = MOST_STEPS

    def fits(self, pattern: str, value: str) -> bool:
        """Whether the whole of ``value`` matches ``pattern``.

        Raises :class:`InvalidPattern` and :class:`TooManySteps`.
        """
        compiled = _compile(pattern)
        if len(value) > LONGEST_MATCHED:
            return False
        text = value.encode("utf-8", "replace")
        self._steps_left -= compiled.programsize * (len(text) + 1)
        if self._steps_left < 0:
            raise TooManySteps
        return compiled.fullmatch(text) is not None


def _compile(pattern: str) -> re2._Regexp:
    if len(pattern) > LONGEST_PATTERN:
        raise InvalidPattern(f"a pattern may only be {LONGEST_PATTERN} characters long")
    try:
        return re2.compile(pattern.encode(), _OPTIONS)
    except UnicodeEncodeError:
        raise InvalidPattern("a pattern may not hold unpaired surrogates") from None
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise InvalidPattern(f"not a regular expression in RE2 syntax: {text}") from None
