"""Decisions that a person takes by hand: what a playground and the voice processes say to each other.

A browser's desk holds one session and says so every few seconds. While it does, the session's questions go
to the desk and not to the VCA webhook; the desk answers within the same budget.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Annotated

import msgspec

from offhook.session.ports.webhooks import Question, Reply
from offhook.session.tenancy import SubAccount

HAND_ORDERS = "hand-orders"
"""The topic of what desks want: :data:`HandOrder` as JSON."""
HELD_FOR = 6.0
"""Seconds after which a session is free that no desk asks for any more."""
MOST_ANSWER = 64 * 1024
"""Bytes of an answer: with every letter escaped it still fits into a message of the fabric."""

DeskId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
"""Random, and known to one browser."""
ShortId = Annotated[str, msgspec.Meta(max_length=64)]


def hand_topic(desk: str) -> str:
    """The topic of what one desk is told: :class:`HandNews` as JSON."""
    return f"hand.{desk}"


class HoldSession(msgspec.Struct, frozen=True, kw_only=True, tag="hold"):
    """The desk takes the decisions of a session."""

    desk: DeskId
    session_id: ShortId


class HandAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="answer"):
    """The desk answers."""

    desk: DeskId
    event_id: ShortId
    body: Annotated[str, msgspec.Meta(max_length=MOST_ANSWER)]
    """A callflow, as a webhook would answer it."""


HandOrder = HoldSession | HandAnswer


class HandState(StrEnum):
    """What became of a question."""

    ASKED = "asked"
    ANSWERED = "answered"
    OVER = "over"
    """It was answered too late, or the caller has hung up."""


class HandNews(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a desk is told."""

    state: HandState
    event_id: str
    seconds: float = 0
    """To answer in; of ``asked`` only."""
    question: str = ""
    """The JSON that a webhook would get; of ``asked`` only."""


class Hands(ABC):
    """The desks that take decisions, as a voice process sees them."""

    @abstractmethod
    def take(self, session_id: str) -> bool:
        """Whether a desk takes the decisions of a session at this moment."""

    @abstractmethod
    async def ask(self, sub_account: SubAccount, question: Question) -> Reply:
        """The answer of the desk that holds the question's session; like an
        :data:`~offhook.session.ports.webhooks.Asker`."""
