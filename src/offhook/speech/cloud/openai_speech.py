"""OpenAI's speech interface, and the many servers that speak it (``audio/speech``)."""

from __future__ import annotations

import json
from typing import Final, final

from offhook.config import OpenAi
from offhook.net.http_client import HttpResponse
from offhook.speech.cloud.cloud_engine import (
    CloudEngine,
    CloudRequest,
    CloudSound,
    samples_of_wav,
)

_ENDPOINT: Final = "https://api.openai.com/v1"


@final
class OpenAiSpeech(CloudEngine[OpenAi]):
    """Speaks with the voices that the configuration names."""

    @property
    def name(self) -> str:
        return "openai"

    def _decides_sound(self) -> tuple[str, ...]:
        return (self._settings.endpoint or _ENDPOINT, self._settings.model)

    def _request(self, text: str, voice: str, speed: float) -> CloudRequest:
        body = {
            "input": text,
            "model": self._settings.model,
            "voice": voice,
            "response_format": "wav",
            "speed": speed,
        }
        headers = {"Content-Type": "application/json"}
        if self._settings.key:
            headers["Authorization"] = f"Bearer {self._settings.key}"
        return CloudRequest(
            f"{self._settings.endpoint or _ENDPOINT}/audio/speech",
            headers,
            json.dumps(body).encode(),
        )

    def _sound(self, answer: HttpResponse) -> CloudSound:
        return samples_of_wav(self.name, answer.body)
