"""The interface of a speech engine."""

from __future__ import annotations

from abc import ABC, abstractmethod


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

    @abstractmethod
    async def speak(self, text: str, *, voice: str, speed: float, owner: str) -> bytes:
        """``text``, a piece of a prompt, trimmed and at an even level.

        The sound is G.711, 8,000 samples a second: all µ-law samples, then all A-law samples, encoded in
        the engine's own process. Empty: there was nothing to hear. ``voice`` is one of its voices' ids,
        ``speed`` 0.5..2 with 1 as usual; ``owner`` takes turns with others. Raises
        :class:`SynthesisFailed`.
        """

    @abstractmethod
    async def close(self) -> None:
        """End its processes."""
