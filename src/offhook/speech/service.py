"""Prompts for sessions: spoken or fetched, each made once and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import final

from offhook.codes import RuntimeCode
from offhook.net.client import HttpClient
from offhook.session.ports.speech import Prompt, PromptError, Speech
from offhook.speech.cache import PromptCache
from offhook.speech.engine import Engine, SynthesisFailed
from offhook.speech.espeak import Espeak
from offhook.speech.files import AudioFiles, FileFailed
from offhook.speech.profiles import ProfileTable
from offhook.speech.prompt import G711Prompt

SPOKEN_BYTES = 128 << 20
"""Of memory for spoken prompts: about an hour of speech."""
FETCHED_BYTES = 64 << 20
FETCHED_LIFETIME = 3600.0
"""Seconds a file is kept (``spec/execution.md``, playFile)."""


@final
class SpeechService(Speech):
    """Speaks with the installed engines and fetches over HTTP. Lives on one loop; :meth:`close` it there."""

    def __init__(
        self,
        *,
        profiles: ProfileTable,
        engines: Sequence[Engine],
        client: HttpClient,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``client`` fetches the files and stays the caller's to close; ``engines`` are ours."""
        self._profiles = profiles
        self._engines = {engine.name: engine for engine in engines}
        self._files = AudioFiles(client)
        self._spoken = PromptCache(max_bytes=SPOKEN_BYTES, monotonic=monotonic)
        self._fetched = PromptCache(
            max_bytes=FETCHED_BYTES, monotonic=monotonic, lifetime=FETCHED_LIFETIME
        )

    @classmethod
    def embedded(
        cls,
        client: HttpClient,
        *,
        processes: int = 2,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> SpeechService:
        """With what is on this machine: espeak-ng in up to ``processes`` workers."""
        return cls(
            profiles=ProfileTable.installed(),
            engines=[Espeak(processes=processes)],
            client=client,
            monotonic=monotonic,
        )

    async def say(
        self,
        text: str,
        *,
        voice_profile: str | None,
        language: str | None,
        speed: float,
        owner: str,
    ) -> Prompt:
        voice = self._profiles.voice(voice_profile, language)
        engine = self._engines.get(voice.engine) if voice else None
        if voice is None or engine is None:
            wish = voice_profile or language
            raise PromptError(
                RuntimeCode.SYNTHESIS_FAILED, f"no installed engine has a voice for {wish}"
            )

        async def speak() -> G711Prompt:
            return G711Prompt.of_pcm(await engine.speak(text, voice=voice.id, speed=speed))

        key = (text, engine.name, engine.version, voice.id, speed)
        try:
            return await self._spoken.get(key, speak)
        except SynthesisFailed as error:
            raise PromptError(RuntimeCode.SYNTHESIS_FAILED, str(error)) from error

    async def fetch(self, url: str, *, owner: str) -> Prompt:
        async def load() -> G711Prompt:
            return G711Prompt.of_pcm(await self._files.load(url))

        try:
            return await self._fetched.get(url, load)
        except FileFailed as error:
            raise PromptError(RuntimeCode.DOWNLOAD_FAILED, str(error)) from error

    async def close(self) -> None:
        """Stop what is being made and end the engines."""
        await self._spoken.close()
        await self._fetched.close()
        for engine in self._engines.values():
            await engine.close()
