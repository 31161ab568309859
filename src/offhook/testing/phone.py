"""A phone of a test: how it reacts to a call, and the steps of its owner after the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import msgspec

RINGS_AFTER, ANSWERS_AFTER = 0.1, 1.0
"""Seconds from the INVITE to the ringing and to the answer, unless told otherwise."""
KEYS = frozenset("0123456789*#ABCD")


class Step(msgspec.Struct, frozen=True):
    """One action of the phone's owner, or a wait."""


class Hears(Step, frozen=True):
    """Waits until these words were heard."""

    text: str

    def __str__(self) -> str:
        return f"hears {self.text!r}"


class Presses(Step, frozen=True):
    """Presses keys."""

    keys: str

    def __str__(self) -> str:
        return f"presses {self.keys}"


class PressesInTurn(Step, frozen=True):
    """Presses the next keys each time a prompt has asked for some."""

    groups: tuple[str, ...]

    def __str__(self) -> str:
        return f"presses {', '.join(self.groups)} in turn"


class Waits(Step, frozen=True):
    """Does nothing."""

    seconds: float

    def __str__(self) -> str:
        return f"waits {self.seconds:g} s"


class Says(Step, frozen=True):
    """Speaks; heard by the other phone of a bridge."""

    text: str

    def __str__(self) -> str:
        return f"says {self.text!r}"


class HangsUp(Step, frozen=True):
    """Hangs up."""

    def __str__(self) -> str:
        return "hangs up"


class Then(Step, frozen=True):
    """Calls a function of the test."""

    do: Callable[[], object]

    def __str__(self) -> str:
        return "then " + getattr(self.do, "__name__", "calls a function")


class Phone:
    """One phone and its script. Each method adds to the script and returns the phone itself.

    Unless told otherwise it rings after 0.1 s, is answered after 1 s, and its owner stays on the line.
    """

    def __init__(self, number: str) -> None:
        self.number = number
        """E.164 with ``+``."""
        self.rings_after = RINGS_AFTER
        self.answers_after: float | None = ANSWERS_AFTER
        """Seconds from the INVITE; None: it rings without an answer."""
        self.refusal: tuple[int, int | None] | None = None
        """SIP status and Q.850 cause it refuses with."""
        self.dead = False
        """The network never answers."""
        self.early: str | None = None
        """The words that the caller hears while it rings (early media)."""
        self.cancels_after: float | None = None
        """As a caller: seconds it waits for the answer."""
        self.steps: list[Step] = []
        """The steps after the answer."""
        self.calls = 0
        """How often it was called, or called us, since its script was begun."""

    # --- how it reacts to the call

    def answers(self, *, after: float = ANSWERS_AFTER) -> Self:
        """It is answered, so many seconds after the INVITE."""
        self.answers_after = after
        self.rings_after = min(self.rings_after, after)
        return self

    def busy(self) -> Self:
        """486 Busy Here."""
        return self.refuses(486)

    def declines(self) -> Self:
        """603 Decline."""
        return self.refuses(603)

    def no_answer(self) -> Self:
        """It rings until the caller gives up."""
        self.answers_after = None
        return self

    def unreachable(self) -> Self:
        """480 with a Q.850 cause that says the phone is off (20)."""
        return self.refuses(480, q850_cause=20)

    def refuses(self, sip_code: int, *, q850_cause: int | None = None) -> Self:
        """It, or the network, refuses with this SIP status (300..699)."""
        if not 300 <= sip_code <= 699:
            raise ValueError(f"no SIP status that refuses: {sip_code}")
        self.refusal = (sip_code, q850_cause)
        return self

    def no_response(self) -> Self:
        """The network sends no response, not even 100."""
        self.dead = True
        return self

    def early_media(self, words: str) -> Self:
        """183 with early media: the caller hears ``words`` while it rings, instead of our ringback.

        With a refusal that comes when it would have been answered.
        """
        self.early = words
        return self

    def gives_up(self, *, after: float) -> Self:
        """As a caller: cancels when there is no answer after so many seconds."""
        self.cancels_after = after
        return self

    # --- the steps after the answer

    def hears(self, words: str) -> Self:
        """Wait until ``words`` were heard (case and spaces do not matter); the rest may still play."""
        if not words.strip():
            raise ValueError("hears: no words")
        return self._does(Hears(words))

    def presses(self, keys: str) -> Self:
        """Press keys, a quarter of a second apart; what still plays is interrupted if it may be."""
        if not keys or not set(keys) <= KEYS:
            raise ValueError(f"no keys of a phone: {keys!r}")
        return self._does(Presses(keys))

    def presses_in_turn(self, *groups: str) -> Self:
        """The first ``groups`` when a prompt has asked for keys to its end, the next one after the next
        such prompt, and so on; an empty one presses nothing that time."""
        if not set("".join(groups)) <= KEYS:
            raise ValueError(f"no keys of a phone: {groups!r}")
        return self._does(PressesInTurn(groups))

    def waits(self, seconds: float) -> Self:
        """Do nothing for this time; the test itself does not wait."""
        return self._does(Waits(seconds))

    def says(self, words: str) -> Self:
        """Speak; the bridged phone hears it."""
        return self._does(Says(words))

    def hangs_up(self) -> Self:
        """Hang up."""
        return self._does(HangsUp())

    def then(self, do: Callable[[], object]) -> Self:
        """Call ``do``: to check something, or to command Offhook, during the call."""
        return self._does(Then(do))

    def _does(self, step: Step) -> Self:
        self.steps.append(step)
        return self
