"""What became of a change, told on the page that comes next.

The page after a change is got anew (303), so the text travels in its address, with a mark that only this
sign-in can make: a link from elsewhere cannot put words into the console's mouth.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

import msgspec

from offhook.console.outcomes import Tone
from offhook.console.sign_ins import Visitor
from offhook.console.web import WebRequest, asked, visitor_of
from offhook.session.ports.api_door import ApiReply

MOST_LETTERS = 500


class Notice(NamedTuple):
    """A text above a page."""

    kind: str
    text: str


def told(visitor: Visitor, reply: ApiReply, fine: str) -> dict[str, str]:
    """What the address of the next page carries."""
    return fine_notice(visitor, fine) if reply.fine else failed(visitor, problem_of(reply))


def fine_notice(visitor: Visitor, text: str) -> dict[str, str]:
    """What the address carries to tell that something was done."""
    text = text[:MOST_LETTERS]
    return {"done": text, "mark": _mark(visitor, text)}


def failed(visitor: Visitor, problem: str) -> dict[str, str]:
    """What the address carries to tell that something did not work."""
    problem = problem[:MOST_LETTERS]
    return {"problem": problem, "mark": _mark(visitor, problem)}


def problem_of(reply: ApiReply) -> str:
    """Why the API did not do it, in its own words."""
    try:
        answer: object = reply.json()
    except msgspec.DecodeError:
        return f"The API answered {reply.status}"
    if not isinstance(answer, dict):
        return f"The API answered {reply.status}"
    return str(answer.get("statusMessage") or answer.get("message") or reply.status)


def notice_of(request: WebRequest) -> Notice | None:
    """What the page before left to be told."""
    problem, done = asked(request, "problem", MOST_LETTERS), asked(request, "done", MOST_LETTERS)
    text = problem or done
    mark = _mark(visitor_of(request), text)
    if not text or not hmac.compare_digest(mark.encode(), asked(request, "mark", 64).encode()):
        return None
    if problem:
        return Notice(Tone.FAILED.value, f"That did not work: {problem}")
    return Notice(Tone.GOOD.value, done)


def _mark(visitor: Visitor, text: str) -> str:
    return hmac.new(visitor.form_token.encode(), text.encode(), hashlib.sha256).hexdigest()
