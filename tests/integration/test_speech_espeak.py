# ruff: noqa: RUF001 (texts stand in their own scripts)
"""espeak-ng really speaking, in its own processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import numpy as np
import pytest

from offhook.media import g711
from offhook.negotiated import Codec
from offhook.speech import espeak
from offhook.speech.espeak import Espeak
from offhook.speech.espeak_voices import installed_voices
from offhook.speech.speech_engine import SynthesisFailed
from offhook.speech.voice_index import VoiceIndex

REMINDER = "Hello, this is a reminder of your appointment tomorrow at ten o'clock."
TEXTS = {
    "en-GB": REMINDER,
    "en-US": REMINDER,
    "de-DE": "Guten Tag, wir erinnern Sie an Ihren Termin morgen um zehn Uhr.",
    "fr-FR": "Bonjour, nous vous rappelons votre rendez-vous de demain à dix heures.",
    "es-MX": "Hola, le recordamos su cita de mañana a las diez de la mañana.",
    "pt-BR": "Olá, lembramos da sua consulta amanhã às dez horas da manhã.",
    "ru-RU": "Здравствуйте, напоминаем о вашей записи завтра в десять часов.",
    "zh-CN": "您好，提醒您明天上午十点有预约，请按一确认。",
    "yue-HK": "你好，提醒你聽日朝早十點有預約，請按一確認。",
    "ja-JP": "こんにちは。あしたのごぜんじゅうじにごよやくがあります。",
    "ar-EG": "مرحبا، نذكركم بموعدكم غدا في الساعة العاشرة صباحا.",
    "hi-IN": "नमस्ते, कल सुबह दस बजे आपकी मुलाकात की याद दिलाने के लिए।",
    "th-TH": "สวัสดี ขอเตือนนัดหมายของคุณพรุ่งนี้เวลาสิบโมงเช้า",
    "ko-KR": "안녕하세요, 내일 오전 열 시 예약을 알려 드립니다.",
    "id-ID": "Halo, kami mengingatkan janji temu Anda besok pukul sepuluh pagi.",
}
VOICES = VoiceIndex(installed_voices())


@pytest.fixture
async def engine() -> AsyncIterator[Espeak]:
    engine = Espeak(processes=1)
    yield engine
    await engine.close()


async def spoken(
    engine: Espeak, text: str, locale: str = "en-GB", gender: str = "", speed: float = 1.0
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """What is heard, as samples of -1..1."""
    voice = VOICES.nearest(locale, gender)
    assert voice is not None
    octets = await engine.speak(text, voice=voice.id, speed=speed, owner="acme")
    ulaw = octets[: len(octets) // 2]
    samples: np.ndarray[tuple[int], np.dtype[np.float64]]
    samples = g711.levels(Codec.PCMU, ulaw).astype(np.float64) / 32768
    return samples


def pitch(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """The median pitch of the voiced parts, in Hz, by autocorrelation."""
    found = []
    for start in range(0, len(samples) - 320, 320):
        frame = samples[start : start + 320]
        correlation = np.correlate(frame, frame, "full")[319:]
        lag = 20 + int(np.argmax(correlation[20:134]))
        if correlation[0] > 1 and correlation[lag] > 0.5 * correlation[0]:
            found.append(8000 / lag)
    return float(np.median(found))


@pytest.mark.parametrize("locale", TEXTS)
async def test_a_sentence_is_heard_in_every_language(engine: Espeak, locale: str) -> None:
    samples = await spoken(engine, TEXTS[locale], locale)
    seconds = len(samples) / 8000
    assert 2 < seconds < 12
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    loud = np.sqrt(np.mean(np.square(frames), axis=1)) > 0.005
    assert np.mean(loud) > 0.6, "speech fills most of the time"
    assert 0.05 < np.sqrt(np.mean(np.square(samples))) < 0.12
    assert np.max(np.abs(samples)) < 0.95


async def test_every_installed_voice_speaks(engine: Espeak) -> None:
    voices = installed_voices()
    assert len(voices) > 200
    for voice in voices:  # digits, and a word for the two languages that cannot count
        assert (
            len(await engine.speak("1 2 3 Салам ᎣᏏᏲ", voice=voice.id, speed=1, owner="acme")) > 8000
        )


async def test_ten_times_the_text_takes_ten_times_as_long(engine: Espeak) -> None:
    once = len(await spoken(engine, REMINDER))
    ten = len(await spoken(engine, " ".join([REMINDER] * 10)))
    assert 9 < ten / once < 12


@pytest.mark.parametrize("speed", [0.5, 0.75, 1.5, 2.0])
async def test_speed_scales_the_duration(engine: Espeak, speed: float) -> None:
    usual = len(await spoken(engine, REMINDER))
    changed = len(await spoken(engine, REMINDER, speed=speed))
    assert usual / changed == pytest.approx(speed, rel=0.1)


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "zh-CN", "ko-KR"])
async def test_a_woman_speaks_higher_than_a_man(engine: Espeak, locale: str) -> None:
    woman = pitch(await spoken(engine, TEXTS[locale], locale, "F"))
    man = pitch(await spoken(engine, TEXTS[locale], locale, "M"))
    assert woman > 1.4 * man


async def test_markup_is_spoken_not_obeyed(engine: Espeak) -> None:
    plain = len(await spoken(engine, "wait here"))
    markup = len(await spoken(engine, "wait <break time='20s'/> here"))
    assert plain < markup < plain + 8000 * 8
    commands = len(await spoken(engine, "wait \x0110s here"))
    phonemes = await spoken(engine, "[[h@loU]] & \"a\" < 'b' > c")
    assert commands > 0
    assert len(phonemes) > 0


async def test_a_text_goes_on_after_a_nul(engine: Espeak) -> None:
    assert len(await spoken(engine, "one\0two three four five")) > 1.5 * len(
        await spoken(engine, "one")
    )


async def test_the_longest_text_is_spoken_whole(engine: Espeak) -> None:
    text = (REMINDER + " ") * 50
    assert len(await spoken(engine, text[:3000])) / 8000 > 120


SCRIPTS = [
    *(chr(start) for start in (0x41, 0x3B1, 0x416, 0x561, 0x5D0, 0x627, 0x710, 0x780, 0x905)),
    *(chr(start) for start in (0x985, 0xA05, 0xB85, 0xC05, 0xD05, 0xE01, 0xE81, 0xF40, 0x1000)),
    *(chr(start) for start in (0x10D0, 0x1200, 0x13A0, 0x1780, 0x1820, 0x3042, 0x30A2, 0x4E2D)),
    *(
        "가",
        "𐌰",
        "𝔸",
        "😀",
        "👨\u200d👩\u200d👧",
        "🇸🇬",
        "é",
        "\u202e",
        "\ufeff",
        "\u200d",
        "\U0010ffff",
    ),
]


async def test_no_script_stops_a_worker(engine: Espeak) -> None:
    """A letter the language lacks is named or left out; the worker lives on."""
    await spoken(engine, "warm")
    worker = engine._pool.workers[0].pid
    for locale in ("en-US", "zh-CN", "ar-EG", "hi-IN"):
        for text in SCRIPTS:
            await spoken(engine, f"a {text * 5} b", locale)
    await spoken(engine, "".join(SCRIPTS) * 20)
    assert engine._pool.workers[0].pid == worker


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "...", "\u200d"])
async def test_what_has_no_sound_is_an_empty_answer(engine: Espeak, text: str) -> None:
    assert len(await spoken(engine, text)) == 0


@pytest.mark.full
async def test_a_text_that_would_speak_for_hours_fails(engine: Espeak) -> None:
    with pytest.raises(SynthesisFailed, match=r"longer than 1800 s|no answer within"):
        await spoken(engine, "漢" * 3000 + "字" * 1500, speed=0.5)


@pytest.mark.parametrize("voice", ["gmw/nosuch", "gmw/en-US+nosuch", "en-gb", "", "../x"])
async def test_a_voice_that_is_not_there_never_leaves_another_speaking(
    engine: Espeak, voice: str
) -> None:
    with pytest.raises(SynthesisFailed, match="has no voice"):
        await engine.speak("hello", voice=voice, speed=1, owner="acme")


async def test_a_worker_killed_over_a_text_is_replaced_and_the_text_spoken(
    engine: Espeak,
) -> None:
    await spoken(engine, "warm")
    worker = engine._pool.workers[0].pid
    asked = asyncio.create_task(spoken(engine, (REMINDER + " ") * 40))
    await asyncio.sleep(0)
    os.kill(worker, signal.SIGKILL)
    assert len(await asked) / 8000 > 100
    assert engine._pool.workers[0].pid != worker


async def test_a_worker_that_hangs_is_killed_at_the_deadline(engine: Espeak) -> None:
    await spoken(engine, "warm")
    os.kill(engine._pool.workers[0].pid, signal.SIGSTOP)
    usual, engine._timeout = engine._timeout, 0.2
    with pytest.raises(SynthesisFailed, match=r"no answer within 0\.2 s"):
        await spoken(engine, "hello")
    engine._timeout = usual
    assert len(await spoken(engine, "hello")) > 0


async def test_without_the_engine_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(espeak, "data_folder", lambda: None)
    with pytest.raises(SynthesisFailed, match="pip install espeakng-loader"):
        await Espeak().speak("hello", voice="gmw/en", speed=1, owner="acme")
