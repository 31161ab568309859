"""What a speech engine is to the rest."""

from __future__ import annotations

from typing import Protocol


class SynthesisFailed(Exception):
    """The engine cannot speak this; the text says why."""


class Engine(Protocol):
    """Speaks texts. Its voices carry its name (:attr:`.voices.EngineVoice.engine`)."""

    @property
    def name(self) -> str:
        """``espeak-ng``."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same request could sound different."""
        ...

    async def speak(self, text: str, *, voice: str, speed: float) -> bytes:
        """``text`` as 8 kHz mono s16le, trimmed and at an even level.

        ``voice`` is one of its voices' ids, ``speed`` 0.5..2 with 1 as usual. Raises
        :class:`SynthesisFailed`.
        """
        ...

    async def close(self) -> None:
        """End what it runs."""
        ...
