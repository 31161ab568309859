"""Every speakable profile is really spoken: plausible length and level, by the voice that is listed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from tests.support.installed_voices import with_kokoro

from offhook.commands.speaking import sample_text
from offhook.config import Voices
from offhook.flow.context import ListedProfile
from offhook.media import g711
from offhook.negotiated import Codec
from offhook.net.http_client import HttpClient
from offhook.speech.profiles import ProfileTable
from offhook.speech.service import SpeechService


def one_of_each_voice(settings: Voices) -> list[ListedProfile]:
    """One profile for each voice that serves any; the other profiles of a voice sound the same."""
    listed = ProfileTable.installed(settings).listed()
    return list({(each.engine, each.voice): each for each in listed}.values())


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(allow_private=False)
    yield client
    await client.close()


async def check(service: SpeechService, profile: ListedProfile) -> None:
    prompt = await service.say(
        sample_text(profile.locale_code),
        voice_profile=profile.speech_profile_code,
        language=None,
        speed=1,
        owner="acme",
    )
    samples = g711.levels(Codec.PCMU, prompt.encoded(Codec.PCMU)) / 32768
    level = float(np.sqrt(np.mean(np.square(samples))))
    assert 1.2 < prompt.duration < 20, profile
    assert 0.03 < level < 0.15, profile
    assert float(np.max(np.abs(samples))) < 0.95, profile


async def test_a_sample_of_the_profiles_is_spoken(client: HttpClient) -> None:
    settings = Voices(order=("espeak-ng",))
    service = SpeechService.embedded(client, settings=settings, processes=1)
    profiles = one_of_each_voice(settings)
    for profile in profiles[::12]:
        await check(service, profile)
    await service.close()


@pytest.mark.full
async def test_every_profile_that_espeak_speaks(client: HttpClient) -> None:
    settings = Voices(order=("espeak-ng",))
    service = SpeechService.embedded(client, settings=settings, processes=2)
    profiles = one_of_each_voice(settings)
    assert len(profiles) > 100
    for profile in profiles:
        await check(service, profile)
    await service.close()


@pytest.mark.full
@pytest.mark.timeout(900)
async def test_every_profile_that_kokoro_speaks(client: HttpClient) -> None:
    settings = with_kokoro()
    service = SpeechService.embedded(client, settings=settings, processes=1)
    profiles = [each for each in one_of_each_voice(settings) if each.engine == "kokoro"]
    assert len(profiles) > 20
    for profile in profiles:
        await check(service, profile)
    await service.close()
