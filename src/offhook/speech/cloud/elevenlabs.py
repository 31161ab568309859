"""ElevenLabs (``v1/text-to-speech/{voice_id}``)."""

from __future__ import annotations

import json
from typing import Final, final
from urllib.parse import quote

from offhook.config import ElevenLabs
from offhook.net.http_client import HttpResponse
from offhook.speech.cloud.cloud_engine import CloudEngine, CloudRequest, CloudSound

_ENDPOINT: Final = "https://api.elevenlabs.io"
SPEEDS: Final = (0.7, 1.2)
"""What the interface takes; a speed beyond is spoken at the nearest one."""


@final
class ElevenLabsSpeech(CloudEngine[ElevenLabs]):
    """Speaks with the voices that the configuration names."""

    @property
    def name(self) -> str:
        return "elevenlabs"

    def _decides_sound(self) -> tuple[str, ...]:
        return (self._settings.endpoint or _ENDPOINT, self._settings.model)

    def _request(self, text: str, voice: str, speed: float) -> CloudRequest:
        body: dict[str, object] = {"text": text, "model_id": self._settings.model}
        if speed != 1:
            body["voice_settings"] = {"speed": min(max(speed, SPEEDS[0]), SPEEDS[1])}
        return CloudRequest(
            f"{self._settings.endpoint or _ENDPOINT}/v1/text-to-speech/{quote(voice, safe='')}"
            f"?output_format=pcm_{self._rate}",
            {"xi-api-key": self._settings.key, "Content-Type": "application/json"},
            json.dumps(body).encode(),
        )

    def _sound(self, answer: HttpResponse) -> CloudSound:
        return CloudSound(self._rate, answer.body)
