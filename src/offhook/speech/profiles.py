"""The speech profiles customers name in their callflows, and the installed voices that serve them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files
from typing import NamedTuple, final

from offhook.flow.context import ListedProfile, Profile, Profiles
from offhook.flow.neighbours import ProfileNeighbours
from offhook.speech.espeak_voices import installed_voices
from offhook.speech.locales import describe
from offhook.speech.voices import EngineVoice, VoiceIndex

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
            for profile in _read_table()
            if self._index.nearest(profile.locale) is not None
        }
        self._neighbours = ProfileNeighbours(self._profiles.values())

    @classmethod
    def installed(cls) -> ProfileTable:
        """For the engines found on this machine. Reads their voice files; starts nothing."""
        return cls(installed_voices())

    def find(self, code: str) -> Profile | None:
        return self._profiles.get(code) or self._profiles.get(code + _NEURAL)

    def speaks(self, language: str) -> bool:
        return _TAG.fullmatch(language) is not None and self._index.nearest(language) is not None

    def near(self, asked: str) -> tuple[str, ...]:
        return self._neighbours.near(asked)

    def voice(self, voice_profile: str | None, language: str | None) -> EngineVoice | None:
        """The voice to speak with; the profile decides where both are given. None: there is none."""
        if voice_profile is not None:
            profile = self.find(voice_profile)
            return self._index.nearest(profile.locale, profile.gender) if profile else None
        return self._index.nearest(language) if language is not None else None

    def listed(self) -> tuple[ListedProfile, ...]:
        return tuple(
            ListedProfile(
                speech_profile_code=profile.code,
                locale_code=profile.locale,
                locale_description=describe(profile.locale),
                gender=profile.gender,
            )
            for profile in sorted(self._profiles.values(), key=lambda profile: profile.code)
        )

    def voices(self) -> tuple[VoiceUse, ...]:
        """Every installed voice with the number of profiles it serves."""
        served: dict[str, int] = {}
        for profile in self._profiles.values():
            if voice := self._index.nearest(profile.locale, profile.gender):
                served[voice.id] = served.get(voice.id, 0) + 1
        return tuple(VoiceUse(voice, served.get(voice.id, 0)) for voice in self._index.voices)


def _read_table() -> list[Profile]:
    text = files("offhook.speech").joinpath("speech-profiles.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return [
        Profile(code=code, locale=locale, gender=gender, vendor=vendor)
        for code, locale, gender, vendor in rows
    ]
