"""The facts about a sub-account that the judge needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Sequence

import msgspec

ANY_SOURCE = "*"
"""In :attr:`JudgingContext.sources`: every number may be a source (the embedded demo sub-account)."""

WITHHELD_SOURCES = frozenset({"private", "anonymous"})
"""The spellings of ``source`` that ask for a withheld caller ID."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One speech profile, as ``GET …/speech-profiles`` lists it."""

    code: str
    """``speechProfileCode`` in the spelling of the table: ``en-US-JennyNeural``."""
    locale: str
    """``localeCode``: ``en-US``, ``zh-CN-henan``."""
    gender: str = ""
    """``M``, ``F``, or empty when unknown."""
    vendor: str = ""
    """The vendor that the name comes from: ``azure``, ``google``, ``polly``…"""


class ListedProfile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One element of ``GET …/speech-profiles`` (``spec/api.md``)."""

    speech_profile_code: str
    locale_code: str
    locale_description: str
    gender: str
    engine: str
    """The engine that speaks it here: ``kokoro``."""
    voice: str
    """The engine's own name of the voice."""


class Profiles(ABC):
    """The speech profiles a sub-account may use. Lookups must be fast, because the judge makes many."""

    @abstractmethod
    def find(self, code: str) -> Profile | None:
        """The profile spelled exactly ``code``, or spelled so but for a trailing ``Neural``.

        None when no profile has that name, or no installed engine speaks its language.
        """

    @abstractmethod
    def speaks(self, language: str) -> bool:
        """Whether an installed engine speaks ``language``: a BCP 47 tag, ``en`` or ``en-GB``."""

    @abstractmethod
    def near(self, asked: str) -> tuple[str, ...]:
        """Up to three usable codes of the language nearest to ``asked``, a code or a BCP 47 tag."""

    @abstractmethod
    def listed(self) -> Sequence[ListedProfile]:
        """Every usable profile, by code."""


class JudgingContext(msgspec.Struct, frozen=True, kw_only=True):
    """The facts for one judgement, besides the request and the time."""

    profiles: Profiles
    sources: frozenset[str] = frozenset()
    """Active numbers and allowed caller IDs, E.164 with ``+``; :data:`ANY_SOURCE` allows any."""
    withheld_allowed: bool = False
    """Whether ``source`` may be one of :data:`WITHHELD_SOURCES`."""
    has_vca: bool = False
    """Whether the sub-account has an enabled VCA webhook."""
    scenarios: Container[str] = frozenset()
    """Names of the scenarios its account may execute."""
