"""Texts before they are spoken: whether there is anything to speak, and in which pieces. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

PIECE: Final = 400
"""The greatest weight of a piece: characters, those of Chinese, Japanese and Korean counted fourfold.

About half a minute of speech. A worker is busy with one piece at a time, so a piece limits how long the
next text waits, and how much sound is in memory at once.
"""
_WIDE: Final = 4
_SHORTEST: Final = 8
"""A piece is cut behind a sentence or clause that fills this part of it."""
_CLAUSE_PAUSE: Final = 0.1
_SENTENCE_PAUSE: Final = 0.25
"""Seconds between two pieces that were two sentences; the engine leaves its own tail of 0.1 s too."""

_SPOKEN_CATEGORIES = frozenset({"L", "N", "S"})
_SENTENCE_ENDS = re.compile(
    "[.!?\u2026]+[\"'\u201d\u2019\u00bb)\\]]*\\s+"  # Latin, Cyrillic, Greek …
    "|[\u3002\uff01\uff1f\uff61]+[\u300d\u300f\u201d\u2019\uff09]*"  # Chinese and Japanese
    "|[\u061f\u06d4\u0964\u0965\u104b\u1362]+\\s*"  # Arabic, Urdu, Hindi, Burmese, Amharic
    "|\\n+|[;\uff1b]\\s*"
)
_CLAUSE_ENDS = re.compile("[,:\u2013\u2014\u060c\u061b\u3001\uff0c\uff1a]\\s*")
_BLANKS = re.compile(r"\s+")


class Piece(NamedTuple):
    """Part of a text that is spoken in one go."""

    text: str
    pause: float
    """Seconds of silence behind it."""


def is_speakable(text: str) -> bool:
    """Whether ``text`` holds a letter, digit, symbol or pictograph (``spec/execution.md``, say).

    Blanks, punctuation and invisible characters alone are nothing to speak.
    """
    return any(unicodedata.category(c)[0] in _SPOKEN_CATEGORIES for c in text)


def pieces(text: str, *, first: int = PIECE, longest: int = PIECE) -> list[Piece]:
    """``text`` cut at ends of sentences, else of clauses, else at blanks, else anywhere.

    Nothing is lost: the pieces' texts joined are ``text``. A text up to ``first`` is one piece. The first
    piece has a weight up to ``first`` where it can be cut behind a clause, each next one up to twice as
    much, none over ``longest``: while one plays the next is made.
    """
    found: list[Piece] = []
    start, limit = 0, min(first, longest)
    if 0 < len(text) * _WIDE <= limit:
        return [Piece(text, 0.0)]
    while weight(text[start:]) > limit:
        end, pause = _cut(text, start, limit, longest)
        found.append(Piece(text[start:end], pause))
        start, limit = end, min(2 * limit, longest)
    return [*found, Piece(text[start:], 0.0)] if start < len(text) or not found else found


def pause_behind(piece: str) -> float:
    """Seconds of silence behind a piece of a text: blanks at its end say that more follows."""
    if not piece or not piece[-1].isspace():
        return 0.0
    for pattern, pause in ((_SENTENCE_ENDS, _SENTENCE_PAUSE), (_CLAUSE_ENDS, _CLAUSE_PAUSE)):
        if any(found.end() == len(piece) for found in pattern.finditer(piece)):
            return pause
    return 0.0


def weight(text: str) -> int:
    """About how long ``text`` takes to speak, in characters of an alphabet."""
    if text.isascii():
        return len(text)
    return sum(_WIDE if c >= "\u2e80" else 1 for c in text)


def _cut(text: str, start: int, limit: int, longest: int) -> tuple[int, float]:
    """Where the piece that begins at ``start`` ends, and the pause behind it."""
    reach = _reach(text, start, limit)
    ends = ((_SENTENCE_ENDS, _SENTENCE_PAUSE), (_CLAUSE_ENDS, _CLAUSE_PAUSE))
    for pattern, pause in ends:
        found = [match.end() for match in pattern.finditer(text, start, reach)]
        if found and weight(text[start : found[-1]]) >= limit // _SHORTEST:
            return found[-1], pause
    far = _reach(text, start, longest)
    later = [
        (match.end(), pause)
        for pattern, pause in ends
        if (match := pattern.search(text, max(start, reach - 1), far)) is not None
    ]
    if later:
        return min(later)
    for match in reversed(list(_BLANKS.finditer(text, start, far))):
        if weight(text[start : match.end()]) >= longest // _SHORTEST:
            return match.end(), 0.0
    while far > start + 1 and far < len(text) and _continues(text[far]):
        far -= 1
    return far, 0.0


def _reach(text: str, start: int, limit: int) -> int:
    """How far a piece of weight ``limit`` that begins at ``start`` may go."""
    heavy = 0
    for position in range(start, len(text)):
        heavy += _WIDE if text[position] >= "\u2e80" else 1
        if heavy > limit:
            return position
    return len(text)


def _continues(character: str) -> bool:
    """Whether it belongs to the character before it: a mark, a joiner, a variation selector."""
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
