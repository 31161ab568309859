"""The voices of the installed engines, and the look-up of the one nearest to a request. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import msgspec


class EngineVoice(msgspec.Struct, frozen=True, kw_only=True):
    """One voice that an installed engine can speak with."""

    engine: str
    """Name of the engine: ``espeak-ng``."""
    id: str
    """The engine's own name of the voice."""
    tags: Mapping[str, int]
    """BCP 47 tags it serves, in lower case, each with a priority: lower serves better."""
    gender: str = ""
    """``M``, ``F``, or empty when it has none."""
    description: str = ""
    """For people: ``English (America)``."""
    rank: int = 0
    """Of its engine: where two speak a locale, the voice of the lower rank is taken."""


_AMERICAN_SPANISH = "ar bo cl co cr cu do ec gt hn mx ni pa pe pr py sv us uy ve"
_NEIGHBOURS: Mapping[str, str] = {
    "en-ca": "en-us",
    "en-ph": "en-us",
    "zh-hk": "yue",
    "zh-mo": "yue",
    **{f"es-{region}": "es-419" for region in _AMERICAN_SPANISH.split()},
}
"""Regions for which another voice is nearer than the voice of the bare language."""


class VoiceIndex:
    """All voices, to be looked up by what a callflow asks for."""

    def __init__(self, voices: Iterable[EngineVoice]) -> None:
        self.voices = tuple(voices)
        self.nearest = lru_cache(maxsize=1024)(self._nearest)
        """:meth:`_nearest`, which compares up to a hundred voices for each request."""
        self._by_tag: dict[str, list[EngineVoice]] = {}
        self._by_language: dict[str, list[EngineVoice]] = {}
        self._by_id = {(voice.engine, voice.id): voice for voice in self.voices}
        for voice in self.voices:
            for tag in voice.tags:
                self._by_tag.setdefault(tag, []).append(voice)
                self._by_language.setdefault(tag.partition("-")[0], []).append(voice)

    def _nearest(
        self, locale: str, gender: str = "", without: frozenset[str] = frozenset()
    ) -> EngineVoice | None:
        """The voice for a BCP 47 tag: language first, then region, then the engine's rank, then gender.

        None: no voice speaks the language. ``gender`` is ``M``, ``F`` or empty (any); ``without`` are
        engines that are not asked.
        """
        for tag in _widening(locale.lower()):
            found = [voice for voice in self._by_tag.get(tag, ()) if voice.engine not in without]
            if found:
                return min(found, key=lambda voice: _distance(voice, tag, gender))
        language = self._by_language.get(locale.lower().partition("-")[0], [])
        others = [voice for voice in language if voice.engine not in without]
        return min(
            others, key=lambda voice: _distance(voice, min(voice.tags), gender), default=None
        )

    def speaks(self, locale: str) -> bool:
        """Whether a voice speaks the language of a BCP 47 tag."""
        tag = locale.lower()
        known = tag.partition("-")[0] in self._by_language
        return known or any(wider in self._by_tag for wider in _widening(tag))

    def find(self, engine: str, voice: str) -> EngineVoice | None:
        """The voice ``voice`` of ``engine``."""
        return self._by_id.get((engine, voice))

    def alike(self, voice: EngineVoice, name: str) -> EngineVoice:
        """The voice ``name`` instead of ``voice``, with the same accent; ``voice`` where there is none."""
        _, _, accent = voice.id.partition("@")
        return self._by_id.get((voice.engine, f"{name}@{accent}"), voice)


def _widening(tag: str) -> Iterator[str]:
    """``zh-hk-x``, ``zh-hk``, its neighbour ``yue``, ``zh``."""
    while True:
        yield tag
        if tag in _NEIGHBOURS:
            yield _NEIGHBOURS[tag]
        if "-" not in tag:
            return
        tag = tag.rpartition("-")[0]


def _distance(voice: EngineVoice, tag: str, gender: str) -> tuple[int, bool, int, int, str]:
    """The distance of a voice that serves ``tag`` from the request; plain voices (short ids) win ties."""
    mismatch = bool(gender) and voice.gender != gender
    return (voice.rank, mismatch, voice.tags[tag], len(voice.id), voice.id)
