"""The interface of a speech engine."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator

from offhook.media import g711
from offhook.negotiated import LAWS
from offhook.session.ports.speech import Urgent, now
from offhook.speech.texts import PIECE

NARROW, WIDE = 8_000, 16_000
"""Samples a second of the engines' sound; :data:`WIDE` only where a trunk has a codec for it."""


def worker_greeting(rate: int) -> bytes:
    """What the engines' programs are told first (:mod:`.worker_kit`)."""
    tables = b"".join(g711.encoder_table(law) for law in LAWS)
    return tables + struct.pack("!I", rate)


class SynthesisFailed(Exception):
    """The engine cannot speak this; the text says why."""


class Engine(ABC):
    """Speaks texts. Its voices carry its name (:attr:`.voices.EngineVoice.engine`)."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As ``espeak-ng``."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Changes whenever the same request could give different sound."""

    @property
    def first_piece(self) -> int:
        """The greatest weight (:func:`.texts.weight`) of the first piece of a text.

        A slow engine takes a small one, so that its first words are heard early.
        """
        return PIECE

    @property
    def longest_piece(self) -> int:
        """The greatest weight of any piece: others wait for as long as one takes."""
        return PIECE

    @property
    def takes_ssml(self) -> bool:
        """Whether SSML texts are given to it as they are; otherwise it gets their words."""
        return False

    @property
    def is_wide(self) -> bool:
        """Whether its sound has 16,000 samples a second besides G.711 (:meth:`speak`)."""
        return False

    @property
    def is_interruptible(self) -> bool:
        """Whether its work stops when nobody waits for it any more.

        A model of this machine would keep others waiting. What is quick, or paid for, is finished and
        kept for later calls.
        """
        return False

    async def warm(self) -> None:  # noqa: B027  # an engine that starts at once has nothing to do
        """Start what takes long to start, so that the first text does not wait for it. Never raises."""

    @abstractmethod
    async def speak(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> bytes:
        """``text``, a piece of a prompt, trimmed and at an even level.

        The sound is G.711, 8,000 samples a second: all µ-law samples, then all A-law samples, encoded in
        the engine's own process. Behind them :attr:`is_wide` engines have twice as many samples of 16 bits,
        little-endian, 16,000 a second. Empty: there was nothing to hear. ``voice`` is one of its voices' ids,
        ``speed`` 0.5..2 with 1 as usual; ``owner`` takes turns with others, the most ``urgent`` first. Raises
        :class:`SynthesisFailed`.
        """

    async def parts(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> AsyncGenerator[bytes]:
        """The sound of :meth:`speak` part by part, as it is made; whole frames of 20 ms but the last.

        Raises :class:`SynthesisFailed`, also behind a part.
        """
        yield await self.speak(text, voice=voice, speed=speed, owner=owner, urgent=urgent)

    @abstractmethod
    async def close(self) -> None:
        """End its processes."""
