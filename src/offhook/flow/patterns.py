"""Patterns of scenario parameters: regular expressions that cannot run away.

Python's engine backtracks: ``(a+)+$`` takes 2^n steps. A pattern is accepted when the number of ways
to match :data:`LONGEST_MATCHED` characters by it is bounded by :data:`MOST_WAYS`, estimated from its
text: ``*`` and ``+`` may match in 128 ways, ``{2,5}`` in 4, ``?`` and ``|`` in 2; they multiply. A
repeated group holds nothing that varies, and there are no back references.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_PATTERN = 200
"""Characters of a pattern."""

LONGEST_MATCHED = 128
"""Characters of a value that is matched; a longer one does not fit."""

MOST_WAYS = LONGEST_MATCHED**3
"""Ways to match that a pattern may have to try: some ten milliseconds."""

_TOKEN = re.compile(
    r"""\\(?P<reference>[1-9])
      | \\.
      | \[\^?\]?(?:\\.|[^\]\\])*\]
      | (?P<open>\((?P<named>\?P=)?(?:\?(?:[:=!]|<[=!]|P<\w+>))?)
      | (?P<close>\))
      | (?P<either>\|)
      | (?P<repeat>[*+?]|\{(?P<least>[0-9]*)(?P<comma>,?)(?P<most>[0-9]*)\})[?+]?
      | .""",
    flags=re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The compiled pattern. Raises :class:`ValueError` with a reason where it is not acceptable."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern may only be {LONGEST_PATTERN} characters long")
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if _ways(pattern) > MOST_WAYS:
        raise ValueError("too many repeats that vary: it could take too long to match")
    return compiled


def fits(pattern: str, value: str) -> bool:
    """Whether the whole of ``value`` matches. Raises like :func:`compile_pattern`."""
    compiled = compile_pattern(pattern)
    return len(value) <= LONGEST_MATCHED and compiled.fullmatch(value) is not None


def _ways(pattern: str) -> int:
    """An upper bound of the ways a pattern can match."""
    ways = 1
    varies = [False]  # for each open group, whether something in it varies
    after_group = False
    for token in _TOKEN.finditer(pattern):
        if token["reference"] or token["named"]:
            raise ValueError("a pattern may not refer back to a group")
        closed = False
        if token["open"]:
            varies.append(False)
        elif token["close"] and len(varies) > 1:
            closed = True
            inner = varies.pop()
            varies[-1] |= inner
        elif token["either"]:
            ways *= 2
            varies[-1] = True
        elif token["repeat"]:
            times = _times(token)
            if after_group and inner and token["repeat"] != "?":
                raise ValueError("a repeated group may hold nothing that varies")
            ways *= times
            varies[-1] |= times > 1
        after_group = closed
    return ways


def _times(repeat: re.Match[str]) -> int:
    """In how many ways a repeat can match."""
    if repeat["repeat"] == "?":
        return 2
    if repeat["repeat"] in ("*", "+") or (repeat["comma"] and not repeat["most"]):
        return LONGEST_MATCHED
    least, most = int(repeat["least"] or 0), int(repeat["most"] or repeat["least"] or 0)
    return min(most - least + 1, LONGEST_MATCHED)
