"""The speech profiles customers name in their callflows, and the installed voices that serve them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from importlib.resources import files
from typing import NamedTuple, final

from offhook.config import Voices
from offhook.flow.context import ListedProfile, Profile, Profiles
from offhook.flow.neighbours import ProfileNeighbours
from offhook.speech.engines import installed_voices
from offhook.speech.locales import describe
from offhook.speech.profile_rows import profile_rows
from offhook.speech.voice_index import EngineVoice, VoiceIndex

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_NEURAL = "Neural"


class VoiceUse(NamedTuple):
    """One engine voice and how many profiles it serves."""

    voice: EngineVoice
    profiles: int


@final
class ProfileTable(Profiles):
    """The profiles with a language that an installed voice speaks."""

    def __init__(self, voices: Iterable[EngineVoice]) -> None:
        self._index = VoiceIndex(voices)
        self._profiles = {
            profile.code: profile
            for profile in profile_rows()
            if self._index.speaks(profile.locale)
        }
        self._neighbours = ProfileNeighbours(self._profiles.values())
        self._alike = _read_likeness()

    @classmethod
    def installed(cls, settings: Voices | None = None) -> ProfileTable:
        """For the engines found on this machine. Reads their voice files; starts nothing."""
        return cls(installed_voices(settings or Voices()))

    def find(self, code: str) -> Profile | None:
        return self._profiles.get(code) or self._profiles.get(code + _NEURAL)

    def speaks(self, language: str) -> bool:
        return _TAG.fullmatch(language) is not None and self._index.speaks(language)

    def near(self, asked: str) -> tuple[str, ...]:
        return self._neighbours.near(asked)

    def voice(self, voice_profile: str | None, language: str | None) -> EngineVoice | None:
        """The voice to speak with; the profile decides where both are given. None: there is none."""
        return next(self.choices(voice_profile, language), None)

    def choices(self, voice_profile: str | None, language: str | None) -> Iterator[EngineVoice]:
        """The nearest voice, then the nearest of each other engine, for when one fails."""
        if voice_profile is not None:
            profile = self.find(voice_profile)
            return self._of(profile) if profile else iter(())
        return self._nearest_of_each(language, "") if language is not None else iter(())

    def _of(self, profile: Profile) -> Iterator[EngineVoice]:
        exact = self._index.find(profile.vendor, profile.code)
        if exact is not None:
            yield exact
        alike = self._alike.get(profile.code)
        asked = frozenset() if exact is None else frozenset({exact.engine})
        for voice in self._nearest_of_each(profile.locale, profile.gender, asked):
            yield self._index.alike(voice, alike) if alike else voice

    def _nearest_of_each(
        self, locale: str, gender: str, asked: frozenset[str] = frozenset()
    ) -> Iterator[EngineVoice]:
        while voice := self._index.nearest(locale, gender, asked):
            asked |= {voice.engine}
            yield voice

    def listed(self) -> tuple[ListedProfile, ...]:
        return self._list

    @cached_property
    def _list(self) -> tuple[ListedProfile, ...]:
        return tuple(self._listed(self._profiles[code]) for code in sorted(self._profiles))

    def _listed(self, profile: Profile) -> ListedProfile:
        voice = next(self._of(profile))
        return ListedProfile(
            speech_profile_code=profile.code,
            locale_code=profile.locale,
            locale_description=describe(profile.locale),
            gender=profile.gender,
            engine=voice.engine,
            voice=voice.id,
        )

    def voices(self) -> tuple[VoiceUse, ...]:
        """Every installed voice with the number of profiles it serves."""
        served: dict[str, int] = {}
        for profile in self._profiles.values():
            if voice := next(self._of(profile), None):
                served[voice.id] = served.get(voice.id, 0) + 1
        return tuple(VoiceUse(voice, served.get(voice.id, 0)) for voice in self._index.voices)


def _read_likeness() -> dict[str, str]:
    """By profile: the name of the installed voice that is most like it, after the vendors' descriptions."""
    text = files("offhook.speech").joinpath("likeness.tsv").read_text("utf-8")
    return dict(line.split("\t") for line in text.splitlines()[1:])
