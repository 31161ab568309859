"""Amazon Polly (``SynthesizeSpeech``)."""

from __future__ import annotations

import json
from typing import final
from urllib.parse import urlsplit

from offhook.config import Polly
from offhook.net.aws_signature import AwsCredentials, AwsRequest, signed_headers
from offhook.net.http_client import HttpResponse
from offhook.speech import ssml
from offhook.speech.cloud.cloud_engine import CloudEngine, CloudRequest, CloudSound
from offhook.speech.speech_engine import SynthesisFailed

_PATH = "/v1/speech"


@final
class PollySpeech(CloudEngine[Polly]):
    """Speaks with the voice that the profile names."""

    @property
    def name(self) -> str:
        return "polly"

    @property
    def takes_ssml(self) -> bool:
        return True

    def _decides_sound(self) -> tuple[str, ...]:
        return (self._settings.engine,)

    def _request(self, text: str, voice: str, speed: float) -> CloudRequest:
        settings = self._settings
        base = settings.endpoint or f"https://polly.{settings.region}.amazonaws.com"
        marked = ssml.is_ssml(text) or speed != 1
        try:
            said = (
                ssml.bare_document(text, rate="" if speed == 1 else f"{round(100 * speed)}%")
                if marked
                else text
            )
        except ssml.NotSsml as error:
            raise SynthesisFailed(f"polly: the SSML is broken: {error}") from error
        asked = {
            "OutputFormat": "pcm",
            "SampleRate": str(self._rate),
            "Text": said,
            "TextType": "ssml" if marked else "text",
            "VoiceId": voice.rpartition("-")[2],
            "Engine": settings.engine,
        }
        body = json.dumps(asked).encode()
        signed = signed_headers(
            AwsCredentials(settings.key_id, settings.secret, settings.region),
            "polly",
            AwsRequest("POST", urlsplit(base).netloc, _PATH, body),
            self._tools.now(),
        )
        headers = {**signed, "Content-Type": "application/json"}
        return CloudRequest(f"{base}{_PATH}", headers, body)

    def _sound(self, answer: HttpResponse) -> CloudSound:
        return CloudSound(self._rate, answer.body)
