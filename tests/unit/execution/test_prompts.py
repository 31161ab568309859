"""The prompts of a list of actions: begun early, once, and forgotten when the list is over."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from offhook.execution.failures import SessionFailure
from offhook.execution.prompts import Prompts
from offhook.execution.sayings import Saying
from offhook.flow.actions import PlayFile, Say, SayAndCapture
from offhook.session.ports.speech import Prompt
from offhook.testing.simulated_speech import FakeSpeech, SpokenPrompt

ONE, TWO = Say(text="One.", language="en"), Say(text="Two.", language="en")


class CountingSpeech(FakeSpeech):
    """Remembers what was asked of it, and when it was given up."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.given_up: list[str] = []
        self.endless: set[str] = set()

    async def say(
        self,
        text: str,
        *,
        voice_profile: str | None,
        language: str | None,
        speed: float,
        owner: str,
    ) -> SpokenPrompt:
        self.asked.append(text)
        try:
            if text in self.endless:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.given_up.append(text)
            raise
        return await super().say(
            text, voice_profile=voice_profile, language=language, speed=speed, owner=owner
        )


async def made(saying: Saying) -> Prompt:
    first = await saying.piece(0)
    assert first is not None
    return first


async def duration(saying: Saying) -> float:
    return (await made(saying)).duration


async def test_each_text_is_asked_for_once() -> None:
    speech = CountingSpeech()
    prompts = Prompts(speech, "acme")
    capture = SayAndCapture(prompt_message="Well?", failure_message="No.", language="en")
    prompts.prepare([ONE, capture, ONE])
    assert await duration(prompts.of(ONE)) == pytest.approx(0.24)
    assert await duration(prompts.of_text(capture, "No.")) == pytest.approx(0.18)
    assert speech.asked == ["One.", "Well?", "No."]
    await prompts.close()


async def test_what_two_lists_share_is_kept_and_the_rest_forgotten() -> None:
    speech = CountingSpeech()
    prompts = Prompts(speech, "acme")
    prompts.prepare([ONE, TWO])
    forgotten = weakref.ref(await made(prompts.of(TWO)))
    kept = await prompts.of(ONE).piece(0)
    prompts.prepare([ONE])
    assert await prompts.of(ONE).piece(0) is kept
    await asyncio.sleep(0)  # the loop lets go of what this task was woken with
    gc.collect()
    assert forgotten() is None
    assert speech.asked == ["One.", "Two."]
    await prompts.close()


async def test_what_is_not_needed_any_more_is_given_up() -> None:
    speech = CountingSpeech()
    speech.endless = {"One.", "Two."}
    prompts = Prompts(speech, "acme")
    prompts.prepare([ONE])
    await asyncio.sleep(0)
    prompts.prepare([TWO])
    await asyncio.sleep(0)
    assert speech.given_up == ["One."]
    await prompts.close()
    assert speech.given_up == ["One.", "Two."]
    assert len(asyncio.all_tasks()) == 1


async def test_failures_show_where_they_are_asked_for_and_nowhere_else() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, c: complaints.append(c))
    speech = FakeSpeech()
    speech.mute = {"One."}
    speech.files = {"https://customer.example/x.wav": None}
    prompts = Prompts(speech, "acme")
    file = PlayFile(file_url="https://customer.example/x.wav")
    prompts.prepare([ONE, file])
    with pytest.raises(SessionFailure) as caught:
        await prompts.of(ONE).piece(0)
    assert caught.value.code == -2005
    prompts.prepare([TWO])  # nobody asks for the file, and nobody hears of its failure
    assert await duration(prompts.of(TWO)) > 0
    await prompts.close()
    gc.collect()
    assert complaints == []
