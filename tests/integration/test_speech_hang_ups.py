"""Calls that end while their texts are made: the synthesizer is for those who still wait."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import final

import pytest

from offhook.net.http_client import HttpClient
from offhook.session.ports.speech import Urgency, Urgent, now
from offhook.speech.profiles import ProfileTable
from offhook.speech.prompt import joined
from offhook.speech.service import SpeechService
from offhook.speech.speech_engine import Engine
from offhook.speech.voice_index import EngineVoice
from offhook.speech.workers import WorkerPool

PROGRAM = """
import itertools, struct, sys
log = open(sys.argv[1], "a", buffering=1)
def answer(status, payload):
    sys.stdout.buffer.write(struct.pack("!BI", status, len(payload)) + payload)
    sys.stdout.buffer.flush()
def parts(text):
    for part in range(PARTS):
        log.write(text + "\\n")
        yield 2 if part < PARTS - 1 else 0, b"\\x80" * 320
numbers, going_on = itertools.count(1), {}
answer(0, b"")
while len(head := sys.stdin.buffer.read(4)) == 4:
    kind, number = divmod(struct.unpack("!I", head)[0], 1 << 30)
    if kind == 2:
        del going_on[number]
        continue
    if kind == 0:
        text = sys.stdin.buffer.read(number).decode()
        number = next(numbers)
        going_on[number] = parts(text)
    answer(*next(going_on[number]))
"""
"""Speaks every text as so many parts of 20 ms, and writes down each part that it makes."""
CALLS = 20
PARTS = 40


@final
class Model(Engine):
    """An engine with one worker, which can be interrupted behind each part."""

    def __init__(self, folder: Path) -> None:
        program = folder / "worker.py"
        program.write_text(PROGRAM.replace("PARTS", str(PARTS)))
        self._log = folder / "log"
        self._log.touch()
        command = (sys.executable, "-I", "-S", str(program), str(self._log))
        self._pool = WorkerPool(command, size=1, waiting=500, max_answer=10_000)

    @property
    def name(self) -> str:
        return "model"

    @property
    def version(self) -> str:
        return "1"

    @property
    def is_interruptible(self) -> bool:
        return True

    @property
    def made(self) -> list[str]:
        """The text of each part that was made, in order."""
        return self._log.read_text().splitlines()

    async def speak(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> bytes:
        made = self.parts(text, voice=voice, speed=speed, owner=owner, urgent=urgent)
        return joined([part async for part in made], wide=False)

    async def parts(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> AsyncGenerator[bytes]:
        made = self._pool.parts(text.encode(), timeout=60, owner=owner, urgent=urgent)
        async with aclosing(made):
            async for part in made:
                yield part

    async def close(self) -> None:
        await self._pool.close()


@pytest.fixture
async def model(tmp_path: Path) -> Model:
    return Model(tmp_path)


@pytest.fixture
async def service(model: Model) -> AsyncIterator[SpeechService]:
    client = HttpClient(allow_private=True)
    voices = [EngineVoice(engine="model", id="voice", tags={"en": 1})]
    service = SpeechService(profiles=ProfileTable(voices), engines=[model], client=client)
    yield service
    await service.close()
    await client.close()


async def listen(service: SpeechService, text: str, urgency: Urgency = Urgency.NOW) -> int:
    """Hear a text to its end; the number of its parts."""
    parts = service.say_in_parts(
        text,
        voice_profile=None,
        language="en",
        speed=1,
        owner="acme",
        urgent=lambda: urgency,
    )
    return len([part async for part in parts])


async def until_made(model: Model, parts: int) -> None:
    async with asyncio.timeout(20):
        while len(model.made) < parts:
            await asyncio.sleep(0)


async def test_first_words_come_between_the_texts_of_twenty_calls(
    service: SpeechService, model: Model
) -> None:
    calls = [asyncio.create_task(listen(service, f"text {n}", Urgency.SOON)) for n in range(CALLS)]
    await until_made(model, 5)
    asked = len(model.made)
    short = asyncio.create_task(listen(service, "short"))
    async with asyncio.timeout(20):
        while "short" not in model.made:
            await asyncio.sleep(0)
    begun = model.made.index("short")
    assert begun <= asked + 10, "and not behind forty parts"
    assert await short == PARTS
    made = model.made[begun : begun + PARTS + 1]
    assert made.count("short") >= PARTS, "and it does not break off"
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def test_what_twenty_calls_have_left_keeps_nobody_waiting(
    service: SpeechService, model: Model
) -> None:
    calls = [asyncio.create_task(listen(service, f"text {n}")) for n in range(CALLS)]
    await until_made(model, CALLS + 5)  # each has its first words
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    assert await listen(service, "new text", Urgency.SOON) == PARTS
    begun = model.made.index("new text")
    assert begun < 5 * PARTS, "it did not wait until the others were finished"
    assert model.made[begun : begun + PARTS + 1].count("new text") >= PARTS


async def test_a_text_that_one_of_two_calls_still_hears_goes_on(
    service: SpeechService, model: Model
) -> None:
    first = asyncio.create_task(listen(service, "shared"))
    second = asyncio.create_task(listen(service, "shared"))
    await until_made(model, 3)
    first.cancel()
    assert await second == PARTS
    assert model.made == ["shared"] * PARTS, "made once"
