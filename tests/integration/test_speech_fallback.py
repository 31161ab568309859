"""When an engine fails: the next one speaks, and long texts are made piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import final

import pytest

from offhook.net.http_client import HttpClient
from offhook.session.ports.speech import PromptError, Urgent, now
from offhook.speech.profiles import ProfileTable
from offhook.speech.service import SpeechService
from offhook.speech.speech_engine import Engine, SynthesisFailed
from offhook.speech.voice_index import EngineVoice

HALF_A_SECOND = b"\x80" * 8000
SSML = "<speak>One <break time='1s'/> two</speak>"


@final
class Scripted(Engine):
    """Speaks half a second, or fails when it is told to."""

    def __init__(self, name: str, *, ssml: bool = False) -> None:
        self._name = name
        self._ssml = ssml
        self.asked: list[str] = []
        self.broken = False
        self.parts_until_broken = 0
        """So many parts come first."""

    @property
    def name(self) -> str:
        return self._name

    @property
    def version(self) -> str:
        return "1"

    @property
    def first_piece(self) -> int:
        return 40

    @property
    def longest_piece(self) -> int:
        return 120

    @property
    def takes_ssml(self) -> bool:
        return self._ssml

    async def speak(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> bytes:
        self.asked.append(text)
        if self.broken:
            raise SynthesisFailed(f"{self._name} hangs")
        return HALF_A_SECOND

    async def parts(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> AsyncGenerator[bytes]:
        for _ in range(self.parts_until_broken):
            yield HALF_A_SECOND
        yield await self.speak(text, voice=voice, speed=speed, owner=owner)

    async def close(self) -> None:
        pass


@pytest.fixture
def first() -> Scripted:
    return Scripted("first", ssml=True)


@pytest.fixture
def second() -> Scripted:
    return Scripted("second")


@pytest.fixture
async def service(first: Scripted, second: Scripted) -> AsyncIterator[SpeechService]:
    client = HttpClient(allow_private=True)
    voices = [
        EngineVoice(engine=engine.name, id=f"{engine.name}-voice", tags={"en": 1}, rank=rank)
        for rank, engine in enumerate((first, second))
    ]
    service = SpeechService(profiles=ProfileTable(voices), engines=[first, second], client=client)
    yield service
    await service.close()
    await client.close()


async def test_the_next_engine_speaks_what_the_first_one_cannot(
    service: SpeechService, first: Scripted, second: Scripted
) -> None:
    first.broken = True
    prompt = await service.say("One.", voice_profile=None, language="en", speed=1, owner="acme")
    assert prompt.duration == 0.5
    assert (first.asked, second.asked) == (["One."], ["One."])


async def parts_of(service: SpeechService, text: str) -> list[float]:
    """The duration of each part."""
    asked = service.say_in_parts(text, voice_profile=None, language="en", speed=1, owner="acme")
    return [part.duration async for part in asked]


async def test_a_new_text_comes_in_parts_and_a_known_one_whole(
    service: SpeechService, first: Scripted
) -> None:
    first.parts_until_broken = 2
    assert await parts_of(service, "One.") == [0.5, 0.5, 0.5]
    assert await parts_of(service, "One.") == [1.5]
    assert first.asked == ["One."]


async def test_a_text_that_was_prepared_is_made_once(
    service: SpeechService, first: Scripted, second: Scripted
) -> None:
    service.prepare("One.", language="en", owner="acme")
    await service.say("One.", voice_profile=None, language="en", speed=1, owner="acme")
    assert first.asked == ["One."]
    first.broken = second.broken = True
    service.prepare("Two.", language="en", owner="acme")  # its failure is nobody's yet
    with pytest.raises(PromptError):
        await service.say("Two.", voice_profile=None, language="en", speed=1, owner="acme")


async def test_the_next_engine_says_all_of_a_text_that_broke_off(
    service: SpeechService, first: Scripted, second: Scripted
) -> None:
    first.parts_until_broken, first.broken = 1, True
    assert await parts_of(service, "One.") == [0.5, 0.5], "some words twice, but none is lost"
    assert second.asked == ["One."]
    assert await parts_of(service, "One.") == [0.5, 0.5], "half a text is not kept"


async def test_a_text_that_no_engine_can_finish_fails_behind_its_first_part(
    service: SpeechService, first: Scripted, second: Scripted
) -> None:
    first.parts_until_broken, first.broken, second.broken = 1, True, True
    heard = service.say_in_parts("One.", voice_profile=None, language="en", speed=1, owner="acme")
    part = await anext(heard)
    assert part.duration == 0.5
    with pytest.raises(PromptError, match="second hangs"):
        await anext(heard)


async def test_an_engine_that_keeps_failing_rests_and_does_not_delay_every_text(
    service: SpeechService, first: Scripted, second: Scripted
) -> None:
    first.broken = True
    for text in ("One.", "Two.", "Three.", "Four."):
        await service.say(text, voice_profile=None, language="en", speed=1, owner="acme")
    assert first.asked == ["One.", "Two."]
    assert len(second.asked) == 4


async def test_when_every_engine_fails_the_last_one_says_why(
    service: SpeechService, first: Scripted, second: Scripted
) -> None:
    first.broken = second.broken = True
    with pytest.raises(PromptError, match="second hangs"):
        await service.say("One.", voice_profile=None, language="en", speed=1, owner="acme")
    second.broken = False
    await service.say("One.", voice_profile=None, language="en", speed=1, owner="acme")


async def test_a_long_text_is_cut_for_the_engine_that_speaks_it(
    service: SpeechService, first: Scripted
) -> None:
    text = "Good morning. " + "We remind you of your appointment. " * 8
    cut = service.cut(text, voice_profile=None, language="en")
    assert cut[0] == "Good morning. "
    assert "".join(cut) == text
    assert len(cut) > 3
    assert service.cut("Hi.", voice_profile=None, language="en") == ["Hi."]
    assert service.cut("...", voice_profile=None, language="en") == ("...",)
    assert service.cut(text, voice_profile=None, language="zu") == (text,)


async def test_a_piece_in_the_middle_ends_with_a_pause_and_the_last_one_does_not(
    service: SpeechService,
) -> None:
    durations = []
    for piece in ("One. ", "Two."):
        prompt = await service.say(piece, voice_profile=None, language="en", speed=1, owner="a")
        durations.append(prompt.duration)
    assert durations == [0.75, 0.5]


async def test_ssml_goes_whole_to_an_engine_that_takes_it_and_its_words_to_the_others(
    service: SpeechService, first: Scripted, second: Scripted
) -> None:
    assert service.cut(SSML, voice_profile=None, language="en") == (SSML,)
    first.broken = True
    await service.say(SSML, voice_profile=None, language="en", speed=1, owner="acme")
    assert first.asked == [SSML]
    assert second.asked == ["One, two"]
