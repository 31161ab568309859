# ruff: noqa: RUF001 (texts stand in their own scripts)
"""Speaks texts to files, with the engines and voices that calls use."""

from __future__ import annotations

import asyncio
import re
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offhook.commands.common import USAGE, CommandError
from offhook.config import Voices
from offhook.media import g711
from offhook.media.audio import SAMPLE_RATE
from offhook.negotiated import Codec
from offhook.net.http_client import HttpClient
from offhook.session.ports.speech import PromptError
from offhook.speech.profiles import ProfileTable
from offhook.speech.service import SpeechService

_SAMPLES: Mapping[str, str] = {
    "de": "Guten Tag. So klingt diese Stimme am Telefon.",
    "en": "Hello. This is how this voice sounds on the phone.",
    "es": "Hola. Así suena esta voz por teléfono.",
    "fr": "Bonjour. Voici comment cette voix sonne au téléphone.",
    "hi": "नमस्ते। फोन पर यह आवाज़ ऐसी सुनाई देती है।",
    "it": "Buongiorno. Ecco come suona questa voce al telefono.",
    "ja": "こんにちは。電話ではこのように聞こえます。",
    "nl": "Hallo. Zo klinkt deze stem aan de telefoon.",
    "pl": "Dzień dobry. Tak brzmi ten głos przez telefon.",
    "pt": "Olá. É assim que esta voz soa ao telefone.",
    "ru": "Здравствуйте. Так этот голос звучит по телефону.",
    "zh": "您好，这个声音在电话里听起来是这样的。",
}
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}(-[a-z]+)?)?")
"""``en``, ``en-GB``, ``zh-CN-henan``; not ``en-GB-Sonia``, which is a misspelled profile."""
_COUNTING = "1 2 3 4 5 6 7 8 9 10"
"""What a voice says for which there is no sample: it counts in its language."""


def sample_text(voice: str) -> str:
    """A sentence in the language of a profile or BCP 47 tag."""
    return _SAMPLES.get(voice.partition("-")[0].lower(), _COUNTING)


def speak_to_file(
    text: str, voice: str, target: Path, settings: Voices, *, speed: float = 1.0
) -> tuple[dict[str, Any], str]:
    """Speak to a WAV file; the facts, as a document and as a line. Raises :class:`CommandError`."""
    profiles = ProfileTable.installed(settings)
    by_profile = profiles.find(voice) is not None
    chosen = profiles.voice(voice if by_profile else None, None if by_profile else voice)
    if chosen is None or not (by_profile or _LOCALE.fullmatch(voice)):
        near = ", ".join(profiles.near(voice))
        hint = f"; near it: {near}" if near else ""
        raise CommandError(f"no installed engine speaks {voice}{hint}", USAGE, "voices")
    try:
        pcm = asyncio.run(_spoken(text, voice, settings, by_profile=by_profile, speed=speed))
        with target.open("wb") as out, wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(pcm)
    except PromptError as error:
        raise CommandError(f"not spoken: {error.detail}") from None
    except OSError as error:
        raise CommandError(f"{target}: {error.strerror}") from None
    seconds = len(pcm) / 2 / SAMPLE_RATE
    facts = {"file": str(target), "seconds": seconds, "engine": chosen.engine, "voice": chosen.id}
    return facts, f"{target}: {seconds:.1f} s, spoken by {chosen.engine} with {chosen.id}"


async def _spoken(
    text: str, voice: str, settings: Voices, *, by_profile: bool, speed: float
) -> bytes:
    client = HttpClient(allow_private=False, allow_loopback=False)
    service = SpeechService.embedded(client, settings=settings, processes=1)
    try:
        prompt = await service.say(
            text,
            voice_profile=voice if by_profile else None,
            language=None if by_profile else voice,
            speed=speed,
            owner="offhook",
        )
        return g711.levels(Codec.PCMU, bytes(prompt.encoded(Codec.PCMU))).astype("<i2").tobytes()
    finally:
        await service.close()
        await client.close()
