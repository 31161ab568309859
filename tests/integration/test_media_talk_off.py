"""An hour of synthesised speech, in fourteen voices, holds no key (talk-off)."""

from __future__ import annotations

import random

import numpy as np
import pytest

from offhook.media.g711 import decode
from offhook.media.tones import ToneDetector
from offhook.negotiated import Codec
from offhook.net.http_client import HttpClient
from offhook.speech.service import SpeechService

HOUR = 3600.0
LANGUAGES = (
    *("en-US", "en-GB", "de", "fr", "es", "it", "pt-BR", "nl", "pl", "ru", "tr", "sv", "hi", "id"),
)
WORDS = tuple(
    " ".join(
        (
            "hello welcome please press hold the line your order number is one two three four five six ",
            "seven eight nine zero star hash restaurant table evening thank you goodbye appointment doctor ",
            "tomorrow morning minus plus receipt invoice parcel station delivery name address please wait ",
            "music beep number pizza margherita umbrella volcano zebra queue rhythm seventeen eleventh",
        )
    ).split()
)


def text(luck: random.Random) -> str:
    """Three hundred words, other ones each time."""
    return " ".join(
        word + luck.choice(["", "", "", ",", ".", "?", "!"]) for word in luck.choices(WORDS, k=300)
    )


@pytest.mark.full
@pytest.mark.timeout(600)
async def test_an_hour_of_speech_holds_no_key() -> None:
    client = HttpClient(allow_private=False)
    speech = SpeechService.embedded(client)
    luck = random.Random(1)
    detector, seconds, heard = ToneDetector(), 0.0, ""
    try:
        while seconds < HOUR:
            for language in LANGUAGES:
                prompt = await speech.say(
                    text(luck),
                    voice_profile=None,
                    language=language,
                    speed=luck.choice([0.7, 1.0, 1.4]),
                    owner="acme",
                )
                through = np.frombuffer(decode(Codec.PCMU, prompt.encoded(Codec.PCMU)), dtype="<i2")
                heard += detector.feed(through.astype(np.float64))
                seconds += prompt.duration
    finally:
        await speech.close()
        await client.close()
    assert (heard, seconds >= HOUR) == ("", True)
