"""The events of a simulated call in order, in words for people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from offhook.aio import wait_or

OFFHOOK = "Offhook"
"""The name of the server as a speaker."""


class Moment(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One event of the run."""

    at: float
    """Simulated seconds since the beginning of the run."""
    who: str
    """A phone's number, ``Offhook``, or ``VCA`` for the customer's server."""
    what: str
    """``calls``, ``rings``, ``answers``, ``refuses``, ``hears``, ``says``, ``presses``, ``hangs up``,
    ``asks``, ``decides``, ``ends``…"""
    text: str = ""
    """The words, the keys, the number, the JSON: the content of the event."""

    def __str__(self) -> str:
        return f"{self.at:7.2f} s  {self.who} {self.what}" + (f" {self.text}" if self.text else "")


class Timeline:
    """The moments of one run, in order."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.moments: list[Moment] = []

    def add(self, who: str, what: str, text: str = "") -> None:
        """Add an event at the present time."""
        self.moments.append(Moment(at=round(self._now(), 3), who=who, what=what, text=text))


class Utterance:
    """Words that are spoken to one phone, with their times."""

    def __init__(self, text: str, start: float, duration: float, *, ringback: bool) -> None:
        self.text = text
        self.start = start
        self.end = start + duration
        """When the last word is spoken; earlier than planned when it was cut."""
        self.ringback = ringback
        """Whether it is a ringback tone without words."""
        self._duration = duration

    @property
    def heard(self) -> str:
        """The words that were heard: all, or those before it was cut."""
        if not self._duration or self.end >= self.start + self._duration:
            return self.text
        share = (self.end - self.start) / self._duration
        return self.text[: int(len(self.text) * share + 1e-6)]

    def cut(self, at: float) -> None:
        """Stop it: the rest is not heard."""
        self.end = min(self.end, at)

    def find(self, words: str, after: float) -> float | None:
        """When the first occurrence of ``words`` that is over after the time ``after`` has been heard.

        None: it holds none, or they were cut off. Case and the number of spaces do not matter.
        """
        text, wanted = plain(self.text), plain(words)
        begin = 0
        while (position := text.find(wanted, begin)) >= 0:
            share = (position + len(wanted)) / max(1, len(text))
            at = self.start + self._duration * share
            if at > after:
                return at if at <= self.end + 1e-9 else None
            begin = position + 1
        return None


def plain(text: str) -> str:
    """``text`` as :meth:`Utterance.find` compares it."""
    return " ".join(text.lower().split())


class TimelineEar:
    """The words that one phone hears in one call, and the steps that wait for words."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._after = float("-inf")
        self.utterances: list[Utterance] = []
        self.changed = asyncio.Event()
        """Set whenever something new is heard, cut, or expected of the phone."""

    def begins(self, text: str, duration: float, *, ringback: bool = False) -> Utterance:
        """An utterance begins now."""
        utterance = Utterance(text, self._now(), duration, ringback=ringback)
        self.utterances.append(utterance)
        self.changed.set()
        return utterance

    def cut(self, utterance: Utterance) -> None:
        """An utterance is interrupted now."""
        utterance.cut(self._now())
        self.changed.set()

    def heard_by_now(self, words: str) -> bool:
        """Whether ``words`` have been heard since the last words waited for."""
        at = self._find(words)
        return at is not None and at <= self._now() + 1e-9

    async def wait_for(self, words: str) -> None:
        """Wait until ``words`` have been heard, after the last words waited for."""
        while True:
            self.changed.clear()
            at = self._find(words)
            if at is not None and at <= self._now() + 1e-9:
                self._after = at
                return
            timeout = None if at is None else at - self._now()
            await wait_or(self.changed.wait(), timeout)

    def _find(self, words: str) -> float | None:
        found = (utterance.find(words, self._after) for utterance in self.utterances)
        return next((at for at in found if at is not None), None)

    @property
    def words(self) -> list[str]:
        """The words heard, in order; of an interrupted utterance only the first part."""
        return [u.heard for u in self.utterances if not u.ringback]
