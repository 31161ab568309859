"""Google Cloud Text-to-Speech (REST, ``v1/text:synthesize``)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, final

from offhook.config import Google
from offhook.net.http_client import HttpResponse
from offhook.speech import ssml
from offhook.speech.cloud.cloud_engine import (
    CloudEngine,
    CloudRequest,
    CloudSound,
    samples_of_wav,
)
from offhook.speech.speech_engine import SynthesisFailed

_ENDPOINT = "https://texttospeech.googleapis.com"


@final
class GoogleSpeech(CloudEngine[Google]):
    """Speaks with the voice that the profile names."""

    @property
    def name(self) -> str:
        return "google"

    @property
    def takes_ssml(self) -> bool:
        return True

    def _request(self, text: str, voice: str, speed: float) -> CloudRequest:
        kind = "ssml" if ssml.is_ssml(text) else "text"
        body: dict[str, Any] = {
            "input": {kind: text},
            "voice": {"languageCode": "-".join(voice.split("-")[:2]), "name": voice},
            "audioConfig": {"audioEncoding": "LINEAR16", "sampleRateHertz": self._rate},
        }
        if speed != 1:
            body["audioConfig"]["speakingRate"] = speed
        return CloudRequest(
            f"{self._settings.endpoint or _ENDPOINT}/v1/text:synthesize",
            {"X-Goog-Api-Key": self._settings.key, "Content-Type": "application/json"},
            json.dumps(body).encode(),
        )

    def _sound(self, answer: HttpResponse) -> CloudSound:
        try:
            octets = base64.b64decode(json.loads(answer.body)["audioContent"], validate=True)
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise SynthesisFailed("google did not answer a sound") from error
        return samples_of_wav(self.name, octets)
