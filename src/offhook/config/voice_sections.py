"""The sections of speech: the voices, the engines that speak them, the prompts kept."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta

from offhook.config.section import Section
from offhook.config.value_types import Count, HttpUrl, LanguageTag, Name, Seconds, Secret


class SpeechSection(Section, frozen=True, kw_only=True):
    """``[speech]``"""

    cache_folder: str | None = None
    """Prompts that all voice processes of this machine share; absent: the user's cache folder."""
    cache_megabytes: Annotated[
        int, Meta(ge=0, le=1_000_000_000, description="a whole number of megabytes, 0 or more")
    ] = 1024
    """0: prompts are not shared and not kept between two starts."""


class LocalModelSection(Section, frozen=True, kw_only=True):
    """``[voices.kokoro]``, ``[voices.piper]``"""

    processes: Annotated[int, Meta(ge=1, le=64, description="a number of processes, 1 to 64")] = 1
    threads: Annotated[int, Meta(ge=0, le=256, description="a number of threads, 0 to 256")] = 0
    """Of each process; 0: one for each core."""


class CloudVoice(Section, frozen=True, kw_only=True):
    """``[[voices.openai.voices]]``, ``[[voices.elevenlabs.voices]]``"""

    name: Annotated[str, Meta(min_length=1, max_length=100, description="a voice's name or id")]
    languages: tuple[LanguageTag, ...]
    gender: Literal["M", "F", ""] = ""


class Azure(Section, frozen=True, kw_only=True):
    """``[voices.azure]``"""

    key: Secret
    region: Name = "westeurope"
    endpoint: HttpUrl | None = None
    """Instead of the region's."""


class Google(Section, frozen=True, kw_only=True):
    """``[voices.google]``"""

    key: Secret
    endpoint: HttpUrl | None = None


class Polly(Section, frozen=True, kw_only=True):
    """``[voices.polly]``"""

    key_id: Secret
    secret: Secret
    region: Name = "us-east-1"
    engine: Literal["standard", "neural"] = "neural"
    endpoint: HttpUrl | None = None


class OpenAi(Section, frozen=True, kw_only=True):
    """``[voices.openai]``"""

    key: Secret | None = None
    model: str = "gpt-4o-mini-tts"
    endpoint: HttpUrl | None = None
    """Of any server that speaks the same interface, up to ``/v1``."""
    voices: tuple[CloudVoice, ...] = ()


class ElevenLabs(Section, frozen=True, kw_only=True):
    """``[voices.elevenlabs]``"""

    key: Secret
    model: str = "eleven_flash_v2_5"
    endpoint: HttpUrl | None = None
    voices: tuple[CloudVoice, ...] = ()


EngineName = Literal[
    "azure", "google", "polly", "elevenlabs", "openai", "kokoro", "piper", "espeak-ng"
]
ENGINE_ORDER: tuple[EngineName, ...] = get_args(EngineName)


class Voices(Section, frozen=True, kw_only=True):
    """``[voices]``"""

    folder: str | None = None
    """Of the installed voices; absent: ``/var/lib/offhook/voices`` where that is, else the user's own."""
    order: tuple[EngineName, ...] = ENGINE_ORDER
    """Which engine is asked first, and which next when it fails; one that is not named is not used."""
    timeout: Seconds = 5
    """Of one request to an engine in the cloud."""
    characters_per_day: Count | None = None
    """That one sub-account may have spoken by engines in the cloud; absent: as many as it asks."""
    kokoro: LocalModelSection = LocalModelSection()
    piper: LocalModelSection = LocalModelSection()
    azure: Azure | None = None
    google: Google | None = None
    polly: Polly | None = None
    elevenlabs: ElevenLabs | None = None
    openai: OpenAi | None = None
