"""A burst of new texts: other customers' texts take turns with it, and what is cached does not wait."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import final

import pytest

from offhook.net.http_client import HttpClient
from offhook.session.ports.speech import Prompt, Urgent, now
from offhook.speech.profiles import ProfileTable
from offhook.speech.service import SpeechService
from offhook.speech.speech_engine import Engine
from offhook.speech.voice_index import EngineVoice
from offhook.speech.workers import WorkerPool

PROGRAM = """
import struct, sys
def answer(payload):
    sys.stdout.buffer.write(struct.pack("!BI", 0, len(payload)) + payload)
    sys.stdout.buffer.flush()
answer(b"")
while len(head := sys.stdin.buffer.read(4)) == 4:
    sys.stdin.buffer.read(struct.unpack("!I", head)[0])
    answer(b"\\x80" * 3200)
"""
"""A worker that speaks everything as 0.2 s."""
BURST = 60


@final
class OneWorker(Engine):
    """An engine with one worker, as Kokoro is one; notes the order in which texts were spoken."""

    def __init__(self, program: Path) -> None:
        self._pool = WorkerPool(
            (sys.executable, str(program)), size=1, waiting=500, max_answer=10_000
        )
        self.spoken: list[str] = []

    @property
    def name(self) -> str:
        return "one"

    @property
    def version(self) -> str:
        return "1"

    async def speak(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> bytes:
        octets = await self._pool.ask(text.encode(), timeout=20, owner=owner, urgent=urgent)
        self.spoken.append(text)
        return octets

    async def close(self) -> None:
        await self._pool.close()


@pytest.fixture
async def engine(tmp_path: Path) -> OneWorker:
    program = tmp_path / "worker.py"
    program.write_text(PROGRAM)
    return OneWorker(program)


@pytest.fixture
async def service(engine: OneWorker) -> AsyncIterator[SpeechService]:
    client = HttpClient(allow_private=True)
    voices = [EngineVoice(engine="one", id="voice", tags={"en": 1})]
    service = SpeechService(profiles=ProfileTable(voices), engines=[engine], client=client)
    yield service
    await service.close()
    await client.close()


async def say(service: SpeechService, text: str, owner: str) -> Prompt:
    return await service.say(text, voice_profile=None, language="en", speed=1, owner=owner)


async def test_another_customers_text_waits_for_two_of_a_burst_at_most(
    service: SpeechService, engine: OneWorker
) -> None:
    burst = [asyncio.create_task(say(service, f"text {n}", "hasty")) for n in range(BURST)]
    while not engine.spoken:
        await asyncio.sleep(0)
    before = len(engine.spoken)
    await say(service, "a text of another customer", "patient")
    place = engine.spoken.index("a text of another customer")
    assert place <= before + 2, "it took its turn"
    assert not burst[-1].done()
    await asyncio.gather(*burst)


async def test_each_of_several_customers_has_the_same_share(
    service: SpeechService, engine: OneWorker
) -> None:
    await say(service, "warm", "hasty")
    hasty = [asyncio.create_task(say(service, f"text {n}", "hasty")) for n in range(BURST)]
    await asyncio.sleep(0)
    others = [
        asyncio.create_task(say(service, f"{owner} {n}", owner))
        for owner in "abc"
        for n in range(5)
    ]
    await asyncio.gather(*others)
    last = max(engine.spoken.index(f"{owner} {n}") for owner in "abc" for n in range(5))
    assert last <= 4 * 5 + 4, "four customers take turns"
    await asyncio.gather(*hasty)


async def test_a_text_that_was_spoken_before_does_not_wait_for_a_burst(
    service: SpeechService, engine: OneWorker
) -> None:
    known = await say(service, "known", "patient")
    own = await say(service, "known to the hasty one", "hasty")
    burst = [asyncio.create_task(say(service, f"text {n}", "hasty")) for n in range(BURST)]
    while len(engine.spoken) < 3:
        await asyncio.sleep(0)
    spoken = len(engine.spoken)
    assert await say(service, "known", "patient") is known
    assert await say(service, "known to the hasty one", "hasty") is own
    assert len(engine.spoken) == spoken, "nothing was spoken in the meantime"
    await asyncio.gather(*burst)
