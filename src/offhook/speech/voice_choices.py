"""Which engine speaks a text with which voice."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from offhook.codes import RuntimeCode
from offhook.session.ports.speech import PromptError
from offhook.speech.engine_health import EngineHealth
from offhook.speech.profiles import ProfileTable
from offhook.speech.speech_engine import Engine
from offhook.speech.voice_index import EngineVoice

_MOST: Final = 1000
"""Profiles and languages whose voices are remembered."""


class EngineChoice(NamedTuple):
    """An engine and its voice."""

    engine: Engine
    voice: EngineVoice


class VoiceChoices:
    """The voices of these engines for the profiles and languages of callflows."""

    def __init__(self, profiles: ProfileTable, engines: Sequence[Engine]) -> None:
        self.health = EngineHealth()
        """Which engines failed lately."""
        self._profiles = profiles
        self._engines = {engine.name: engine for engine in engines}
        self._known: dict[tuple[str | None, str | None], list[EngineChoice]] = {}

    def of(self, voice_profile: str | None, language: str | None) -> list[EngineChoice]:
        """The engines to ask, in order, each with its voice; those that rest come last.

        Raises :class:`PromptError` when there is none.
        """
        choices = self._nearest(voice_profile, language)
        if not choices:
            wish = voice_profile or language
            raise PromptError(
                RuntimeCode.SYNTHESIS_FAILED, f"no installed engine has a voice for {wish}"
            )
        now = time.monotonic()
        return sorted(choices, key=lambda choice: self.health.rests(choice.engine.name, now))

    def _nearest(self, voice_profile: str | None, language: str | None) -> list[EngineChoice]:
        """The engines that have a voice, the nearest first: found once, since neither changes."""
        asked = voice_profile, language
        known = self._known.get(asked)
        if known is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[asked] = [
                EngineChoice(engine, voice)
                for voice in self._profiles.choices(voice_profile, language)
                if (engine := self._engines.get(voice.engine)) is not None
            ]
        return known
