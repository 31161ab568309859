"""A recogniser hears what voices say to a telephone: Kokoro speaks what it is better understood in."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import pytest
from tests.support import sipp
from tests.support.installed_voices import FOLDER, with_kokoro
from tests.support.recogniser import Errors, Recogniser, errors, recogniser, sentences
from tests.support.spoken_calls import spoken_over_calls

from offhook.speech.kokoro_voices import ENGINE, installed_kokoro_voices

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not sipp.available, reason="sipp is not installed"),
]

EACH = 5
"""Sentences of a language."""
REACH = 0.08
"""Of the words of English that may be wrong."""
LOCALES = ("en-US", "es-ES", "fr-FR", "hi-IN", "it-IT", "ja-JP", "pt-BR", "zh-CN")
SPOKEN = {
    tag.partition("-")[0]
    for voice in installed_kokoro_voices(FOLDER / ENGINE)
    for tag in voice.tags
}
"""The languages that Kokoro takes over here; Japanese only with packages that are not in the lock."""


@pytest.fixture(scope="module")
def listener() -> Recogniser:
    return recogniser()


async def wrong(listener: Recogniser, locale: str, engine: str, folder: Path) -> Errors:
    """How much of the sentences of ``locale`` is heard wrong when ``engine`` speaks."""
    voices = {"folder": with_kokoro().folder, "order": [engine]}
    texts = sentences(locale)[:EACH]
    assert len(texts) == EACH
    spoken = await spoken_over_calls(texts, language=locale, folder=folder / engine, voices=voices)
    language = locale.partition("-")[0]
    found = [errors(text, listener.words(sound, language), language) for text, sound in spoken]
    return reduce(Errors.__add__, found)


@pytest.mark.parametrize("locale", [each for each in LOCALES if each[:2] in SPOKEN])
async def test_kokoro_is_better_understood_than_espeak(
    listener: Recogniser, tmp_path: Path, locale: str
) -> None:
    kokoro = await wrong(listener, locale, "kokoro", tmp_path)
    espeak = await wrong(listener, locale, "espeak-ng", tmp_path)
    assert kokoro.rate < espeak.rate
    if locale.startswith("en"):
        assert kokoro.rate <= REACH


def test_every_language_of_kokoro_is_listened_to() -> None:
    with_kokoro()
    assert SPOKEN - {"cmn"} <= {locale[:2] for locale in LOCALES}
