"""The words the tests of this folder write callflows in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

A, B, C = "+12025550100", "+12025550111", "+12025550122"
SOURCE = "+6512341234"
CALLER, OUR_NUMBER = "+4915112345678", "+6568332048"

Action = dict[str, Any]

HANGUP: Action = {"action": "hangup"}


def make_call(destination: str = A, source: str = SOURCE, **params: Any) -> Action:
    return {
        "action": "makeCall",
        "params": {"source": source, "destination": destination, **params},
    }


def say(text: str, **params: Any) -> Action:
    return {"action": "say", "params": {"text": text, "language": "en-US", **params}}


def play(url: str, **params: Any) -> Action:
    return {"action": "playFile", "params": {"fileUrl": url, **params}}


def ask(prompt: str, **params: Any) -> Action:
    """A sayAndCapture."""
    return {
        "action": "sayAndCapture",
        "params": {"promptMessage": prompt, "language": "en-US", **params},
    }


def answer(*actions: Action, **members: Any) -> dict[str, Any]:
    """What a VCA webhook answers."""
    return {"callflow": list(actions), **members}


class Answers:
    """A VCA function that gives these answers, one after the other, then nothing more."""

    def __init__(self, *answers: object) -> None:
        self._answers: Iterable[object] = iter(answers)

    def __call__(self, payload: dict[str, Any]) -> object:
        return next(iter(self._answers), None)
