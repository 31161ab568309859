"""What a session needs of speech: prompts made from texts and files."""

from __future__ import annotations

from typing import Protocol

from offhook.codes import RuntimeCode


class PromptError(Exception):
    """A prompt could not be prepared; ``code`` is -2005 or -2006."""

    def __init__(self, code: RuntimeCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Prompt(Protocol):
    """Audio ready to be played: mono, 8,000 samples a second."""

    @property
    def pcm(self) -> bytes:
        """16-bit little-endian signed samples."""
        ...

    @property
    def duration(self) -> float:
        """Seconds."""
        ...

    def encoded(self, codec: str) -> bytes:
        """The samples as ``PCMU`` or ``PCMA`` (G.711), one byte each; computed once."""
        ...


class Speech(Protocol):
    """Makes prompts. Never blocks the loop; equal requests share one synthesis or download."""

    async def say(
        self, text: str, *, voice_profile: str | None, language: str | None, speed: float
    ) -> Prompt:
        """Synthesise ``text``. Raises :class:`PromptError` with -2005."""
        ...

    async def fetch(self, url: str) -> Prompt:
        """Download and decode an audio file. Raises :class:`PromptError` with -2006."""
        ...
