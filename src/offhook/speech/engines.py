"""The engines of this machine: which voices they have, in the order of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from offhook.config import Voices
from offhook.speech import espeak_voices, kokoro_voices
from offhook.speech.espeak import Espeak
from offhook.speech.kokoro import Kokoro
from offhook.speech.speech_engine import Engine
from offhook.speech.voice_folder import default_folder
from offhook.speech.voices import EngineVoice


def voice_folder(settings: Voices) -> Path:
    """Where the voices that were installed lie."""
    return Path(settings.folder) if settings.folder is not None else default_folder()


def kokoro_folder(settings: Voices) -> Path:
    """Where the model and the voices of Kokoro lie when they are installed."""
    return voice_folder(settings) / kokoro_voices.ENGINE


_VOICES: Final[Mapping[str, Callable[[Voices], tuple[EngineVoice, ...]]]] = {
    kokoro_voices.ENGINE: lambda settings: kokoro_voices.installed_kokoro_voices(
        kokoro_folder(settings)
    ),
    espeak_voices.ENGINE: lambda _: espeak_voices.installed_voices(),
}


def installed_voices(settings: Voices) -> tuple[EngineVoice, ...]:
    """Every voice of the engines that are installed and named in the order."""
    return tuple(
        replace(voice, rank=rank)
        for rank, name in enumerate(settings.order)
        for voice in _VOICES[name](settings)
    )


def make_engines(settings: Voices, *, espeak_processes: int) -> list[Engine]:
    """The engines; starts none of them."""
    engines: list[Engine] = [Espeak(processes=espeak_processes)]
    if _VOICES[kokoro_voices.ENGINE](settings):
        kokoro = settings.kokoro
        engines.append(
            Kokoro(kokoro_folder(settings), processes=kokoro.processes, threads=kokoro.threads)
        )
    return engines
