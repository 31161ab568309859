"""Speech without an engine: a prompt knows its text, and lasts as long as saying it would."""

from __future__ import annotations

import asyncio
from typing import final

from offhook.codes import RuntimeCode
from offhook.media import g711
from offhook.media.audio import SAMPLE_RATE
from offhook.negotiated import Codec
from offhook.session.ports.speech import Prompt, PromptError, Speech

SECONDS_PER_CHARACTER = 0.06
"""Seconds that a character takes at speed 1: about 170 words a minute."""
FILE_SECONDS = 3.0
"""Seconds that a file lasts when the test gives no length."""


@final
class SpokenPrompt(Prompt):
    """Silence as sound, with the words of the prompt."""

    def __init__(self, text: str, duration: float, remark: str = "") -> None:
        self.text = text
        """The text; of a file its URL."""
        self._remark = remark
        self._duration = duration

    @property
    def duration(self) -> float:
        return self._duration

    @property
    def remark(self) -> str:
        return self._remark

    def encoded(self, codec: Codec) -> memoryview:
        silence = bytes([g711.SILENCE[codec]])
        return memoryview(silence * round(self._duration * SAMPLE_RATE))


class FakeSpeech(Speech):
    """Makes prompts at once."""

    def __init__(self) -> None:
        self.takes = 0.0
        """Seconds that each synthesis and each download takes."""
        self.slow: dict[str, float] = {}
        """Seconds that these texts and URLs take instead."""
        self.mute: set[str] = set()
        """Texts that cannot be spoken: -2005."""
        self.files: dict[str, float | None] = {}
        """Seconds each file lasts; None: it cannot be fetched, -2006."""
        self.remarks: dict[str, str] = {}
        """The remark about a file in the session's record."""

    async def say(
        self,
        text: str,
        *,
        voice_profile: str | None,
        language: str | None,
        speed: float,
        owner: str,
    ) -> SpokenPrompt:
        await self._prepare(text)
        if text in self.mute:
            raise PromptError(RuntimeCode.SYNTHESIS_FAILED, f"the test has no voice for {text!r}")
        return SpokenPrompt(text, len(text) * SECONDS_PER_CHARACTER / speed)

    async def fetch(self, url: str, *, owner: str) -> SpokenPrompt:
        await self._prepare(url)
        seconds = self.files.get(url, FILE_SECONDS)
        if seconds is None:
            raise PromptError(RuntimeCode.DOWNLOAD_FAILED, f"the test has no file at {url}")
        return SpokenPrompt(url, seconds, self.remarks.get(url, ""))

    async def _prepare(self, what: str) -> None:
        if seconds := self.slow.get(what, self.takes):
            await asyncio.sleep(seconds)
