"""Azure AI Speech, text to speech (REST, ``cognitiveservices/v1``)."""

from __future__ import annotations

from typing import final

from offhook.config import Azure
from offhook.net.http_client import HttpResponse
from offhook.speech import ssml
from offhook.speech.cloud.cloud_engine import CloudEngine, CloudRequest, CloudSound
from offhook.speech.speech_engine import SynthesisFailed

_FORMAT = "raw-{}khz-16bit-mono-pcm"


@final
class AzureSpeech(CloudEngine[Azure]):
    """Speaks with the voice that the profile names."""

    @property
    def name(self) -> str:
        return "azure"

    @property
    def takes_ssml(self) -> bool:
        return True

    def _request(self, text: str, voice: str, speed: float) -> CloudRequest:
        settings = self._settings
        base = settings.endpoint or f"https://{settings.region}.tts.speech.microsoft.com"
        language = "-".join(voice.split("-")[:2])
        try:
            body = ssml.document(
                text, language, voice=voice, rate="" if speed == 1 else f"{speed:g}"
            )
        except ssml.NotSsml as error:
            raise SynthesisFailed(f"azure: the SSML is broken: {error}") from error
        return CloudRequest(
            f"{base}/cognitiveservices/v1",
            {
                "Ocp-Apim-Subscription-Key": settings.key,
                "Content-Type": "application/ssml+xml",
                "X-Microsoft-OutputFormat": _FORMAT.format(self._rate // 1000),
                "User-Agent": "offhook",
            },
            body.encode(),
        )

    def _sound(self, answer: HttpResponse) -> CloudSound:
        return CloudSound(self._rate, answer.body)
