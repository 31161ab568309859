"""The engines of this machine: which voices they have, in the order of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from offhook.config import CloudVoice, Voices
from offhook.speech import espeak_voices, kokoro_voices, piper_voices
from offhook.speech.cloud.azure import AzureSpeech
from offhook.speech.cloud.budgets import VoiceBudget
from offhook.speech.cloud.cloud_engine import CloudTools
from offhook.speech.cloud.elevenlabs import ElevenLabsSpeech
from offhook.speech.cloud.google import GoogleSpeech
from offhook.speech.cloud.openai_speech import OpenAiSpeech
from offhook.speech.cloud.polly import PollySpeech
from offhook.speech.espeak import Espeak
from offhook.speech.kokoro import Kokoro
from offhook.speech.piper import Piper
from offhook.speech.profile_rows import profile_rows
from offhook.speech.speech_engine import NARROW, Engine
from offhook.speech.voice_folder import default_folder
from offhook.speech.voice_index import EngineVoice


def voice_folder(settings: Voices) -> Path:
    """Where the voices that were installed lie."""
    return Path(settings.folder) if settings.folder is not None else default_folder()


def kokoro_folder(settings: Voices) -> Path:
    """Where the model and the voices of Kokoro lie when they are installed."""
    return voice_folder(settings) / kokoro_voices.ENGINE


def piper_folder(settings: Voices) -> Path:
    """Where the voices of Piper lie that were added."""
    return voice_folder(settings) / piper_voices.ENGINE


def installed_voices(settings: Voices) -> tuple[EngineVoice, ...]:
    """Every voice of the engines that are installed and named in the order."""
    return tuple(
        replace(voice, rank=rank)
        for rank, name in enumerate(settings.order)
        for voice in _VOICES[name](settings)
    )


def make_engines(
    settings: Voices,
    *,
    espeak_processes: int,
    rate: int = NARROW,
    budget: VoiceBudget | None = None,
) -> list[Engine]:
    """The engines; starts none of them. ``rate``: samples a second that they speak at.

    ``budget``: None counts by the settings, in this process.
    """
    engines: list[Engine] = [Espeak(processes=espeak_processes, rate=rate)]
    if _kokoro_voices(settings):
        kokoro = settings.kokoro
        engines.append(
            Kokoro(
                kokoro_folder(settings),
                processes=kokoro.processes,
                threads=kokoro.threads,
                rate=rate,
            )
        )
    if _piper_voices(settings):
        piper = settings.piper
        engines.append(
            Piper(
                piper_folder(settings),
                processes=piper.processes,
                threads=piper.threads,
                rate=rate,
            )
        )
    engines += _cloud_engines(
        settings, budget or VoiceBudget(lambda _owner: settings.characters_per_day), rate
    )
    return engines


def _cloud_engines(settings: Voices, budget: VoiceBudget, rate: int) -> Iterable[Engine]:
    sections = (
        *(settings.azure, settings.google, settings.polly, settings.openai, settings.elevenlabs),
    )
    if not any(sections):
        return
    own = any(section is not None and section.endpoint is not None for section in sections)
    tools = CloudTools.of(
        timeout=settings.timeout,
        budget=budget,
        allow_private=own,  # the operator names the address
        rate=rate,
    )
    if settings.azure is not None:
        yield AzureSpeech(settings.azure, tools)
    if settings.google is not None:
        yield GoogleSpeech(settings.google, tools)
    if settings.polly is not None:
        yield PollySpeech(settings.polly, tools)
    if settings.openai is not None:
        yield OpenAiSpeech(settings.openai, tools)
    if settings.elevenlabs is not None:
        yield ElevenLabsSpeech(settings.elevenlabs, tools)


def _kokoro_voices(settings: Voices) -> tuple[EngineVoice, ...]:
    return kokoro_voices.installed_kokoro_voices(kokoro_folder(settings))


def _piper_voices(settings: Voices) -> tuple[EngineVoice, ...]:
    return piper_voices.installed_piper_voices(piper_folder(settings))


def _vendor_voices(vendor: str, *, section: object) -> tuple[EngineVoice, ...]:
    """The voices that the profiles name; none where the operator has no key."""
    if section is None:
        return ()
    return tuple(
        EngineVoice(engine=vendor, id=row.code, tags={row.locale.lower(): 0}, gender=row.gender)
        for row in profile_rows()
        if row.vendor == vendor
    )


def _named_voices(engine: str, named: Iterable[CloudVoice]) -> tuple[EngineVoice, ...]:
    """The voices that the configuration names; the first of a language serves it best."""
    return tuple(
        EngineVoice(
            engine=engine,
            id=voice.name,
            tags={language.lower(): place for language in voice.languages},
            gender=voice.gender,
        )
        for place, voice in enumerate(named)
    )


_VOICES: Final[Mapping[str, Callable[[Voices], tuple[EngineVoice, ...]]]] = {
    "azure": lambda settings: _vendor_voices("azure", section=settings.azure),
    "google": lambda settings: _vendor_voices("google", section=settings.google),
    "polly": lambda settings: _vendor_voices("polly", section=settings.polly),
    "openai": lambda settings: _named_voices(
        "openai", settings.openai.voices if settings.openai else ()
    ),
    "elevenlabs": lambda settings: _named_voices(
        "elevenlabs", settings.elevenlabs.voices if settings.elevenlabs else ()
    ),
    kokoro_voices.ENGINE: _kokoro_voices,
    piper_voices.ENGINE: _piper_voices,
    espeak_voices.ENGINE: lambda _: espeak_voices.installed_voices(),
}
