"""The SIP messages of a session, drawn as a ladder for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

WIDTH = 30
"""Columns between the two sides."""


def ladder(messages: Sequence[Mapping[str, Any]]) -> str:
    """Each message as an arrow between us and the far end, with the seconds since the first."""
    if not messages:
        return "no SIP messages are stored for this session"
    began = _time(messages[0])
    lines, far = [began.isoformat(" ", "milliseconds")], ""
    for message in messages:
        if message["far"] != far:
            far = message["far"]
            lines.append(f"{'':10}{message['near']} ⇄ {far}")
        seconds = (_time(message) - began).total_seconds()
        lines.append(f"{seconds:9.3f} {_arrow(_title(message['text']), sent=message['sent'])}")
    return "\n".join(lines)


def _arrow(title: str, *, sent: bool) -> str:
    line = "─" * max(2, WIDTH - len(title))
    return f"│ {title} {line}▶│" if sent else f"│◀{line} {title} │"


def _title(text: str) -> str:
    """``INVITE``, ``200 OK (INVITE)``; control characters from the network are not printed."""
    lines = text.split("\r\n")
    first = lines[0].split(" ", 2)
    if first[0] == "SIP/2.0":
        asked = next((line for line in lines if line.lower().startswith("cseq:")), "")
        method = asked.rpartition(" ")[2]
        title = " ".join(first[1:]) + (f" ({method})" if method else "")
    else:
        title = first[0]
    return "".join(letter if letter.isprintable() else "?" for letter in title)[:60]


def _time(message: Mapping[str, Any]) -> datetime:
    at: str = message["at"]
    return datetime.fromisoformat(at)
