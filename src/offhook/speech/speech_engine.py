"""The interface of a speech engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator

from offhook.speech.texts import PIECE


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

    async def warm(self) -> None:  # noqa: B027  # an engine that starts at once has nothing to do
        """Start what takes long to start, so that the first text does not wait for it. Never raises."""

    @abstractmethod
    async def speak(self, text: str, *, voice: str, speed: float, owner: str) -> bytes:
        """``text``, a piece of a prompt, trimmed and at an even level.

        The sound is G.711, 8,000 samples a second: all µ-law samples, then all A-law samples, encoded in
        the engine's own process. Empty: there was nothing to hear. ``voice`` is one of its voices' ids,
        ``speed`` 0.5..2 with 1 as usual; ``owner`` takes turns with others. Raises
        :class:`SynthesisFailed`.
        """

    async def parts(
        self, text: str, *, voice: str, speed: float, owner: str
    ) -> AsyncGenerator[bytes]:
        """The sound of :meth:`speak` part by part, as it is made; whole frames of 20 ms but the last.

        Raises :class:`SynthesisFailed`, also behind a part.
        """
        yield await self.speak(text, voice=voice, speed=speed, owner=owner)

    @abstractmethod
    async def close(self) -> None:
        """End its processes."""
