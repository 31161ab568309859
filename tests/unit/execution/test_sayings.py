"""Long texts: the first piece sounds while the others are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.unit.execution.flows import HANGUP, A, Answers, answer, ask, make_call, say

from offhook.execution.sayings import Saying, SayingPlayback
from offhook.session.ports.speech import Prompt, Urgency, Urgent, now
from offhook.session.ports.telephony import Playback, PlaybackResult
from offhook.testing import Offhook, SimulatedSession
from offhook.testing.simulated_speech import FakeSpeech

LONG = "First part. Second part. Third part."
PIECES = ("First part. ", "Second part. ", "Third part.")


@pytest.fixture(autouse=True)
def cut_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The speech of the simulation cuts texts behind sentences."""

    def cut(_self: FakeSpeech, text: str, **_asked: object) -> list[str]:
        parts = text.split(". ")
        return [*(f"{part}. " for part in parts[:-1]), parts[-1]]

    monkeypatch.setattr(FakeSpeech, "cut", cut)


def starts(call: SimulatedSession) -> list[float]:
    """When each piece began."""
    return [
        moment.at for moment in call.timeline if (moment.who, moment.what) == ("Offhook", "says")
    ]


def test_the_first_piece_sounds_before_the_others_are_made(offhook: Offhook) -> None:
    offhook.preparing_takes(2.0)
    call = offhook.call([make_call(), say(LONG), HANGUP])
    assert starts(call) == pytest.approx([2.0, 4.0, 6.0], abs=0.01), "each as soon as it was made"


def test_pieces_that_are_there_are_played_without_a_gap(offhook: Offhook) -> None:
    call = offhook.call([make_call(), say(LONG), say("Good bye."), HANGUP])
    assert call.spoken == [*PIECES, "Good bye."]
    lengths = [len(text) * 0.06 for text in PIECES]
    expected = [1.0, 1 + lengths[0], 1 + sum(lengths[:2]), 1 + sum(lengths)]
    assert starts(call) == pytest.approx(expected, abs=0.01)


def test_a_repeated_text_is_repeated_whole_after_half_a_second(offhook: Offhook) -> None:
    call = offhook.call([make_call(), say("One. Two.", repetition=2), say("End."), HANGUP])
    assert [text for text in call.spoken if text != "(audio)"] == [
        "One. ",
        "Two.",
        "One. ",
        "Two.",
        "End.",
    ]
    both = len("One. Two.") * 0.06
    assert starts(call)[-1] == pytest.approx(1 + 2 * both + 0.5, abs=0.01)


def test_a_piece_that_cannot_be_made_fails_behind_those_before(offhook: Offhook) -> None:
    offhook.mute("Second part. ")
    call = offhook.call([make_call(), say(LONG), say("Good bye."), HANGUP])
    assert (call.error, call.spoken) == (-2005, ["First part. "])


def test_a_key_stops_the_pieces_that_are_still_to_come(offhook: Offhook) -> None:
    offhook.phone(A).hears("First").presses("1")
    offhook.vca(Answers(answer(say("Thanks."), HANGUP)))
    call = offhook.call([make_call(), ask(LONG, maxDigits=1)])
    assert call.spoken[-1] == "Thanks."
    assert "Third part." not in call.a.heard
    assert call.a.heard[-1] == "Thanks."


def test_texts_are_made_in_the_order_in_which_they_are_played(offhook: Offhook) -> None:
    offhook.preparing_takes(1.5)
    call = offhook.call([make_call(), say(LONG), say("Good bye."), HANGUP])
    assert starts(call) == pytest.approx([1.5, 3.0, 4.5, 6.0], abs=0.01)


def test_a_message_of_a_capture_is_played_in_pieces_too(offhook: Offhook) -> None:
    offhook.preparing_takes(2.0)
    offhook.vca(Answers())
    call = offhook.call([make_call(), ask(LONG, maxDigits=1, overallTimeout=1, noOfTries=1)])
    assert starts(call)[:3] == pytest.approx([2.0, 4.0, 6.0], abs=0.01)


class SlowParts(FakeSpeech):
    """Makes each text in two parts."""

    async def say_in_parts(self, text: str, **asked: Any) -> AsyncIterator[Prompt]:
        for part in (text[: len(text) // 2], text[len(text) // 2 :]):
            await asyncio.sleep(0.01)
            yield await self.say(part, **asked)


class Noted(FakeSpeech):
    """Makes a text in two parts when it is let, and notes how urgent it is."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()
        self.urgent: dict[str, Urgent] = {}

    async def say_in_parts(
        self, text: str, *, urgent: Urgent = now, **asked: Any
    ) -> AsyncIterator[Prompt]:
        self.urgent[text] = urgent
        yield await self.say(text, **asked)
        await self.go_on.wait()
        yield await self.say(text, **asked)


def noted(speech: Noted, text: str, after: Saying | None = None) -> Saying:
    asked = {"voice_profile": None, "language": "en", "speed": 1.0, "owner": "acme"}
    return Saying([lambda urgent: speech.say_in_parts(text, urgent=urgent, **asked)], after)


class Line(Playback):
    """A line that never plays."""

    async def finished(self) -> PlaybackResult:
        return PlaybackResult.FINISHED

    def stop(self) -> None:
        pass


async def test_a_text_is_most_urgent_while_its_first_words_are_waited_for() -> None:
    speech = Noted()
    saying = noted(speech, "Hello.")
    await asyncio.sleep(0)
    urgent = speech.urgent["Hello."]
    assert urgent() is Urgency.LATER, "the phone rings"
    playback = SayingPlayback(saying, lambda _prompt, _times: Line(), repetition=1)
    first = asyncio.create_task(playback.ready())
    await asyncio.sleep(0)
    assert urgent() is Urgency.NOW
    playback.begin(await first)
    assert urgent() is Urgency.NOW, "its first piece would break off"
    speech.go_on.set()
    await playback.finished()
    assert urgent() is Urgency.SOON, "more of it would follow"
    await playback.close()
    assert urgent() is Urgency.LATER, "it was stopped"
    saying.give_up()


async def test_who_waits_for_a_playback_that_is_stopped_waits_no_longer() -> None:
    saying = noted(Noted(), "Hello.")
    playback = SayingPlayback(saying, lambda _prompt, _times: Line(), repetition=1)
    playback.begin(await playback.ready())
    waiting = asyncio.create_task(playback.finished())
    await asyncio.sleep(0)  # its second part is never made
    playback.stop()
    async with asyncio.timeout(10):
        assert await waiting is PlaybackResult.FINISHED
    await playback.close()
    saying.give_up()


async def test_a_text_that_was_stopped_does_not_keep_the_next_one_waiting() -> None:
    speech = Noted()
    stopped = noted(speech, "Press a key.")
    following = noted(speech, "Thank you.", stopped)
    await asyncio.sleep(0)
    assert "Thank you." not in speech.urgent
    playback = SayingPlayback(following, lambda _prompt, _times: Line(), repetition=1)
    assert (await playback.ready()).duration > 0
    for saying in (stopped, following):
        saying.give_up()


async def played(saying: Saying, repetition: int) -> list[Prompt]:
    """What a playback queues on the line."""
    queued: list[Prompt] = []

    def play(prompt: Prompt, times: int) -> Playback:
        queued.extend([prompt] * times)
        return Line()

    playback = SayingPlayback(saying, play, repetition=repetition)
    playback.begin(await playback.ready())
    await playback.finished()
    return queued


async def test_a_part_is_queued_before_the_next_one_is_made() -> None:
    speech = SlowParts()
    asked = {"voice_profile": None, "language": "en", "speed": 1.0, "owner": "acme"}
    saying = Saying([lambda _urgent: speech.say_in_parts("Good morning", **asked)])
    first = await saying.piece(0)
    assert not saying.is_one
    second = await saying.piece(1)
    assert await saying.piece(2) is None
    assert await played(saying, 1) == [first, second]
    twice = await played(saying, 2)
    assert [twice[0], twice[1], *twice[3:]] == [first, second, first, second]
