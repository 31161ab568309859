"""What a session needs of speech: prompts made from texts and files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from enum import IntEnum

from offhook.codes import RuntimeCode
from offhook.negotiated import LAWS, Codec


class PromptError(Exception):
    """A prompt could not be prepared; ``code`` is -2005 or -2006."""

    def __init__(self, code: RuntimeCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Urgency(IntEnum):
    """How soon a prompt is needed; the lower comes first."""

    NOW = 0
    """Someone on the phone hears nothing until its first words are there."""
    SOON = 1
    """It follows what is being played."""
    LATER = 2
    """It will be played, perhaps: the phone still rings."""
    SPARE = 3
    """Nobody waits for it any more. A later call may ask for it."""


Urgent = Callable[[], Urgency]
"""How urgent a prompt is at this moment."""


def now() -> Urgency:
    """Someone waits for it."""
    return Urgency.NOW


class Prompt(ABC):
    """Audio ready to be played: G.711, mono, 8,000 samples a second, and perhaps G.722.

    Immutable, and shared by all calls that play it. A long prompt lies in a memory-mapped file, so that
    memory use does not grow with its length. The file goes away with the last reference to the
    prompt or to one of its views.
    """

    @property
    @abstractmethod
    def duration(self) -> float:
        """Seconds."""

    @property
    def remark(self) -> str:
        """What the session's record says about this prompt, as "the file ends early"; mostly empty."""
        return ""

    @property
    def codecs(self) -> Collection[Codec]:
        """In what it is ready: both laws, and perhaps more."""
        return LAWS

    @abstractmethod
    def encoded(self, codec: Codec) -> memoryview:
        """The sound in one of :attr:`codecs`, an octet for each sample of G.711, read-only.

        All are ready: the call costs no processor time, so a leg that changes its codec can go on
        at the same offset in the other view. The view keeps the prompt's memory or file alive.
        Raises :class:`KeyError` for another codec.
        """


class Speech(ABC):
    """Makes prompts. Never blocks the loop; equal requests share one synthesis or download.

    ``owner`` is the sub-account on whose behalf the prompt is made. Work, memory and disk are shared
    fairly among owners, so that one owner's prompts do not make another's fail.
    """

    def cut(self, text: str, *, voice_profile: str | None, language: str | None) -> Sequence[str]:
        """The pieces in which ``text`` is made so that its first words are there early.

        In order, and joined they are ``text`` (of SSML for an engine that does not take it: its words).
        Each is said for itself, and played behind the one before.
        """
        return (text,)

    @abstractmethod
    async def say(
        self,
        text: str,
        *,
        voice_profile: str | None,
        language: str | None,
        speed: float,
        owner: str,
    ) -> Prompt:
        """Synthesise ``text``, or a piece of one. Raises :class:`PromptError` with -2005."""

    async def say_in_parts(
        self,
        text: str,
        *,
        voice_profile: str | None,
        language: str | None,
        speed: float,
        owner: str,
        urgent: Urgent = now,
    ) -> AsyncIterator[Prompt]:
        """The prompt of :meth:`say`, whole when it is there, else part by part as it is made.

        The parts are played one behind the other; ``urgent`` is asked before each is made. Raises
        :class:`PromptError`, also behind a part.
        """
        yield await self.say(
            text, voice_profile=voice_profile, language=language, speed=speed, owner=owner
        )

    def prepare(self, text: str, *, language: str | None, owner: str) -> None:  # noqa: B027
        """``text`` is said later, at the usual speed: begin to make it. Never raises."""

    @abstractmethod
    async def fetch(self, url: str, *, owner: str) -> Prompt:
        """Download and decode an audio file. Raises :class:`PromptError` with -2006."""
