"""The SIP messages of a session as a ladder: we in the middle of the far ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from offhook.session.ports.telephony import SipMessage

MOST_MESSAGES = 200
ROW = 26
"""Pixels of a message."""
HEAD = 34
"""Pixels of the names."""
MARGIN = 14.0
"""Per cent of the width before the first line, for the times."""


class LifeLine(NamedTuple):
    """One end of the line."""

    x: float
    """Per cent of the width."""
    name: str


class Rung(NamedTuple):
    """One message."""

    y: int
    left: float
    right: float
    points_right: bool
    title: str
    seconds: str
    """Since the first."""
    text: str


class Ladder(NamedTuple):
    """The picture."""

    lines: tuple[LifeLine, ...]
    rungs: tuple[Rung, ...]
    height: int
    left_out: int
    """Messages that follow and are not drawn."""


def ladder_of(messages: Sequence[SipMessage]) -> Ladder | None:
    """The picture; None: there are no messages."""
    if not messages:
        return None
    drawn = messages[:MOST_MESSAGES]
    far = list(dict.fromkeys(one.far for one in drawn))[:6]
    places = _places(len(far))
    ours = places.pop(0)
    where = dict(zip(far, places, strict=True))
    lines = (LifeLine(ours, "Offhook"), *(LifeLine(x, name) for name, x in where.items()))
    rungs = tuple(
        _rung(one, place, ours, where.get(one.far, places[-1]), drawn[0].at)
        for place, one in enumerate(drawn)
    )
    height = HEAD + ROW * len(drawn) + 10
    return Ladder(lines, rungs, height, len(messages) - len(drawn))


def _places(far: int) -> list[float]:
    """Ours first, then those of the far ends."""
    step = (100 - MARGIN - 8) / far
    return [MARGIN, *(round(MARGIN + step * (place + 1), 2) for place in range(far))]


def _rung(message: SipMessage, place: int, ours: float, theirs: float, began: datetime) -> Rung:
    return Rung(
        y=HEAD + ROW * place + 18,
        left=ours,
        right=theirs,
        points_right=message.sent,
        title=title_of(message.text),
        seconds=f"{(message.at - began).total_seconds():.3f}",
        text=message.text,
    )


def title_of(text: str) -> str:
    """``INVITE``, ``200 OK (INVITE)``."""
    lines = text.split("\r\n")
    first = lines[0].split(" ", 2)
    if first[0] != "SIP/2.0":
        return first[0][:40]
    asked = next((line for line in lines if line.lower().startswith("cseq:")), "")
    method = asked.rpartition(" ")[2]
    return (" ".join(first[1:]) + (f" ({method})" if method else ""))[:60]
