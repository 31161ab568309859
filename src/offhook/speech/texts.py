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


def pieces(text: str) -> list[Piece]:
    """``text`` cut at ends of sentences, else of clauses, else at blanks, else anywhere.

    Nothing is lost: the pieces' texts joined are ``text``. A text up to :data:`PIECE` is one piece.
    """
    found: list[Piece] = []
    start = 0
    while weight(text[start:]) > PIECE:
        end, pause = _cut(text, start)
        found.append(Piece(text[start:end], pause))
        start = end
    return [*found, Piece(text[start:], 0.0)]


def weight(text: str) -> int:
    """About how long ``text`` takes to speak, in characters of an alphabet."""
    return sum(_WIDE if c >= "\u2e80" else 1 for c in text)


def _cut(text: str, start: int) -> tuple[int, float]:
    """Where the piece that begins at ``start`` ends, and the pause behind it."""
    limit = _reach(text, start)
    for pattern, pause in ((_SENTENCE_ENDS, _SENTENCE_PAUSE), (_CLAUSE_ENDS, 0.1), (_BLANKS, 0.0)):
        ends = [found.end() for found in pattern.finditer(text, start, limit)]
        if ends and weight(text[start : ends[-1]]) >= PIECE // 8:
            return ends[-1], pause
    while limit > start + 1 and _continues(text[limit]):
        limit -= 1
    return limit, 0.0


def _reach(text: str, start: int) -> int:
    """How far a piece that begins at ``start`` may go."""
    heavy = 0
    for position in range(start, len(text)):
        heavy += _WIDE if text[position] >= "\u2e80" else 1
        if heavy > PIECE:
            return position
    return len(text)


def _continues(character: str) -> bool:
    """Whether it belongs to the character before it: a mark, a joiner, a variation selector."""
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
